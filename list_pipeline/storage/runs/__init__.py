"""The ledger of maintenance runs and their attempts.

Does not belong here: the life of a run (``operations.runs``).
"""
