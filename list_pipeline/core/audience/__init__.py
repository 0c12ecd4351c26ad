"""A new audience: contacts of the master list that were on no campaign list, and how they are divided over the three of them.

Belongs here: the division, the days of the first mails, and the gate of such a plan. Does not belong here: evening out lists by
moves, and newcomers of a maintenance (``core.rebalancing``).
"""
