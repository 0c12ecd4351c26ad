"""Carrying a plan out through the journal, reading back what was done, and taking it back.

Does not belong here: making a plan (``operations.suppression``, ``operations.rebalancing``).
"""
