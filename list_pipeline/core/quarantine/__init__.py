"""Quarantine: contacts that are not mailed for a while, and stay on their lists.

Belongs here: who is kept from mail and until when, whether that needs a person, and what becomes of it. Does not belong here:
why a suppression is held (``core.incidents``), and lifting an exclusion (``core.plans.corrections``).
"""
