"""Digests in Dagster: the sensor that sends what is due.

Does not belong here: making and sending (``operations.digest``).
"""
