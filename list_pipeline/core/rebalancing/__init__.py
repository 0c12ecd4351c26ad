"""Even lists: deviation, minimal moves, who moves, and the gate for these plans.

Does not belong here: carrying a plan out (``operations.plans``).
"""
