"""Campaigns in their cycles, and when a campaign is due for its maintenance.

Does not belong here: what is done to its list.
"""
