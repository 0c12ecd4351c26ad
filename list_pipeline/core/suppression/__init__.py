"""Who is suppressed and why: policy figures, rules, verdicts, the plan and its gate.

Does not belong here: why a message failed (``core.bounces``).
"""
