"""Rows of validations and of blocked campaigns.

Does not belong here: the rules (``core.validation``).
"""
