"""What follows for a row of Mailjet's that cannot be read: it is kept, named once, and everything else goes on.

A contact with such a row counts as present and is left where it is. A log, a list or a schedule that holds one is read to its
end, and what its row might have said is not concluded from its silence.

Belongs here: keeping such rows and the finding about them. Does not belong here: the alert (``operations.drift``), and what
each reading must not conclude, which stands with the reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.observations import RowKind, UnreadableRow
from list_pipeline.core.unreadable_rows import finding_words
from list_pipeline.storage import unreadable_rows
from list_pipeline.storage.membership.sync import SyncStaging
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)

UNSEEN_FOR = timedelta(days=8)
"""A row that names nobody is over when no reading has shown it for so long: lists are read whole within a week, and campaigns
are looked at for one."""


def note(connection: Connection, rows: Iterable[UnreadableRow], now: datetime) -> None:
    """Keep those of the rows that could not be read, and write a finding about those that are new."""
    new = unreadable_rows.note(connection, (row for row in rows if row.problem), now)
    if not new:
        return
    log.warning("rows of mailjet cannot be read", rows=len(new), kinds=sorted({row.kind.value for row in new}))
    contacts = sorted({row.contact_id for row in new if row.contact_id is not None})
    plan_rows.add_finding(connection, finding_words(new), now, about="unreadable_rows", contact_ids=contacts)


def note_all(connection: Connection, kind: RowKind, rows: Iterable[UnreadableRow], now: datetime) -> None:
    """As ``note``, after everything of a kind was read: what is not among the rows can be read again, or is gone."""
    found = tuple(rows)
    note(connection, found, now)
    unreadable_rows.end_others(connection, kind, [row.row_id for row in found], now)


def take_over(connection: Connection, staging: SyncStaging, now: datetime) -> None:
    """Take over which of the contacts and entries that a sync read could be read, and which could not."""
    unreadable_rows.end_read(connection, now)
    note(connection, staging.unreadable, now)
