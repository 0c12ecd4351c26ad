"""Gathering the figures of the lists and keeping their assessments.

Does not belong here: the rules (``core.health``).
"""
