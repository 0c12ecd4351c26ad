"""The figures of a campaign list, their trends, and the assessment of its health.

Does not belong here: a whole week (``core.weekly``).
"""
