"""List health: the rows that the figures are made of, and the assessments that were made.

Belongs here: reading and writing those rows. Does not belong here: figures, rules and opinions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.bounces.classes import BounceReason
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import SendFigures, ShownFigures
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.storage.advice import AdvicePartition
from list_pipeline.storage.database import JsonColumn, execute, fetch_all, to_json
from list_pipeline.storage.history import IS_SUMMARISED


@dataclass(frozen=True, slots=True)
class SentCampaign:
    """The outcome of a campaign, in contacts; only recipients count. ``failed``: contacts not known to be delivered."""

    campaign_id: int
    role: ListRole
    recipients: int
    hard: int
    soft: int
    failed: int
    complaints: int = 0

    @property
    def figures(self) -> SendFigures:
        """The campaign as the figures of a list hold it."""
        delivered = self.recipients - self.failed
        return SendFigures(1, self.recipients, self.hard, self.soft, delivered, self.complaints)


def campaigns_read_whole(connection: Connection, before: datetime, limit: int) -> tuple[SentCampaign, ...]:
    """The latest campaigns, oldest first, whose recipients are known and whose bounces were read completely.

    Each as its latest complete reading saw it. What the two bounce sources contradict each other about is no bounce
    and no delivery.

    Args:
        limit: campaigns of each list.
    """
    found = fetch_all(
        connection,
        f"""
        with sent as (
            select s.id, s.round_number, s.recipient_count, coalesce(s.send_start_at, s.send_end_at) as sent_at, f.sweep,
                   row_number() over (partition by s.round_number
                                      order by coalesce(s.send_start_at, s.send_end_at) desc, s.id desc) as place
            from campaign_schedule s
            cross join lateral (select b.sweep from bounce_fetch b where b.campaign_id = s.id and b.is_complete
                                order by b.fetched_at desc limit 1) f
            where s.retired_at is null and s.recipients_proven_at is not null and not {IS_SUMMARISED}
              and coalesce(s.send_start_at, s.send_end_at) <= :before)
        select sent.id as campaign_id, sent.round_number, coalesce(sent.recipient_count, 0) as recipients,
               count(*) filter (where e.bounce_class = 'hard' and not e.is_contradictory) as hard,
               count(*) filter (where e.bounce_class = 'soft' and not e.is_contradictory) as soft,
               count(*) filter (where e.bounce_class <> 'complaint') as failed,
               -- Not who complained earlier and is blocked since.
               count(*) filter (where e.reason = :complaint) as complaints
        from sent
        left join (bounce_event e join campaign_recipient r using (campaign_id, contact_id))
             on e.campaign_id = sent.id and e.sweep = sent.sweep
        where sent.place <= :limit
        group by sent.id, sent.round_number, sent.recipient_count, sent.sent_at
        order by sent.sent_at, sent.id
        """,
        before=before,
        limit=limit,
        complaint=BounceReason.SPAM_COMPLAINT.value,
    )
    return tuple(
        SentCampaign(
            row["campaign_id"],
            CAMPAIGN_LISTS[row["round_number"] - 1],
            row["recipients"],
            row["hard"],
            row["soft"],
            row["failed"],
            row["complaints"],
        )
        for row in found
    )


def last_sends(connection: Connection, before: datetime) -> Mapping[ListRole, datetime]:
    """When each list was last sent to; a list that never was is missing."""
    found = fetch_all(
        connection,
        """
        select round_number, max(coalesce(send_end_at, send_start_at)) as sent_at from campaign_schedule
        where retired_at is null and coalesce(send_start_at, send_end_at) <= :before group by round_number
        """,
        before=before,
    )
    return {CAMPAIGN_LISTS[row["round_number"] - 1]: row["sent_at"] for row in found}


def sizes_since(connection: Connection, since: datetime) -> Mapping[ListRole, list[tuple[datetime, int]]]:
    """The counts of mailable contacts that snapshots took of each campaign list, oldest first."""
    found = fetch_all(
        connection,
        """
        select list_role, taken_at, mailable_count from list_snapshot
        where taken_at >= :since and phase in ('before', 'after') and list_role = any(:roles) order by taken_at
        """,
        since=since,
        roles=[role.value for role in CAMPAIGN_LISTS],
    )
    sizes: dict[ListRole, list[tuple[datetime, int]]] = {role: [] for role in CAMPAIGN_LISTS}
    for row in found:
        sizes[ListRole(row["list_role"])].append((row["taken_at"], int(row["mailable_count"])))
    return sizes


def suppressed_of_mailed(connection: Connection, campaign_ids: Sequence[int]) -> Mapping[ListRole, tuple[int, int]]:
    """Of the contacts that the campaigns mailed, by list: how many are on the suppression list, and how many they are."""
    found = fetch_all(
        connection,
        """
        select round_number, count(*) filter (where in_suppression_list) as suppressed, count(*) as mailed
        from (select distinct s.round_number, r.contact_id, coalesce(c.in_suppression_list, false) as in_suppression_list
              from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
              left join contact_list_membership c using (contact_id)
              where r.campaign_id = any(:campaigns)) mailed
        group by round_number
        """,
        campaigns=list(campaign_ids),
    )
    return {CAMPAIGN_LISTS[row["round_number"] - 1]: (int(row["suppressed"]), int(row["mailed"])) for row in found}


FIGURES: JsonColumn[ShownFigures] = JsonColumn("list_health_assessment.figures", ShownFigures)
"""How the column ``figures`` is read and written."""


@dataclass(frozen=True, slots=True)
class StoredAssessment:
    """An assessment with what it was made from: the figures, and what the rules alone said."""

    assessment: HealthAssessment
    figures: ShownFigures
    rules_status: HealthStatus
    rules_urgency: Urgency
    assessed_at: datetime


def save_assessment(connection: Connection, partition: AdvicePartition, stored: StoredAssessment) -> None:
    """Write an assessment once; a list that was assessed in this partition keeps its first."""
    own = stored.assessment
    execute(
        connection,
        """
        insert into list_health_assessment (campaign_id, sweep, week, list_role, assessed_at, figures, rules_status,
               rules_urgency, status, urgency, reputation_impact, confidence, concerns, risk_factors, rationale, source)
        values (:campaign, :sweep, :week, :role, :at, cast(:figures as jsonb), :rules_status, :rules_urgency, :status,
               :urgency, :impact, :confidence, cast(:concerns as jsonb), cast(:risks as jsonb), :rationale, :source)
        on conflict (campaign_id, sweep, week, list_role) do nothing
        """,
        **partition.columns,
        role=own.role.value,
        at=stored.assessed_at,
        figures=FIGURES.text(stored.figures),
        rules_status=stored.rules_status.value,
        rules_urgency=stored.rules_urgency.value,
        status=own.status.value,
        urgency=own.urgency.value,
        impact=own.reputation_impact,
        confidence=own.confidence,
        concerns=to_json(list(own.concerns)),
        risks=to_json(list(own.risk_factors)),
        rationale=own.rationale,
        source=own.source.value,
    )


def stored_assessments(connection: Connection, partition: AdvicePartition) -> list[StoredAssessment]:
    """The assessments of a partition with their figures, in the order of the lists."""
    found = fetch_all(
        connection,
        """
        select * from list_health_assessment
        where campaign_id is not distinct from cast(:campaign as integer)
          and sweep is not distinct from cast(:sweep as text) and week is not distinct from cast(:week as date)
        order by list_role
        """,
        **partition.columns,
    )
    return [
        StoredAssessment(
            assessment=HealthAssessment(
                role=ListRole(row["list_role"]),
                status=HealthStatus(row["status"]),
                urgency=Urgency(row["urgency"]),
                concerns=tuple(row["concerns"]),
                risk_factors=tuple(row["risk_factors"]),
                reputation_impact=row["reputation_impact"],
                rationale=row["rationale"],
                confidence=row["confidence"],
                source=AdviceSource(row["source"]),
            ),
            figures=FIGURES.read(row["figures"]),
            rules_status=HealthStatus(row["rules_status"]),
            rules_urgency=Urgency(row["rules_urgency"]),
            assessed_at=row["assessed_at"],
        )
        for row in found
    ]


def assessments(connection: Connection, partition: AdvicePartition) -> list[HealthAssessment]:
    """The assessments of a partition, in the order of the lists; empty when none were made."""
    return [each.assessment for each in stored_assessments(connection, partition)]


def consultations(connection: Connection, partition: AdvicePartition, agent: str) -> Sequence[RowMapping]:
    """The questions to an advisor in a partition, without their words: the latest about each subject."""
    return fetch_all(
        connection,
        """
        select distinct on (subject) subject, model, outcome, verdict, tokens, latency_ms, cost_usd from agent_record
        where campaign_id is not distinct from cast(:campaign as integer)
          and sweep is not distinct from cast(:sweep as text) and week is not distinct from cast(:week as date)
          and agent = :agent
        order by subject, record_id desc
        """,
        **partition.columns,
        agent=agent,
    )
