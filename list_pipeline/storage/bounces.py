"""Bounce events per contact and campaign, and the record of how whole their reading was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.bounces.classes import (
    BounceClass,
    BounceReason,
    Classification,
    DecidedBy,
    FailureEvent,
    restore_classification,
)
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.verdicts import PastInAll
from list_pipeline.storage import told_events
from list_pipeline.storage.database import copy_rows, execute, fetch_all, fetch_one, fetch_tuples, in_parts, to_json
from list_pipeline.storage.history import IS_SUMMARISED


@dataclass(frozen=True, slots=True)
class StoredFetch:
    """The reading of a campaign's failures in one sweep."""

    campaign_id: int
    sweep: str
    fetched_at: datetime
    is_complete: bool
    problems: Sequence[str]
    warnings: Sequence[str]
    rows_read: int
    duplicates: int
    requests: int


_EVENT_COLUMNS = (
    "contact_id",
    "occurred_at",
    "bounce_class",
    "reason",
    "is_disputed",
    "decided_by",
    "state_id",
    "is_permanent",
    "message_status",
    "in_bounce_log",
    "in_message_log",
    "is_contradictory",
    "server_words",
    "told_at",
)


def fetch_of(connection: Connection, campaign_id: int, sweep: str) -> StoredFetch | None:
    """The record of a sweep's reading, or None."""
    row = fetch_one(
        connection,
        f"""select {", ".join(StoredFetch.__dataclass_fields__)} from bounce_fetch
            where campaign_id = :campaign and sweep = :sweep""",
        campaign=campaign_id,
        sweep=sweep,
    )
    return StoredFetch(**row) if row is not None else None


def save_fetch(connection: Connection, fetch: StoredFetch, events: Iterable[FailureEvent]) -> bool:
    """Write a sweep's reading with its events; an incomplete earlier one is replaced, a complete one stays. Returns whether
    this reading is now the stored one."""
    execute(
        connection,
        "delete from bounce_fetch where campaign_id = :campaign and sweep = :sweep and not is_complete",
        campaign=fetch.campaign_id,
        sweep=fetch.sweep,
    )
    written = execute(
        connection,
        """
        insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, problems, warnings, rows_read, duplicates,
               requests)
        values (:campaign, :sweep, :at, :complete, cast(:problems as jsonb), cast(:warnings as jsonb), :rows, :duplicates,
               :requests)
        on conflict (campaign_id, sweep) do nothing
        """,
        campaign=fetch.campaign_id,
        sweep=fetch.sweep,
        at=fetch.fetched_at,
        complete=fetch.is_complete,
        problems=to_json(list(fetch.problems)),
        warnings=to_json(list(fetch.warnings)),
        rows=fetch.rows_read,
        duplicates=fetch.duplicates,
        requests=fetch.requests,
    )
    if not written:
        return False
    copy_rows(
        connection,
        "bounce_event",
        ("campaign_id", "sweep", *_EVENT_COLUMNS),
        ((fetch.campaign_id, fetch.sweep, *_columns(event)) for event in events),
    )
    told_events.meet(connection, fetch.campaign_id)
    return True


def events_of(connection: Connection, campaign_id: int, sweep: str) -> tuple[FailureEvent, ...]:
    """The failures of a campaign as a sweep saw them, by contact id."""
    found = fetch_tuples(
        connection,
        f"""select {", ".join(_EVENT_COLUMNS)} from bounce_event
            where campaign_id = :campaign and sweep = :sweep order by contact_id""",
        campaign=campaign_id,
        sweep=sweep,
    )
    return tuple(_event_of(campaign_id, *row) for row in found)


def _columns(event: FailureEvent) -> tuple[Any, ...]:
    return (
        event.contact_id,
        event.occurred_at,
        event.bounce_class.value,
        event.reason.value,
        event.classification.is_disputed,
        event.classification.decided_by.value,
        event.state_id,
        event.is_permanent,
        event.status.value if event.status else None,
        event.in_bounce_log,
        event.in_message_log,
        event.is_contradictory,
        event.server_words,
        event.told_at,
    )


def _event(row: RowMapping, campaign_id: int) -> FailureEvent:
    return _event_of(campaign_id, *(row[column] for column in _EVENT_COLUMNS))


