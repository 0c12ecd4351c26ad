"""The numbers of PostgreSQL's advisory locks: one for each lock of the product, so that no two ever mean the same.

Other applications in the same database are kept apart by the first half, ``0x6C70``. A number never changes its meaning:
processes of two versions may run beside each other during an upgrade.
"""

from typing import Final

LIMITER: Final = 0x6C70_0001
"""Counting a request to Mailjet."""

MUTATION: Final = 0x6C70_0002
"""Changing lists: one process at a time."""

MESSAGE: Final = 0x6C70_0003
"""Posting one message; the first of two keys, the second is the message's number."""

SCHEDULE: Final = 0x6C70_0004
"""Changing the schedule of one campaign; the first of two keys, the second is the campaign's number."""

TAKE_OVER: Final = 0x6C70_0005
"""Taking sends or drafts over into the schedule."""

SCHEMA: Final = 0x6C70_0006
"""Migrating the schema."""

DRIFT: Final = 0x6C70_0008
"""Writing down a reconciliation."""

FENCE: Final = 0x6C70_000A
"""Writing to the journal as the holder of the lock: shared by the writers, alone for who becomes the next holder."""

INCIDENTS: Final = 0x6C70_000B
"""Keeping the counts by which incidents are told."""

FIVE_LISTS: Final = 0x6C70_0009
"""Confirming the five lists."""

DIVIDE_AUDIENCE: Final = 0x6C70_000C
"""Planning the division of a new audience."""

LAUNCH: Final = 0x6C70_000D
"""Carrying out one launch change; the first of two keys, the second is its number."""
