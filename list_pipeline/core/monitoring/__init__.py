"""Rules about the product's own work: latency, freshness, failures, rollback triggers, the daily decision review.

Does not belong here: measuring (``operations.monitoring``).
"""
