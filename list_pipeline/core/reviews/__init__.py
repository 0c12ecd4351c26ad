"""The messages about what waits for a person and what was decided.

Does not belong here: the decision itself (``operations.reviews``).
"""
