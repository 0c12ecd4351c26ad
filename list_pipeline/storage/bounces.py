"""Bounce events per contact and campaign, and the record of how whole their reading was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.bounces.classes import (
    BounceClass,
    BounceReason,
    DecidedBy,
    FailureEvent,
    restore_classification,
)
from list_pipeline.core.observations import MessageStatus
from list_pipeline.storage import told_events
from list_pipeline.storage.database import copy_rows, execute, fetch_all, fetch_one, to_json


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
    found = fetch_all(
        connection,
        f"""select {", ".join(_EVENT_COLUMNS)} from bounce_event
            where campaign_id = :campaign and sweep = :sweep order by contact_id""",
        campaign=campaign_id,
        sweep=sweep,
    )
    return tuple(_event(row, campaign_id) for row in found)


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
    return FailureEvent(
        contact_id=row["contact_id"],
        campaign_id=campaign_id,
        occurred_at=row["occurred_at"],
        state_id=row["state_id"],
        is_permanent=row["is_permanent"],
        status=MessageStatus(row["message_status"]) if row["message_status"] else None,
        classification=restore_classification(
            BounceClass(row["bounce_class"]),
            BounceReason(row["reason"]),
            row["is_disputed"],
            DecidedBy(row["decided_by"]),
            row["server_words"],
        ),
        in_bounce_log=row["in_bounce_log"],
        in_message_log=row["in_message_log"],
        is_contradictory=row["is_contradictory"],
        told_at=row["told_at"],
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
          and s.retired_at is null
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
