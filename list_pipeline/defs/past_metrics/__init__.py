"""The figures of campaigns from before the first start, as an asset.

Does not belong here: reading them (``operations.campaigns.past_metrics``).
"""
