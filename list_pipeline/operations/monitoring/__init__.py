"""Looking after the product's own work: figures, alerts, rollback triggers, dependencies, the decision review.

Does not belong here: measuring a stage (``operations.stages``).
"""
