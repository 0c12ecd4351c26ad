"""How much the product may do by itself, and whether the database can be trusted.

Does not belong here: judging one plan (``core.plans.gate``).
"""
