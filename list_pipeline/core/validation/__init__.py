"""The rules of the validation before a campaign, and its message.

Does not belong here: reading what they judge, and blocking (``operations.validation``).
"""
