"""Plans: their vocabulary, the gates' vocabulary, and how a plan is carried out and taken back.

Belongs here: what a plan and its items are and the life of a plan (``plan``), the evidence of an item (``evidence``), the
checks and the decision of every gate (``gate``), the life of a change's steps and of bulk jobs (``journal``), what other
people's edits mean for a change that is under way (``concurrent_edits``), and what a reversal consists of
(``corrections``). Does not belong here: what one kind of plan contains and its own checks (``core.suppression``,
``core.rebalancing``), and the operating mode (``core.safety``).
"""