def _event_of(
    campaign_id: int,
    contact_id: int,
    occurred_at: datetime,
    bounce_class: str,
    reason: str,
    is_disputed: bool,
    decided_by: str,
    state_id: int | None,
    is_permanent: bool | None,
    message_status: str | None,
    in_bounce_log: bool,
    in_message_log: bool,
    is_contradictory: bool,
    server_words: str,
    told_at: datetime | None,
) -> FailureEvent:
    """The failure of a row whose values come in the order of ``_EVENT_COLUMNS``."""
    return FailureEvent(
        contact_id=contact_id,
        campaign_id=campaign_id,
        occurred_at=occurred_at,
        state_id=state_id,
        is_permanent=is_permanent,
        status=MessageStatus(message_status) if message_status else None,
        classification=_classified(bounce_class, reason, is_disputed, decided_by, server_words),
        in_bounce_log=in_bounce_log,
        in_message_log=in_message_log,
        is_contradictory=is_contradictory,
        told_at=told_at,
    )


@lru_cache(maxsize=4_096)
def _classified(bounce_class: str, reason: str, is_disputed: bool, decided_by: str, words: str) -> Classification:
    """Of tens of thousands of failures most mean the same, and share it."""
    return restore_classification(
        BounceClass(bounce_class), BounceReason(reason), is_disputed, DecidedBy(decided_by), words
    )


def campaigns_without_fetch(
    connection: Connection, before: datetime, not_tried_since: datetime
) -> Sequence[RowMapping]:
    """Past campaigns whose failures were never read whole, nor tried since an instant, oldest first."""
    return fetch_all(
        connection,
        f"""
        select s.id as campaign_id, s.campaign_key from campaign_schedule s
        where s.mailjet_campaign_id is not null and coalesce(s.send_end_at, s.send_start_at) <= :before
          and s.retired_at is null and not {IS_SUMMARISED}
          and not exists (select 1 from bounce_fetch f where f.campaign_id = s.id and f.sweep <> '{told_events.TOLD}'
                          and (f.is_complete or f.fetched_at > :since))
        order by coalesce(s.send_end_at, s.send_start_at)
        """,
        before=before,
        since=not_tried_since,
    )


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """An earlier campaign of a contact. ``failure`` is None when no failure is known; ``is_complete`` says whether that
    means delivered (the campaign's failures were read whole) or not known."""

    campaign_id: int
    sent_at: datetime
    is_complete: bool
    failure: FailureEvent | None


_BEST_FETCH = f"""select sweep, is_complete from bounce_fetch b
            where b.campaign_id = s.id and b.sweep <> '{told_events.TOLD}'
            order by is_complete desc, fetched_at desc limit 1"""
"""The reading of campaign ``s`` that is believed: the latest complete one, else the latest. What was only told is no reading:
nothing is decided on it."""


def attempts_of(
    connection: Connection, contact_ids: Sequence[int], *, except_campaign: int, as_of: datetime
) -> Mapping[int, list[PastAttempt]]:
    """The other campaigns of each contact that were sent by then, oldest first, with what became of them.

    A failure that happened after ``as_of`` is returned too: whoever judges must know that the attempt is open, not good.
    """
    columns = ", ".join(f"e.{c}" for c in _EVENT_COLUMNS if c != "contact_id")
    found = fetch_all(
        connection,
        f"""
        select r.contact_id, s.id as campaign_id, coalesce(s.send_start_at, s.send_end_at) as sent_at,
               coalesce(f.is_complete, false) as is_complete, {columns}
        from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
        left join lateral ({_BEST_FETCH}) f on true
        left join bounce_event e on e.campaign_id = s.id and e.sweep = f.sweep and e.contact_id = r.contact_id
        where r.contact_id = any(:ids) and s.id <> :campaign and coalesce(s.send_start_at, s.send_end_at) <= :as_of
        order by r.contact_id, sent_at, s.id
        """,
        ids=list(contact_ids),
        campaign=except_campaign,
        as_of=as_of,
    )
    result: dict[int, list[PastAttempt]] = {contact_id: [] for contact_id in contact_ids}
    for row in found:
        failure = _event(row, row["campaign_id"]) if row["occurred_at"] is not None else None
        result[int(row["contact_id"])].append(
            PastAttempt(row["campaign_id"], row["sent_at"], row["is_complete"], failure)
        )
    return result


