"""The maintenance report: its facts, key figures, sentences and Slack message.

Does not belong here: writing and posting it (``operations.reports``).
"""
