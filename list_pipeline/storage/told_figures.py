"""How many told events came, what became of them, which wait, and what a reading shows beside them.

Belongs here: counting. Does not belong here: keeping events and joining them (``told_events``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.told_events.comparison import Compared
from list_pipeline.core.told_events.events import FAILURES
from list_pipeline.storage.database import execute, fetch_all, fetch_one, sql_list
from list_pipeline.storage.told_events import TOLD

_FAILURES = sql_list(*sorted(FAILURES))


def count(connection: Connection, counted: Mapping[tuple[str, str], int], now: datetime) -> None:
    """Add to the day's counts: kind and outcome to how many."""
    for (kind, outcome), events in sorted(counted.items()):
        execute(
            connection,
            """
            insert into told_count as c (day, kind, outcome, events, first_at, last_at)
            values (cast(cast(:now as timestamptz) at time zone 'UTC' as date), :kind, :outcome, :events, :now, :now)
            on conflict (day, kind, outcome) do update set events = c.events + excluded.events,
                   last_at = greatest(c.last_at, excluded.last_at), first_at = least(c.first_at, excluded.first_at)
            """,
            kind=kind,
            outcome=outcome,
            events=events,
            now=now,
        )


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many events of a kind came in some days, and what became of them."""

    kind: str
    outcome: str
    events: int
    last_at: datetime


def counts_since(connection: Connection, since: datetime) -> tuple[DayCount, ...]:
    """Events by kind and outcome since the day of an instant (UTC)."""
    found = fetch_all(
        connection,
        """
        select kind, outcome, sum(events) as events, max(last_at) as last_at from told_count
        where day >= cast(cast(:since as timestamptz) at time zone 'UTC' as date)
        group by kind, outcome order by kind, outcome
        """,
        since=since,
    )
    return tuple(DayCount(row["kind"], row["outcome"], int(row["events"]), row["last_at"]) for row in found)


@dataclass(frozen=True, slots=True)
class Aside:
    """Events that are kept aside: how many, and since when (UTC) the oldest waits; None: none does."""

    events: int
    since: datetime | None


def aside(connection: Connection) -> Aside:
    """The events whose contact or campaign is not known here yet."""
    row = fetch_one(
        connection, "select count(*) as events, min(received_at) as since from told_event where joined_at is null"
    )
    return Aside(int(row["events"]), row["since"]) if row is not None else Aside(0, None)


def compare(connection: Connection, campaign_id: int, sweep: str) -> Compared:
    """What was told of a campaign, beside what a sweep read of it."""
    row = fetch_one(
        connection,
        f"""
        with late as (
            select greatest(0, extract(epoch from e.received_at - e.occurred_at)) as late_s from told_event e
            join campaign_schedule s on s.mailjet_campaign_id = e.mailjet_campaign_id
            where s.id = :campaign and e.bounce_class is not null)
        select count(*) filter (where b.sweep = :sweep and b.reason <> 'still_trying') as failures,
               count(b.told_at) filter (where b.sweep = :sweep and b.reason <> 'still_trying') as told,
               count(*) filter (where b.sweep = '{TOLD}' and not exists (
                   select 1 from bounce_event o
                   where o.campaign_id = b.campaign_id and o.sweep = :sweep and o.contact_id = b.contact_id)) as only_told,
               (select percentile_cont(0.5) within group (order by late_s) from late) as typical_s,
               (select max(late_s) from late) as slowest_s,
               (select min(first_at) from told_count where kind in {_FAILURES}) as since
        from bounce_event b where b.campaign_id = :campaign
        """,
        campaign=campaign_id,
        sweep=sweep,
    )
    if row is None:
        return Compared(0, 0, 0, None, None, None)
    return Compared(
        failures=int(row["failures"]),
        told=int(row["told"]),
        only_told=int(row["only_told"]),
        typical_s=float(row["typical_s"]) if row["typical_s"] is not None else None,
        slowest_s=float(row["slowest_s"]) if row["slowest_s"] is not None else None,
        since=row["since"],
    )
