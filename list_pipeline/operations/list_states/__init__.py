"""Following the campaign lists through their state machines, and the alerts about a list.

Does not belong here: the machines (``core.list_states``).
"""
