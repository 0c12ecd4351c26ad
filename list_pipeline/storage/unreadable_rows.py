"""Rows of Mailjet's answers that could not be read, as long as they cannot, and afterwards as what was.

Belongs here: keeping them, when one of them is over, and what people say of those that may be a round. Does not belong here:
what makes a row unreadable (the client), and what follows (``operations.unreadable_rows``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.observations import RowKind, UnreadableRow
from list_pipeline.storage.database import execute, fetch_all, fetch_row, sql_list, sql_word

_CONTACT, _ENTRY, _MESSAGE = map(sql_word, (RowKind.CONTACT, RowKind.RECIPIENT, RowKind.MESSAGE))
_SEND, _DRAFT = map(sql_word, (RowKind.CAMPAIGN, RowKind.DRAFT))
_STANDING = """(select distinct on (kind, row_id) * from unreadable_ruling order by kind, row_id, ruling_id desc)"""

UNREADABLE_CONTACTS = f"""
    select contact_id from unreadable_row
    where ended_at is null and contact_id is not null and kind in ({_CONTACT}, {_ENTRY})"""
"""Contacts one of whose rows cannot be read: they are left where they are, whatever our rows say of them."""


@dataclass(frozen=True, slots=True)
class NoRound:
    """A person's word that a send, or a draft and what is sent of it, is no round of a cycle. ``at``: in UTC."""

    by: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row that cannot be read, with how long that has been so (UTC). ``number`` grows with each that is new. ``no_round``: a
    person says that it is no round."""

    number: int
    row: UnreadableRow
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    no_round: NoRound | None = None

    def as_json(self) -> dict[str, Any]:
        """The row for machines; an id that cannot be read is null."""
        return {
            "number": self.number,
            "kind": self.row.kind.value,
            "id": _named(self.row.row_id),
            "contact_id": self.row.contact_id,
            "mailjet_campaign_id": self.row.mailjet_campaign_id,
            "list_id": self.row.list_id,
            "problem": self.row.problem,
            "holds_moves": self.row.holds_moves,
            "first_seen_at": self.first_seen_at.isoformat(),
            "last_seen_at": self.last_seen_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "no_round": {"by": self.no_round.by, "at": self.no_round.at.isoformat(), "note": self.no_round.note}
            if self.no_round
            else None,
        }


def note(connection: Connection, rows: Iterable[UnreadableRow], now: datetime) -> tuple[UnreadableRow, ...]:
    """Keep rows that could not be read, and return those that are new, but for contacts that have another one already."""
    new = []
    for row in rows:
        kept = fetch_row(
            connection,
            f"an unreadable row of {row.kind.value}",
            f"""
            insert into unreadable_row (kind, row_id, contact_id, mailjet_campaign_id, list_id, holds_moves, problem,
                   first_seen_at, last_seen_at)
            values (:kind, :row_id, :contact, :campaign, :list, :holds_moves, :problem, :now, :now)
            on conflict (kind, row_id) where ended_at is null do update set last_seen_at = excluded.last_seen_at,
                   problem = excluded.problem, holds_moves = excluded.holds_moves
            returning xmax = 0 and not (kind in ({_CONTACT}, {_ENTRY}) and exists (
                select 1 from unreadable_row o where o.contact_id = unreadable_row.contact_id and o.ended_at is null
                  and o.kind in ({_CONTACT}, {_ENTRY}) and o.unreadable_row_id <> unreadable_row.unreadable_row_id)) as is_new
            """,
            kind=row.kind.value,
            row_id=row.row_id,
            contact=_named(row.contact_id),
            campaign=_named(row.mailjet_campaign_id),
            list=_named(row.list_id),
            holds_moves=row.holds_moves,
            problem=row.problem,
            now=now,
        )
        if kept["is_new"]:
            new.append(row)
    return tuple(new)


def _named(number: int | None) -> int | None:
    """An id, or None for what stands for one that is not there or cannot be read."""
    return number if number is not None and number > 0 else None


def let_go(connection: Connection, kind: RowKind, first_seen_before: datetime) -> int:
    """Rows of a kind that were first seen so long ago hold nobody any more; they stay rows that cannot be read."""
    return execute(
        connection,
        """update unreadable_row set holds_moves = false
           where kind = :kind and ended_at is null and holds_moves and first_seen_at <= :before""",
        kind=kind.value,
        before=first_seen_before,
    )


def let_sent_go(connection: Connection, no_rounds: Collection[int], first_seen_before: datetime) -> int:
    """Sends that are no rounds, and were first seen so long ago that they are sent by now, hold nobody."""
    return execute(
        connection,
        f"""update unreadable_row set holds_moves = false
           where kind = {_SEND} and ended_at is null and holds_moves and row_id = any(:ids) and first_seen_at <= :before""",
        ids=list(no_rounds),
        before=first_seen_before,
    )


def save_ruling(connection: Connection, row: UnreadableRow, ruling: NoRound, *, is_no_round: bool) -> int:
    """Keep a person's word on a send or a draft that cannot be read. A draft holds moves, or not, from now on; a send as the
    next look at it says. Returns the ruling's number."""
    kept = fetch_row(
        connection,
        "a ruling on an unreadable row",
        """
        insert into unreadable_ruling (kind, row_id, is_no_round, ruled_at, ruled_by, note)
        values (:kind, :row_id, :is_no_round, :at, :by, :note) returning ruling_id
        """,
        kind=row.kind.value,
        row_id=row.row_id,
        is_no_round=is_no_round,
        at=ruling.at,
        by=ruling.by,
        note=ruling.note,
    )
    execute(
        connection,
        f"""update unreadable_row set holds_moves = not :is_no_round
           where kind = :kind and row_id = :row_id and ended_at is null and (kind = {_DRAFT} or not :is_no_round)""",
        kind=row.kind.value,
        row_id=row.row_id,
        is_no_round=is_no_round,
    )
    return int(kept["ruling_id"])


