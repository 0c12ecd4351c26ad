"""The validation before a campaign in Dagster: asset, checks, job, sensor.

Does not belong here: the rules (``core.validation``).
"""
