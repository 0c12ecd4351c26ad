"""The past of a rehearsed account: contacts, lists, cycles of sends, and the truth about them.

Does not belong here: answering requests (``sandbox.mailjet``).
"""
