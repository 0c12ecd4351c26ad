"""Telling people about rows at Mailjet that cannot be read.

Does not belong here: noticing them, which is part of each reading (``operations.unreadable_rows``).
"""

from __future__ import annotations

from list_pipeline.core.messages import keys
from list_pipeline.core.unreadable_rows import unreadable_message
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.storage.unreadable_rows import open_rows


def tell_about_unreadable_rows(services: Telling) -> None:
    """Alert people about everything that cannot be read now, once until there is more of it; what does not arrive is tried
    again."""
    with services.database.begin() as connection:
        kept = open_rows(connection)
    if kept:
        rows = [one.row for one in kept]
        deliver(services, keys.unreadable_rows(kept[0].number), unreadable_message(rows), important=True)
