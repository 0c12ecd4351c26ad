"""Plans: their vocabulary, the gates' vocabulary, the transitions of a plan and its steps, and corrections.

Does not belong here: what one kind of plan contains (``core.suppression``, ``core.rebalancing``).
"""
