"""Views for people: cached reads, exports, masked items.

Does not belong here: anything that decides.
"""
