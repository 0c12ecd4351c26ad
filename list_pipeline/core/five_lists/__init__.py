"""Whether the five configured lists are the five lists: what speaks for it, and what a person confirmed.

Does not belong here: reading the facts (``storage.five_lists``), and what the lists hold from day to day (``drift``).
"""
