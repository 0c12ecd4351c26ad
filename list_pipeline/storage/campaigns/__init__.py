"""Rows of campaigns that were sent, and of those that are scheduled.

Does not belong here: decisions.
"""
