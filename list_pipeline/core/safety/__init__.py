"""The operating mode: how much the product may do by itself.

Does not belong here: judging one plan (``core.plans.gate``), and reading what the mode follows from
(``operations.safety.modes``).
"""
