"""Rows of list membership, the merging of a sync, and the versions of shown data.

Does not belong here: comparing with Mailjet (``storage.drift``).
"""
