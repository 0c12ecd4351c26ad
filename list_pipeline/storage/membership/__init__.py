"""Rows of who is on which list, what a sync merges, and the versions of shown data.

Does not belong here: comparing with Mailjet (``storage.drift``).
"""
