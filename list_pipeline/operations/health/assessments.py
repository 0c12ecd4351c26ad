"""List health: the figures of the three campaign lists from our own rows, and their assessment, stored once.

Belongs here: gathering, asking about the three lists at once, keeping. Does not belong here: rules
(``core.health.assessment``) and what a model is asked (``agents.health``). Mailjet is not asked anything: sizes are
those of the snapshot that the run takes anyway.

An assessment advises. It changes no list, and none of its failures keeps a maintenance from going on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import structlog

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.health import AGENT, Assessed, assess
from list_pipeline.core.health.assessment import HealthAssessment, HealthPolicy
from list_pipeline.core.health.figures import (
    CampaignBounces,
    ListFigures,
    SendFigures,
    TrendFigures,
    bounce_trend,
    size_trend,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.wording import Rate
from list_pipeline.operations.access import Storing
from list_pipeline.operations.advice.advisors import keep_record, partition_of
from list_pipeline.operations.bounces.overdispersion import overdispersion_of_account
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.stages import carrying_context
from list_pipeline.storage import health as health_rows
from list_pipeline.storage.advice import AdvicePartition
from list_pipeline.storage.health import StoredAssessment
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)


def assess_lists(services: Storing, run: Maintenance, access: ModelAccess) -> list[HealthAssessment]:
    """The health of the three lists in a maintenance: the stored assessments, or made now and stored.

    A maintenance that is over gets none afterwards: the figures of today say nothing about it.
    """
    if run.is_over:
        return [each.assessment for each in stored_assessments(services, partition_of(run))]
    with services.database.begin() as connection:
        sizes = ledger.snapshot(connection, run.campaign.campaign_id, run.sweep.value, "before")
    mailable = {role: count for role, (_, count) in sizes.items()}
    return assess_partition(services, partition_of(run), mailable, access)


def assess_partition(
    services: Storing,
    partition: AdvicePartition,
    mailable: Mapping[ListRole, int],
    access: ModelAccess,
    *,
    figures: Sequence[ListFigures] | None = None,
) -> list[HealthAssessment]:
    """The assessments of the three lists for a campaign or a week: those that are missing are made at the same time, and
    each is stored as soon as it is made.

    Args:
        mailable: contacts of each list that would be mailed, the master list among them; a missing list is not known.
        figures: what to assess by instead of what is recorded up to now, e.g. what was known at the end of a past week.
    """
    now = services.clock.now()
    stored = [each.assessment for each in stored_assessments(services, partition)]
    known = {each.role for each in stored}
    if known.issuperset(CAMPAIGN_LISTS):
        return stored
    given = figures_of_lists(services, mailable, now) if figures is None else figures
    missing = [each for each in given if each.role not in known]

    def make(each: ListFigures) -> None:
        _keep(services, partition, assess(access, each), now)

    with ThreadPoolExecutor(max_workers=len(missing), thread_name_prefix="list-health") as threads:
        for _ in threads.map(carrying_context(make), missing):
            pass
    found = [each.assessment for each in stored_assessments(services, partition)]
    for assessment in found:
        log.info(
            "list health assessed",
            list=assessment.role.label,
            status=assessment.status.value,
            urgency=assessment.urgency.value,
            by=assessment.source.value,
        )
    return found


def stored_assessments(services: Storing, partition: AdvicePartition) -> list[StoredAssessment]:
    """The stored assessments of a partition, with figures; empty when nothing was assessed."""
    with services.database.begin() as connection:
        return health_rows.stored_assessments(connection, partition)


def consultations(services: Storing, partition: AdvicePartition) -> Sequence[Mapping[str, Any]]:
    """The latest question about each list of a partition: model, tokens, latency, cost, and what became of the answer."""
    with services.database.begin() as connection:
        return [dict(row) for row in health_rows.consultations(connection, partition, AGENT)]


def _keep(services: Storing, partition: AdvicePartition, made: Assessed, now: datetime) -> None:
    keep_record(
        services,
        partition,
        made.recorded,
        made.opinion,
        subject=made.figures.role.label,
        confidence=made.assessment.confidence,
    )
    with services.database.begin() as connection:
        health_rows.save_assessment(
            connection,
            partition,
            StoredAssessment(made.assessment, made.figures.shown(), made.rules.status, made.rules.urgency, now),
        )


def figures_of_lists(services: Storing, mailable: Mapping[ListRole, int], now: datetime) -> tuple[ListFigures, ...]:
    """The figures of the three campaign lists at an instant, from what is recorded."""
    policy = HealthPolicy()
    with services.database.begin() as connection:
        differ = overdispersion_of_account(connection, now)
        trends = TrendFigures(variation=differ)
        # As many of each list as one needs for its own figures, and all three for the trend.
        sent = health_rows.campaigns_read_whole(connection, now, max(policy.recent_campaigns, 2 * trends.campaigns))
        recent = {
            role: [each for each in sent if each.role is role][-policy.recent_campaigns :] for role in CAMPAIGN_LISTS
        }
        last_sends = health_rows.last_sends(connection, now)
        sizes = health_rows.sizes_since(connection, now - timedelta(days=trends.size_days_max))
        suppressed = health_rows.suppressed_of_mailed(
            connection, [each.campaign_id for campaigns in recent.values() for each in campaigns]
        )
    trend = bounce_trend([CampaignBounces(each.hard + each.soft, each.recipients) for each in sent], trends)
    own = [mailable[role] for role in CAMPAIGN_LISTS if role in mailable]
    target = float(Fraction(sum(own), len(CAMPAIGN_LISTS))) if len(own) == len(CAMPAIGN_LISTS) else None
    master = mailable.get(ListRole.MASTER)
    found = []
    for role in CAMPAIGN_LISTS:
        counted = sizes[role] + ([(now, mailable[role])] if role in mailable else [])
        size, change = size_trend(counted, now, trends)
        count, of = suppressed.get(role, (0, 0))
        found.append(
            ListFigures(
                role=role,
                mailable=mailable.get(role),
                target=target,
                master_third=None if master is None else master / len(CAMPAIGN_LISTS),
                last=SendFigures.together([replace(each.figures, overdispersion=differ) for each in recent[role][-1:]]),
                recent=SendFigures.together([replace(each.figures, overdispersion=differ) for each in recent[role]]),
                suppression=Rate(count, of) if of else None,
                bounce_trend=trend,
                size_trend=size,
                size_change_percent=change,
                last_campaign_at=last_sends.get(role),
            )
        )
    return tuple(found)
