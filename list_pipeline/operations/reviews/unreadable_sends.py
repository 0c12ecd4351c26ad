"""A person says of a send or a draft that cannot be read that it is no round of a cycle, and may take that back.

Does not belong here: which rows hold moves because they may be a round (``operations.campaigns``), and rulings on sends that
can be read (``operations.campaigns.rounds``).
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.messages import keys
from list_pipeline.core.observations import RowKind
from list_pipeline.core.unreadable_rows import row_words, ruling_message
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.storage import unreadable_rows
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.unreadable_rows import KeptRow, NoRound

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RuledRow:
    """A row on which a person ruled. ``holds_moves``: nobody moves between lists because of it, still or again."""

    words: str
    holds_moves: bool


def rule_on_unreadable(services: Telling, number: int, *, is_no_round: bool, by: str, note: str) -> RuledRow:
    """Take a person's word that a send or a draft that cannot be read is no round of a cycle, or that it may be one after all.
    No list is changed.

    The word stays with the send: when it can be read, it is an extra mailing until `list-pipeline round` says otherwise. While
    it is being sent nobody moves all the same, since it is not known to which list it goes.

    Args:
        number: of the row, as `list-pipeline unreadable` shows it. by: the person's name, no address. note: why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        NotFoundError: nothing that cannot be read has this number.
        RefusedError: nobody or no reason is named; or nobody waits for such a row. Nothing was written.
    """
    tried = f"Ruling on unreadable row {number}"
    name, reason = reviewer(services, by, tried), reason_of(note, tried)
    now = services.clock.now()
    with services.database.begin() as connection:
        sent_campaigns.lock_schedule(connection)
        found = _waited_for(connection, number, tried, is_no_round=is_no_round)
        ruling = NoRound(name, now, reason)
        ruling_id = unreadable_rows.save_ruling(connection, found.row, ruling, is_no_round=is_no_round)
        kept = unreadable_rows.open_row(connection, number) or found
    ruled = RuledRow(row_words(found.row), kept.row.holds_moves)
    log.info("a person ruled on a send that cannot be read", number=number, is_no_round=is_no_round, by=name)
    deliver(
        services,
        keys.unreadable_ruling(ruling_id),
        ruling_message(
            found.row, is_no_round=is_no_round, holds_moves=ruled.holds_moves, number=number, by=name, note=reason
        ),
    )
    return ruled


def _waited_for(connection: Connection, number: int, tried: str, *, is_no_round: bool) -> KeptRow:
    found = unreadable_rows.open_row(connection, number)
    if found is None:
        raise NotFoundError(
            tried,
            "no row with this number is unreadable now",
            "`list-pipeline unreadable` shows the numbers; what can be read by now: `list-pipeline round`",
        )
    if found.row.kind not in (RowKind.CAMPAIGN, RowKind.DRAFT):
        raise RefusedError(tried, "it is neither a send nor a draft", "Mend it at Mailjet: `list-pipeline unreadable`")
    if is_no_round and found.no_round is not None:
        raise RefusedError(tried, f"{found.no_round.by} said so already", "Nothing needs to be done")
    if is_no_round and not found.row.holds_moves:
        raise RefusedError(tried, "nobody waits for it", "Nothing needs to be done")
    if not is_no_round and found.no_round is None:
        raise RefusedError(tried, "nobody said that it is none", "Nothing needs to be done")
    return found
