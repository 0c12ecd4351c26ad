"""What people are shown through the cache, as an asset.

Does not belong here: reading and caching (``operations.views``).
"""
