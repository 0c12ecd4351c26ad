"""The sender's faults: refusals that concern us and not the contacts, as a list of what to repair.

Does not belong here: which failures are the sender's (``core.bounces``), and who is kept because of them
(``core.suppression``).
"""
