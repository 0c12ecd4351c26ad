"""Post-campaign maintenance from beginning to end: its order, its gates, its checks.

Does not belong here: one step of it, which stands with its noun; the ledger row of a run (``operations.runs``).
"""
