"""Told events: receiving what Mailjet's Event API sends, joining what was kept aside, comparing it with what is read.

Does not belong here: the HTTP service (``api``), and reading the logs (``operations.bounces``), which stays the measure.
"""
