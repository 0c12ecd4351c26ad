"""Alarms in Dagster: the sensor that looks and tells.

Does not belong here: what is wrong, and telling (``operations.alarms``).
"""
