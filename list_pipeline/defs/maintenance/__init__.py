"""Post-campaign maintenance in Dagster: its assets, checks, jobs and sensors, on one partition a campaign.

Does not belong here: what an asset does (``operations``).
"""
