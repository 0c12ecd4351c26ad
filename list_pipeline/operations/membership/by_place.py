"""Whether contacts are unsubscribed or excluded by now, looked at by the place at which they would stand: equal numbers can
hide an exchange, of one who unsubscribed for another who subscribed again.

Mailjet shows who is unsubscribed on a list, and who is excluded, sorted by id, so whoever is asked about is between two rows of
a page or is none of them. That costs one request for each contact or for each 950 rows that lie between the first and the last
of them, whichever is less: with few contacts it does not grow with the lists, as reading all of the series does.

Belongs here: looking for some contacts in these series. Does not belong here: reading all of a series (``sync``), which page
proves what (``pages``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import ContactSeen, RecipientSeen
from list_pipeline.integrations.mailjet import PAGE
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership.pages import Page, Wanted, pages_spanned, read_on, search
from list_pipeline.storage.membership import members
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline.storage.membership.members import PlaceInOrder
from list_pipeline.storage.membership.sync import SyncStaging

S = TypeVar("S", RecipientSeen, ContactSeen)


def follow_unsubscribed_by_place(
    services: ReadingMailjet, staging: SyncStaging, role: ListRole, contact_ids: Sequence[int], counted: int
) -> int | None:
    """Take over which of these contacts are unsubscribed on a list.

    Args:
        staging: what is seen goes through it.
        counted: how many are, as Mailjet counted right before.

    Returns:
        How many of our rows changed; None: reading all of them costs no more, or is needed, because a row cannot be read.
    """
    session = staging.connection
    places = members.places_among_unsubscribed(session, role, contact_ids)
    rows = _found(
        places,
        partial(services.mailjet.recipients_page, services.list_ids[role], unsubscribed=True),
        counted,
        lambda row: row.recipient_id,
        role.label,
    )
    if rows is None:
        return None
    staging.add_recipients(role, rows)
    asked = [place.contact_id for place in places]
    return sync_rows.merge_unsubscribed(session, role, services.clock.now(), all_named=True, among=asked)


def follow_excluded_by_place(
    services: ReadingMailjet, staging: SyncStaging, contact_ids: Sequence[int], counted: int
) -> int | None:
    """Take over which of these contacts are excluded from campaigns; as ``follow_unsubscribed_by_place``."""
    session = staging.connection
    places = members.places_among_excluded(session, contact_ids)
    rows = _found(places, services.mailjet.excluded_page, counted, lambda row: row.contact_id, "the exclusion list")
    if rows is None:
        return None
    staging.add_contacts(rows)
    asked = [place.contact_id for place in places]
    return sync_rows.merge_excluded(session, services.clock.now(), all_named=True, among=asked)


def _found(
    places: Sequence[PlaceInOrder],
    read: Callable[[int], tuple[tuple[S, ...], bool]],
    counted: int,
    identity: Callable[[S], int],
    what: str,
) -> Sequence[S] | None:
    """The rows of the pages on which the contacts stand or would stand, or None (``follow_unsubscribed_by_place``)."""
    wanted = [Wanted(place.row_id, place.rank) for place in places]
    # The whole series is counted once more, and read to a page that is not full.
    if pages_spanned(wanted, PAGE) > counted // PAGE + 1:
        return None

    def page(offset: int) -> Page[S]:
        rows, is_last = read_on(read, offset, counted, identity, PAGE)
        if is_last and offset + len(rows) < counted:
            raise IncompleteDataError(
                f"Reading who is unsubscribed or excluded on {what}",
                f"a page ended at {offset + len(rows)} of {counted}",
                "Nothing was taken over; run it again",
            )
        return Page({identity(row): row for row in rows}, is_last)

    try:
        rows = tuple(search(page, wanted, PAGE).rows.values())
    except IncompleteDataError:
        # People came and went meanwhile, or a page was cut: all of it is read, and counted before and after.
        return None
    # A row that cannot be read may be anybody's.
    return None if any(row.problem for row in rows) else rows
