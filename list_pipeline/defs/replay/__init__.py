"""Policy replay in Dagster: an asset for each campaign, and a job for many.

Does not belong here: the replay itself (``operations.replay``).
"""
