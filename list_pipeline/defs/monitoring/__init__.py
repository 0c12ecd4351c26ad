"""The product's own work in Dagster: metrics, failed runs, the daily decision review.

Does not belong here: the rules (``core.monitoring``).
"""
