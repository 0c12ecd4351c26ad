"""Verdict imports: a file of contacts that a person, or an address verifier, says are not to be mailed.

Belongs here: reading such a file, what becomes of each of its rows, and whether the plan made of them may run. Does not belong
here: opening the file, and carrying the plan out (``operations.plans.corrections``).
"""
