"""The life of a run: its statuses and which may follow which, when it is tried again, and the keys it is asked for by.

Does not belong here: what a run does (``operations.maintenance``, ``operations.weekly`` and ``operations.validation``).
"""
