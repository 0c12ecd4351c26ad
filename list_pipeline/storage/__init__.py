"""PostgreSQL: the truth. One module a noun; SQL stands here and nowhere else, and decides nothing.

Every function takes a connection or a ``Database`` and the present instant; nothing here asks the time or the network.
"""
