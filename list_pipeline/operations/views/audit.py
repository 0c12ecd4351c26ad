"""Who did what: pages over everything that people decided or asked for, the latest first.

Does not belong here: what the product did by itself (the journal and the ledger).
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from list_pipeline.core.errors import RefusedError
from list_pipeline.operations.access import Storing
from list_pipeline.storage import audit
from list_pipeline.storage.audit import AuditRow

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, the latest first. ``next_cursor``: what the next page is asked for with; None: this is the last."""

    entries: tuple[AuditRow, ...]
    next_cursor: str | None


def audit_page(
    services: Storing,
    *,
    limit: int,
    cursor: str | None = None,
    by: str | None = None,
    campaign: str | None = None,
    since: datetime | None = None,
) -> AuditPage:
    """A page of what people did.

    Args:
        cursor: ``next_cursor`` of the page before. by: only of this person. since: an instant (UTC).

    Raises:
        RefusedError: the cursor is none of ours.
    """
    before = _place(cursor) if cursor is not None else None
    with services.database.begin() as connection:
        found = audit.entries(connection, before=before, most=limit + 1, by=by, campaign=campaign, since=since)
    shown = found[:limit]
    return AuditPage(tuple(shown), _cursor(shown[-1]) if len(found) > limit else None)


def _cursor(last: AuditRow) -> str:
    return urlsafe_b64encode(json.dumps([last.at.isoformat(), last.source, last.number]).encode()).decode()


def _place(cursor: str) -> tuple[datetime, str, int]:
    try:
        at, source, number = json.loads(urlsafe_b64decode(cursor[:_LONGEST].encode()))
        place = datetime.fromisoformat(at).astimezone(UTC), str(source)[:100], int(number)
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError) as error:
        raise RefusedError(
            "Reading what people did", "the cursor is none that was given out", "Begin without a cursor"
        ) from error
    if not -(2**62) < place[2] < 2**62 or "\0" in place[1]:
        raise RefusedError("Reading what people did", "the cursor is none that was given out", "Begin without a cursor")
    return place