def no_rounds(connection: Connection, kind: RowKind) -> Mapping[int, NoRound]:
    """What people said to be no round, by id: sends, or drafts."""
    found = fetch_all(
        connection,
        f"select row_id, ruled_by, ruled_at, note from {_STANDING} r where is_no_round and kind = :kind",
        kind=kind.value,
    )
    return {int(row["row_id"]): NoRound(str(row["ruled_by"]), row["ruled_at"], str(row["note"])) for row in found}


def end_of_log(
    connection: Connection, kind: RowKind, mailjet_campaign_id: int, read: Collection[int], now: datetime
) -> int:
    """Rows of a campaign's log that a later reading shows, and that could be read there, are mended."""
    return execute(
        connection,
        """update unreadable_row set ended_at = :now
           where kind = :kind and mailjet_campaign_id = :campaign and row_id = any(:read) and ended_at is null""",
        kind=kind.value,
        campaign=mailjet_campaign_id,
        read=list(read),
        now=now,
    )


def end_others(connection: Connection, kind: RowKind, still: Collection[int], now: datetime) -> int:
    """After everything of a kind was read: all of it but these ids can be read, or is gone."""
    return execute(
        connection,
        "update unreadable_row set ended_at = :now where kind = :kind and ended_at is null and row_id <> all(:still)",
        kind=kind.value,
        still=list(still),
        now=now,
    )


def end_read(connection: Connection, now: datetime) -> int:
    """Contacts and entries of lists that the session's staging tables hold, and that could be read there, are mended."""
    return execute(
        connection,
        f"""
        update unreadable_row u set ended_at = :now where ended_at is null and (
            (kind = {_CONTACT} and exists (
                select 1 from seen_contact s where s.contact_id = u.contact_id and not s.is_unreadable))
            or (kind = {_ENTRY} and exists (
                select 1 from seen_recipient r where not r.is_unreadable and (
                    r.recipient_id = u.row_id
                    or (u.row_id < 0 and r.contact_id = u.contact_id and r.mailjet_list_id = u.list_id)))))
        """,
        now=now,
    )


def end_nameless(connection: Connection, list_id: int, now: datetime) -> int:
    """A list was read whole, and every entry named its contact: those that did not are mended or gone."""
    return execute(
        connection,
        f"""update unreadable_row set ended_at = :now
           where kind = {_ENTRY} and contact_id is null and list_id = :list and ended_at is null""",
        list=list_id,
        now=now,
    )


def end_gone(connection: Connection, contact_ids: Sequence[int], now: datetime) -> int:
    """Contacts that do not exist any more have no row that could be read."""
    return execute(
        connection,
        "update unreadable_row set ended_at = :now where contact_id = any(:ids) and ended_at is null",
        ids=list(contact_ids),
        now=now,
    )


def end_entry(connection: Connection, row_id: int, now: datetime) -> int:
    """An entry that its list holds no more."""
    return execute(
        connection,
        f"update unreadable_row set ended_at = :now where kind = {_ENTRY} and row_id = :id and ended_at is null",
        id=row_id,
        now=now,
    )


