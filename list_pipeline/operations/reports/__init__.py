"""Writing the report of a maintenance and handing it to the outbox.

Does not belong here: its words (``core.reports``).
"""
