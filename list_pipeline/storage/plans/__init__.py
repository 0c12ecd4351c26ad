"""Rows of plans, of the journal and of corrections.

Does not belong here: which transition is allowed (``core.plans``).
"""
