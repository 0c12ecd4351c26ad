"""A week of the lists: figures, urgency, report and messages.

Does not belong here: the health of one list (``core.health``).
"""
