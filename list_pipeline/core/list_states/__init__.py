"""The two state machines of a campaign list, the events that drive them, and the alerts about a list.

Does not belong here: any decision: states describe and never decide.
"""
