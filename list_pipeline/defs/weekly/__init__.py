"""The weekly health check in Dagster: assets on one partition a week, checks, job, schedule, sensor.

Does not belong here: what a step does (``operations.weekly``).
"""
