"""Validating a list before its campaign, and blocking a campaign that must not go out.

Does not belong here: the rules (``core.validation``).
"""
