"""The reconciliation of the lists in Dagster.

Does not belong here: what is compared (``operations.drift``).
"""
