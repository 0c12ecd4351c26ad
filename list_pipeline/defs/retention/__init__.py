"""The daily clean-up of old records and of Dagster's old runs.

Does not belong here: how long which are kept (``core.retention``).
"""
