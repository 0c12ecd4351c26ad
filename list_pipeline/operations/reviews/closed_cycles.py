"""A person closes the open cycle without its missing rounds, and may open it again.

What waits for the cycle (moves between its lists, enrolments, undos) goes on from then on: no cycle is open. Who did not get
the missing rounds is counted as missed by decision. A send with the content of a closed cycle is asked about
(``core.campaigns.cycles``), because contacts that got it may stand on its list by then.

Does not belong here: that a round is missing (``operations.campaigns.odd_sends``), and what a
closing means for later sends (``core``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, content_of, open_cycle
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.drift.message import cycle_closed_message, cycle_reopened_message
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.observations import RowKind
from list_pipeline.core.unreadable_rows import row_words
from list_pipeline.core.wording import instant_text, lists_text
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.storage import unreadable_rows
from list_pipeline.storage.campaigns import closings, rounds, scheduled_campaigns, sent_campaigns
from list_pipeline.storage.campaigns import recipients as recipient_rows

log = structlog.get_logger(__name__)

_MEND_DRAFT = "Mend it at Mailjet, take it off the schedule there, or say that it is none: `list-pipeline unreadable`"


@dataclass(frozen=True, slots=True)
class ClosedCycle:
    """A cycle that a person closed or opened again. ``missed``: contacts on its missing lists that had not got it; ``twice``:
    those that had, and would get it again from a round to these lists; neither is exact where ``is_exact`` is false: somebody
    got a round of whom it cannot be told who it was."""

    number: int
    missing: tuple[ListRole, ...]
    missed: int
    twice: int = 0
    is_exact: bool = True


def close_cycle(services: Telling, *, by: str, note: str) -> ClosedCycle:
    """Close the open cycle: its missing rounds do not come. No list is changed.

    Args:
        by: the person's name, no address. note: why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        NotFoundError: no cycle is open.
        RefusedError: nobody or no reason is named; a missing round is scheduled at Mailjet; it is asked what one of its sends
            is, not known yet who was mailed, or a send or draft that may be its round cannot be read. Nothing
            was written. That somebody was mailed who cannot be told is no reason: it need never become known, and only makes
            the count inexact.
    """
    tried = "Closing the open cycle"
    name, reason = reviewer(services, by, tried), reason_of(note, tried)
    now = services.clock.now()
    with services.database.begin() as connection:
        sent_campaigns.lock_schedule(connection)
        cycle = open_cycle(sent_campaigns.all_cycles(connection), now)
        if cycle is None:
            raise NotFoundError(tried, "no cycle is open", "`list-pipeline cycles` shows the latest ones")
        _require_settled(connection, cycle, tried)
        is_exact = not recipient_rows.untold_in_cycle(connection, cycle.number)
        missed = closings.contacts_without(connection, cycle.number, cycle.missing)
        closing_id = closings.save(connection, cycle.number, cycle.missing, missed, name, reason, now)
        closed = replace(cycle, closed_at=now, closed_reason=ClosedReason.BY_PERSON)
        sent_campaigns.save_cycles(connection, [closed])
    log.info("a person closed a cycle", cycle=cycle.number, missed=missed, by=name)
    message = cycle_closed_message(cycle.number, lists_text(cycle.missing), missed, name, reason, is_exact=is_exact)
    deliver(services, keys.cycle_closed(closing_id), message)
    return ClosedCycle(cycle.number, cycle.missing, missed, is_exact=is_exact)


def reopen_cycle(services: Telling, *, by: str, note: str) -> ClosedCycle:
    """Take the latest closing back: the cycle waits for its missing rounds again. No list is changed.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        NotFoundError: no closing stands.
        RefusedError: nobody or no reason is named; another cycle has begun since, or its time is over. Nothing was written.
    """
    tried = "Opening the closed cycle again"
    name, reason = reviewer(services, by, tried), reason_of(note, tried)
    now = services.clock.now()
    with services.database.begin() as connection:
        sent_campaigns.lock_schedule(connection)
        closing = closings.latest_standing(connection)
        if closing is None:
            raise NotFoundError(tried, "nobody closed one", "`list-pipeline cycles` shows the latest ones")
        cycles = sent_campaigns.all_cycles(connection)
        cycle = next((one for one in cycles if one.closed_at == closing.closed_at), None)
        if cycle is None or cycle.closed_reason is not ClosedReason.BY_PERSON:
            raise RefusedError(
                tried,
                f"cycle {closing.cycle_number} is not closed by it any more",
                "Nothing needs to be done; see `list-pipeline cycles`",
            )
        _require_latest(cycles, cycle, tried, now)
        twice = closings.contacts_with(connection, cycle.number, cycle.missing)
        closings.take_back(connection, closing.closing_id, name, reason, now)
        sent_campaigns.save_cycles(connection, [replace(cycle, closed_at=None, closed_reason=None)])
    log.info("a person opened a cycle again", cycle=cycle.number, twice=twice, by=name)
    message = cycle_reopened_message(cycle.number, lists_text(cycle.missing), twice, name, reason)
    deliver(services, keys.cycle_closed(closing.closing_id, is_reopened=True), message)
    return ClosedCycle(cycle.number, cycle.missing, closing.missed_contacts, twice)


def _require_settled(connection: Connection, cycle: Cycle, tried: str) -> None:
    """What the cycle is and who got it is known, and none of its missing rounds is on its way."""
    if doubted := rounds.doubted(connection):
        key = next(iter(doubted))
        raise RefusedError(tried, f"campaign {key} fits no cycle", f"Say what it is first: `list-pipeline round {key}`")
    if recipient_rows.unproven_in_cycle(connection, cycle.number):
        raise RefusedError(
            tried,
            "it is not known yet who was mailed by one of its rounds",
            "Try again after the next sync; until then nobody can tell who misses it",
        )
    if held := unreadable_rows.holding(connection):
        raise RefusedError(
            tried,
            f"{row_words(held[0].row)}; it may be the missing round",
            _MEND_DRAFT
            if held[0].row.kind is RowKind.DRAFT
            else "Mend it at Mailjet, say that it is none (`list-pipeline unreadable`), or wait until "
            f"{CAMPAIGNS.round_wait.days} days have passed since it was sent, or seen first where that cannot be read",
        )
    for draft in scheduled_campaigns.not_sent_yet(connection):
        if (
            draft.retired_at is None
            and draft.list_role in cycle.missing
            and content_of(draft.subject) in cycle.contents
        ):
            raise RefusedError(
                tried,
                f"its round to {draft.list_role.label} is scheduled at Mailjet for {instant_text(draft.scheduled_at)} "
                f"({draft.key})",
                "Take it off the schedule there first, or let it come",
            )


def _require_latest(cycles: tuple[Cycle, ...], cycle: Cycle, tried: str, now: datetime) -> None:
    if any(one.opened_at > cycle.opened_at for one in cycles):
        raise RefusedError(
            tried, "another cycle has begun since", "Say of its send what it is, with `list-pipeline round`"
        )
    if now >= cycle.last_sent_at + CAMPAIGNS.round_wait:
        days = CAMPAIGNS.round_wait.days
        raise RefusedError(
            tried, f"its last round is more than {days} days ago", "It would be closed at once as overdue"
        )
