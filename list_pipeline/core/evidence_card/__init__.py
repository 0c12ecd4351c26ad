"""The evidence card: why a contact is where it is, what that rests on, and what would have changed it.

Does not belong here: the rules themselves (``core.suppression``), which are asked and not repeated.
"""