_FIRST_LOOK = 9
"""Sends that are looked at first, the newest: three attempts of each contact where three lists are mailed in turn."""
_FURTHER = 3
"""How many times as many are looked at next, for the few contacts that nothing reached in them."""


@dataclass(frozen=True, slots=True)
class _Send:
    """A send with the reading of its failures that is believed; ``sweep``: None where it was never read."""

    campaign_id: int
    sent_at: datetime
    sweep: str | None
    is_complete: bool


def attempts_since_delivery(
    connection: Connection, failed_at: Mapping[int, datetime], *, except_campaign: int, as_of: datetime
) -> Mapping[int, list[PastAttempt]]:
    """As ``attempts_of``, and no further back than each contact's last delivery before a moment of its own: no rule looks past
    a delivery, so that whatever is left out decides nothing (``core.suppression.past``).

    The newest sends are looked at first, and older ones only for whom none of those reached: what is read grows with the
    contacts and what they went through lately, not with the years that are kept.

    Args:
        failed_at: the contacts, each with the moment of its failure. All attempts that were sent later are returned.
    """
    result: dict[int, list[PastAttempt]] = {contact_id: [] for contact_id in failed_at}
    waiting = sorted(failed_at)
    sends = _sends_until(connection, except_campaign, as_of) if waiting else ()
    begin, size = 0, _FIRST_LOOK
    while begin < len(sends) and waiting:
        end = min(begin + size, len(sends))
        # A part ends between two moments: sends of one moment are looked at together.
        while end < len(sends) and sends[end].sent_at == sends[end - 1].sent_at:
            end += 1
        reached = set()
        for part in in_parts(waiting):
            reached |= _look_back(connection, sends[begin:end], {one: failed_at[one] for one in part}, result)
        waiting = [one for one in waiting if one not in reached]
        begin, size = end, size * _FURTHER
    for attempts in result.values():
        attempts.sort(key=lambda one: (one.sent_at, one.campaign_id))
    return result


def _sends_until(connection: Connection, except_campaign: int, as_of: datetime) -> Sequence[_Send]:
    """The other sends until a moment, the newest first."""
    found = fetch_all(
        connection,
        f"""
        select s.id as campaign_id, coalesce(s.send_start_at, s.send_end_at) as sent_at, f.sweep,
               coalesce(f.is_complete, false) as is_complete
        from campaign_schedule s left join lateral ({_BEST_FETCH}) f on true
        where s.id <> :campaign and coalesce(s.send_start_at, s.send_end_at) <= :as_of order by sent_at desc, s.id desc
        """,
        campaign=except_campaign,
        as_of=as_of,
    )
    return [_Send(**row) for row in found]


def _look_back(
    connection: Connection,
    sends: Sequence[_Send],
    failed_at: Mapping[int, datetime],
    result: dict[int, list[PastAttempt]],
) -> set[int]:
    """Add the attempts of some contacts in some sends, back to the last delivery, and return whom one reached.

    A delivery counts where nothing else was sent to the contact at the same moment: else its place among them is not known.
    """
    columns = ", ".join(c for c in _EVENT_COLUMNS if c != "contact_id")
    found = fetch_tuples(
        connection,
        f"""
        select place, reached_at is not null, contact_id, {columns} from (
            select t.*, max(sent_at) filter (where is_complete and occurred_at is null and at_once = 1
                                             and sent_at <= until) over (partition by contact_id) as reached_at
            from (
                select r.contact_id, s.campaign_id, s.place, s.sent_at, s.is_complete, a.until,
                       count(*) over (partition by r.contact_id, s.sent_at) as at_once, {columns}
                from unnest(cast(:contacts as bigint[]), cast(:moments as timestamptz[])) a (contact_id, until)
                -- Contact by contact: a set of all recipients of these sends would be a hundred times as large.
                cross join lateral (select contact_id, campaign_id from campaign_recipient
                                    where contact_id = a.contact_id and campaign_id = any(:campaigns) offset 0) r
                join unnest(cast(:campaigns as integer[]), cast(:sent as timestamptz[]), cast(:sweeps as text[]),
                            cast(:complete as boolean[])) with ordinality s (campaign_id, sent_at, sweep, is_complete, place)
                    on s.campaign_id = r.campaign_id
                left join bounce_event e on e.campaign_id = s.campaign_id and e.sweep = s.sweep and e.contact_id = a.contact_id
            ) t
        ) o where reached_at is null or sent_at >= reached_at
        """,
        contacts=list(failed_at),
        moments=list(failed_at.values()),
        campaigns=[one.campaign_id for one in sends],
        sent=[one.sent_at for one in sends],
        sweeps=[one.sweep for one in sends],
        complete=[one.is_complete for one in sends],
    )
    reached = set()
    for place, was_reached, contact_id, *values in found:
        send = sends[place - 1]
        failure = None if values[0] is None else _event_of(send.campaign_id, contact_id, *values)
        result[contact_id].append(PastAttempt(send.campaign_id, send.sent_at, send.is_complete, failure))
        if was_reached:
            reached.add(contact_id)
    return reached


