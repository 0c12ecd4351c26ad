"""The rehearsed Mailjet REST API: one module for each resource, and what happens behind it.

Does not belong here: seeding an account (``sandbox.seed``).
"""
