"""Planning suppressions from the stored bounces, asking the advisor, having the plan carried out.

Does not belong here: the rules (``core.suppression``).
"""
