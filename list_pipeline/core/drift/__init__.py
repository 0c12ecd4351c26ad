"""How Mailjet's lists and our rows can differ, with the words and the proposed repair for each difference.

Does not belong here: reading the lists (``operations.drift``).
"""
