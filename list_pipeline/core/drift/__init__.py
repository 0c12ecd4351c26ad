"""The differences that Mailjet's lists and our rows can have, with words and a proposed repair for each.

Does not belong here: reading the lists (``operations.drift``).
"""
