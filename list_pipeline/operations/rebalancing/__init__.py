"""Planning a rebalancing and having it carried out.

Does not belong here: the moves (``core.rebalancing``).
"""