def end_unseen(connection: Connection, since: datetime, now: datetime) -> int:
    """Rows of a log, and those that name nobody, that no reading has shown since an instant: nothing reads them any more. But a
    recipient of the open cycle who cannot be told stays one until it is closed."""
    return execute(
        connection,
        f"""update unreadable_row set ended_at = :now
           where ended_at is null and last_seen_at < :since and not holds_moves
             and (contact_id is null or kind in {sql_list(RowKind.BOUNCE, RowKind.MESSAGE)})
             and not (kind = {_MESSAGE} and contact_id is null and exists (
                 select 1 from campaign_schedule s join cycle c using (cycle_id)
                 where s.mailjet_campaign_id = unreadable_row.mailjet_campaign_id and c.closed_at is null))""",
        since=since,
        now=now,
    )


def open_rows(connection: Connection) -> tuple[KeptRow, ...]:
    """What cannot be read now, the newest first."""
    return _kept(connection, "where ended_at is null")


def ended_rows(connection: Connection, most: int) -> tuple[KeptRow, ...]:
    """What could not be read and can be now, or is gone, the newest first."""
    return _kept(connection, "where ended_at is not null", most)


def seen_before(connection: Connection, kinds: Collection[RowKind], before: datetime, most: int) -> tuple[KeptRow, ...]:
    """What names a contact, cannot be read, and was last seen before an instant, so that it is to be looked at by itself; what
    waits for the longest comes first."""
    found = _kept(connection, "where ended_at is null and contact_id is not null")
    waiting = [one for one in found if one.row.kind in kinds and one.last_seen_at < before]
    return tuple(sorted(waiting, key=lambda one: (one.last_seen_at, one.number))[:most])


UNTOLD_RECIPIENT = f"""exists (
    select 1 from unreadable_row u where u.ended_at is null and u.kind = {_MESSAGE} and u.contact_id is null
      and u.mailjet_campaign_id = s.mailjet_campaign_id)"""
"""Whether somebody got the campaign ``s`` of whom it cannot be told who it was."""


def holds_moves(connection: Connection) -> bool:
    """Whether a send or a draft that cannot be read may be a round, or is still being sent to a list that is not known."""
    return bool(fetch_all(connection, "select 1 from unreadable_row where ended_at is null and holds_moves limit 1"))


def open_row(connection: Connection, number: int) -> KeptRow | None:
    """What cannot be read now under a number; None: nothing."""
    return next(iter(_kept(connection, "where ended_at is null and unreadable_row_id = :number", number=number)), None)


def holding(connection: Connection) -> tuple[KeptRow, ...]:
    """The sends and drafts that cannot be read and may be a round, the newest first; those left out of which a person says that
    they are none, also while they are being sent."""
    return _kept(connection, "where ended_at is null and holds_moves and r.ruling_id is null")


def lists_with_nameless(connection: Connection) -> frozenset[int]:
    """Mailjet's ids of the lists with an entry that does not say whose it is: whoever left such a list since is not noticed."""
    found = fetch_all(
        connection,
        f"""select distinct list_id from unreadable_row
           where kind = {_ENTRY} and contact_id is null and list_id is not null and ended_at is null""",
    )
    return frozenset(int(row["list_id"]) for row in found)


def _kept(
    connection: Connection, condition: str, most: int | None = None, number: int | None = None
) -> tuple[KeptRow, ...]:
    found = fetch_all(
        connection,
        f"""
        select unreadable_row_id, u.kind, u.row_id, contact_id, mailjet_campaign_id, list_id, holds_moves, problem,
               first_seen_at, last_seen_at, ended_at, ruled_by, ruled_at, note
        from unreadable_row u left join {_STANDING} r on r.is_no_round and r.kind = u.kind and r.row_id = u.row_id
        {condition} order by unreadable_row_id desc limit :most
        """,
        most=most,
        **({} if number is None else {"number": number}),
    )
    return tuple(
        KeptRow(
            number=int(row["unreadable_row_id"]),
            row=UnreadableRow(
                RowKind(row["kind"]),
                int(row["row_id"]),
                str(row["problem"]),
                row["contact_id"],
                row["mailjet_campaign_id"],
                row["list_id"],
                bool(row["holds_moves"]),
            ),
            first_seen_at=row["first_seen_at"],
            last_seen_at=row["last_seen_at"],
            ended_at=row["ended_at"],
            no_round=NoRound(str(row["ruled_by"]), row["ruled_at"], str(row["note"])) if row["ruled_by"] else None,
        )
        for row in found
    )
