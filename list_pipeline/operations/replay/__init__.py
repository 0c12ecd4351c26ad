"""Policy replay: other rules asked about campaigns that are over; nothing is changed.

Does not belong here: the rules (``core.suppression``, ``core.replay``).
"""