def campaigns_of(
    connection: Connection, contact_ids: Sequence[int], *, except_campaign: int, as_of: datetime
) -> Mapping[int, int]:
    """How many other campaigns that were sent by then each contact was a recipient of; who was in none is missing."""
    return {
        int(row["contact_id"]): int(row["campaigns"])
        for part in in_parts(contact_ids)
        for row in fetch_all(
            connection,
            """
            select r.contact_id, count(*) as campaigns
            from unnest(cast(:ids as bigint[])) a (id)
            cross join lateral (select contact_id, campaign_id from campaign_recipient where contact_id = a.id offset 0) r
            join campaign_schedule s on s.id = r.campaign_id
            where s.id <> :campaign and coalesce(s.send_start_at, s.send_end_at) <= :as_of group by 1
            """,
            ids=part,
            campaign=except_campaign,
            as_of=as_of,
        )
    }


def past_in_all(
    connection: Connection, since: Mapping[int, datetime | None], *, except_campaign: int, as_of: datetime
) -> Mapping[int, PastInAll]:
    """The other campaigns of a few contacts that were sent by then, in all; who was in none is missing.

    Args:
        since: the contacts, each with the moment after which its campaigns count (a person reinstated it); None: all do.
    """
    found = fetch_all(
        connection,
        f"""
        with sends as materialized (
            select s.id as campaign_id, coalesce(s.send_start_at, s.send_end_at) as sent_at, f.sweep,
                   coalesce(f.is_complete, false) as is_complete
            from campaign_schedule s left join lateral ({_BEST_FETCH}) f on true
            where s.id <> :campaign and coalesce(s.send_start_at, s.send_end_at) <= :as_of)
        select r.contact_id, count(*) filter (where s.is_complete and e.contact_id is null) as deliveries,
               min(s.sent_at) as first_sent_at
        from unnest(cast(:ids as bigint[]), cast(:since as timestamptz[])) a (id, since)
        cross join lateral (select contact_id, campaign_id from campaign_recipient where contact_id = a.id offset 0) r
        join sends s on s.campaign_id = r.campaign_id and (a.since is null or s.sent_at > a.since)
        left join bounce_event e on e.campaign_id = s.campaign_id and e.sweep = s.sweep and e.contact_id = r.contact_id
        group by 1
        """,
        ids=list(since),
        since=list(since.values()),
        campaign=except_campaign,
        as_of=as_of,
    )
    return {int(row["contact_id"]): PastInAll(int(row["deliveries"]), row["first_sent_at"]) for row in found}


def failures_of(
    connection: Connection, contact_ids: Sequence[int], *, except_campaign: int, as_of: datetime
) -> Mapping[int, list[PastAttempt]]:
    """As ``attempts_of``, those alone that failed."""
    columns = ", ".join(f"e.{c}" for c in _EVENT_COLUMNS if c != "contact_id")
    result: dict[int, list[PastAttempt]] = {contact_id: [] for contact_id in contact_ids}
    for part in in_parts(contact_ids):
        found = fetch_all(
            connection,
            f"""
            select e.contact_id, s.id as campaign_id, coalesce(s.send_start_at, s.send_end_at) as sent_at, f.is_complete,
                   {columns}
            from campaign_schedule s cross join lateral ({_BEST_FETCH}) f
            join bounce_event e on e.campaign_id = s.id and e.sweep = f.sweep
            join campaign_recipient r on r.campaign_id = e.campaign_id and r.contact_id = e.contact_id
            where e.contact_id = any(:ids) and s.id <> :campaign and coalesce(s.send_start_at, s.send_end_at) <= :as_of
            order by e.contact_id, sent_at, s.id
            """,
            ids=part,
            campaign=except_campaign,
            as_of=as_of,
        )
        for row in found:
            result[int(row["contact_id"])].append(
                PastAttempt(row["campaign_id"], row["sent_at"], row["is_complete"], _event(row, row["campaign_id"]))
            )
    return result


