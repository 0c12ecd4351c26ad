"""Keeping our rows of the five lists current, and counting the lists.

Does not belong here: comparing whole lists (``operations.drift``).
"""
