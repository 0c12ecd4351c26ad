"""The operating mode of the product, and whether its database can be trusted.

Does not belong here: judging one plan (``core.plans.gate``).
"""
