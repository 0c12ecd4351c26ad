"""Suppression: policy figures, the rules and their verdicts, the plan and its gate.

Does not belong here: why a message failed (``core.bounces``).
"""
