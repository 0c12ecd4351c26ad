"""Figures over time, for pictures: bounces, sizes of the lists, changed contacts, failed stages, answers of advisors.

Belongs here: SQL over stored figures. Does not belong here: totals (``totals``), and what is so now (``present``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.storage.database import fetch_all, sql_list


@dataclass(frozen=True, slots=True)
class BouncesOfCampaign:
    """How many of a campaign's messages bounced, as Mailjet counted them at the last look. ``sent_at``: UTC."""

    campaign: str
    list: ListRole
    sent_at: datetime
    bounced: int
    processed: int


@dataclass(frozen=True, slots=True)
class SizesThen:
    """The mailable members of the three campaign lists at an instant (UTC)."""

    at: datetime
    sizes: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ChangedByCampaign:
    """Contacts that the maintenances of a campaign suppressed and moved. ``at``: when the first of them began (UTC)."""

    campaign: str
    at: datetime
    suppressed: int
    moved: int


@dataclass(frozen=True, slots=True)
class AdvisorAnswers:
    """The answers of one advisor in a span: questions by outcome, and its mean confidence (None: it gave none)."""

    agent: str
    outcomes: Mapping[str, int]
    confidence: float | None


def bounces(connection: Connection, start: datetime, end: datetime) -> tuple[BouncesOfCampaign, ...]:
    """The campaigns that were sent in a span and whose figures are known, oldest first."""
    found = fetch_all(
        connection,
        """
        select * from (
            select distinct on (s.id) s.campaign_key as campaign, s.round_number,
                   coalesce(s.send_end_at, s.send_start_at) as sent_at, m.bounced, m.processed
            from campaign_metrics m join campaign_schedule s on s.id = m.campaign_schedule_id
            where coalesce(s.send_end_at, s.send_start_at) >= :start and coalesce(s.send_end_at, s.send_start_at) < :end
              and m.processed > 0
            order by s.id, m.collected_at desc) latest
        order by sent_at, campaign
        """,
        start=start,
        end=end,
    )
    return tuple(
        BouncesOfCampaign(
            row["campaign"], CAMPAIGN_LISTS[row["round_number"] - 1], row["sent_at"], row["bounced"], row["processed"]
        )
        for row in found
    )


def sizes(connection: Connection, start: datetime, end: datetime) -> tuple[SizesThen, ...]:
    """The sizes of the campaign lists at each snapshot of a span, oldest first; snapshots without one of them are left out."""
    one, two, three = (f"max(mailable_count) filter (where list_role = '{role.value}')" for role in CAMPAIGN_LISTS)
    found = fetch_all(
        connection,
        f"""
        select max(taken_at) as at, {one} as one, {two} as two, {three} as three from (
            select campaign_id || ' ' || sweep || ' ' || phase as snapshot, list_role, mailable_count, taken_at
            from list_snapshot
            union all
            select week::text, list_role, mailable_count, taken_at from weekly_list_snapshot) seen
        where taken_at >= :start and taken_at < :end and list_role in {sql_list(*CAMPAIGN_LISTS)}
        group by snapshot having count(*) = 3 order by at, snapshot
        """,
        start=start,
        end=end,
    )
    return tuple(SizesThen(row["at"], (row["one"], row["two"], row["three"])) for row in found)


def changed(connection: Connection, start: datetime, end: datetime) -> tuple[ChangedByCampaign, ...]:
    """The campaigns whose maintenance began in a span, oldest first."""
    found = fetch_all(
        connection,
        """
        select s.campaign_key as campaign, min(l.executed_at) as at, sum(l.contacts_suppressed) as suppressed,
               sum(l.contacts_rebalanced) as moved
        from list_maintenance_log l join campaign_schedule s on s.id = l.campaign_schedule_id
        where l.maintenance_type = 'post_campaign' and l.executed_at >= :start and l.executed_at < :end
        group by s.campaign_key order by at, campaign
        """,
        start=start,
        end=end,
    )
    return tuple(ChangedByCampaign(r["campaign"], r["at"], int(r["suppressed"]), int(r["moved"])) for r in found)


def failed_stages(connection: Connection, start: datetime, end: datetime) -> Mapping[str, int]:
    """Errors that maintenances of a span met, by stage, the most first."""
    found = fetch_all(
        connection,
        """
        select coalesce(e ->> 'stage', 'unknown') as stage, count(*) as many
        from list_maintenance_log l cross join lateral jsonb_array_elements(coalesce(l.errors, '[]')) e
        where l.executed_at >= :start and l.executed_at < :end group by 1 order by 2 desc, 1
        """,
        start=start,
        end=end,
    )
    return {str(row["stage"]): int(row["many"]) for row in found}


def answers(connection: Connection, start: datetime, end: datetime) -> tuple[AdvisorAnswers, ...]:
    """The answers of each advisor in a span."""
    found = fetch_all(
        connection,
        """
        select agent, outcome, count(*) as many, sum(confidence) as sure, count(confidence) as told
        from agent_record where asked_at >= :start and asked_at < :end group by agent, outcome order by agent, outcome
        """,
        start=start,
        end=end,
    )
    by_agent: dict[str, list[tuple[str, int, float, int]]] = {}
    for row in found:
        entry = (str(row["outcome"]), int(row["many"]), float(row["sure"] or 0), int(row["told"]))
        by_agent.setdefault(row["agent"], []).append(entry)
    return tuple(
        AdvisorAnswers(
            agent,
            {outcome: many for outcome, many, _, _ in parts},
            sum(sure for *_, sure, _ in parts) / told if (told := sum(part[3] for part in parts)) else None,
        )
        for agent, parts in by_agent.items()
    )
