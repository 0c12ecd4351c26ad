"""A new audience: seen, divided over the campaign lists as a plan, and taken off them again.

Does not belong here: the division (``core.audience``), and carrying a plan out (``operations.plans.corrections``).
"""
