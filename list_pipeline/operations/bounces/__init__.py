"""Reading a campaign's bounces from Mailjet and keeping them as events.

Does not belong here: classifying them (``core.bounces``).
"""
