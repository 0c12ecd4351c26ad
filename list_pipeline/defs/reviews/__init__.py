"""Jobs for people: deciding on what waits, and corrections.

Does not belong here: the decision itself (``operations.reviews``, ``operations.plans``).
"""