def failed_before(
    connection: Connection,
    reasons: Mapping[int, BounceReason],
    times: int,
    *,
    except_campaign: int,
    as_of: datetime,
) -> frozenset[int]:
    """The contacts that failed for the same reason before, in at least so many other campaigns that were sent by then.

    Args:
        reasons: the contacts, each with the reason that is asked about.
    """
    found: set[int] = set()
    for part in in_parts(sorted(reasons)):
        rows = fetch_all(
            connection,
            f"""
            with believed as materialized (
                select s.id as campaign_id, f.sweep from campaign_schedule s cross join lateral ({_BEST_FETCH}) f
                where s.id <> :campaign and coalesce(s.send_start_at, s.send_end_at) <= :as_of)
            select e.contact_id
            from unnest(cast(:ids as bigint[]), cast(:reasons as text[])) a (id, reason)
            cross join lateral (select contact_id, campaign_id, sweep, reason from bounce_event
                                where contact_id = a.id offset 0) e
            join believed b on b.campaign_id = e.campaign_id and b.sweep = e.sweep
            join campaign_recipient r on r.campaign_id = e.campaign_id and r.contact_id = e.contact_id
            where e.reason = a.reason group by e.contact_id having count(*) >= :times
            """,
            ids=part,
            reasons=[reasons[one].value for one in part],
            times=times,
            campaign=except_campaign,
            as_of=as_of,
        )
        found.update(int(row["contact_id"]) for row in rows)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class StoredReading:
    """One reading of a campaign's failures, and one contact's in it; None: it had none there."""

    campaign_id: int
    sweep: str
    fetched_at: datetime
    is_complete: bool
    failure: FailureEvent | None


def readings_of(
    connection: Connection, contact_id: int, campaign_ids: Sequence[int]
) -> Mapping[int, list[StoredReading]]:
    """Every reading of some campaigns with a contact's failure in it, by campaign, oldest first; what was only told is none."""
    columns = ", ".join(f"e.{c}" for c in _EVENT_COLUMNS if c != "contact_id")
    found = fetch_all(
        connection,
        f"""
        select f.campaign_id, f.sweep, f.fetched_at, f.is_complete, cast(:contact as bigint) as contact_id, {columns}
        from bounce_fetch f left join bounce_event e
          on e.campaign_id = f.campaign_id and e.sweep = f.sweep and e.contact_id = :contact
        where f.campaign_id = any(:campaigns) and f.sweep <> '{told_events.TOLD}' order by f.campaign_id, f.fetched_at, f.sweep
        """,
        contact=contact_id,
        campaigns=list(campaign_ids),
    )
    result: dict[int, list[StoredReading]] = {}
    for row in found:
        campaign_id = int(row["campaign_id"])
        failure = _event(row, campaign_id) if row["occurred_at"] is not None else None
        result.setdefault(campaign_id, []).append(
            StoredReading(campaign_id, row["sweep"], row["fetched_at"], row["is_complete"], failure)
        )
    return result


def only_told_of(connection: Connection, contact_id: int) -> tuple[tuple[int, FailureEvent], ...]:
    """Campaign and failure of what was told of a contact and is in no whole reading, oldest first."""
    found = fetch_all(
        connection,
        f"""select campaign_id, {", ".join(_EVENT_COLUMNS)} from bounce_event
            where contact_id = :contact and sweep = '{told_events.TOLD}' order by occurred_at, campaign_id""",
        contact=contact_id,
    )
    return tuple((int(row["campaign_id"]), _event(row, int(row["campaign_id"]))) for row in found)
