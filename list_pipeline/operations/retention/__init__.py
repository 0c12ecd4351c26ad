"""The removal of old records.

Does not belong here: how long which are kept (``core.retention``); runs of Dagster (``defs.retention``).
"""
