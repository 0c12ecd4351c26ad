"""The life of a maintenance run: due, begun, failed, ended, with a ledger row from the first moment.

Does not belong here: its stages (``operations.maintenance``).
"""
