"""Which messages people get about decisions, what belongs into one thread, where messages link to, and how delivery fares.

Belongs here: gathering the facts of a message and handing it to the outbox. Does not belong here: words
(``core.decision_messages``), posting and retries (``outbox``), the maintenance report (``reports``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from urllib.parse import quote

import structlog

from list_pipeline.core.decision_messages import (
    LateExecution,
    PlanDecision,
    WaitingPlan,
    decision_message,
    late_message,
    questions_message,
    review_block,
)
from list_pipeline.core.delivery import DeliveryFigures
from list_pipeline.core.plans import CHANGING_ACTIONS, PlanStatus
from list_pipeline.core.reports import WAITING
from list_pipeline.core.slack_blocks import Mrkdwn, SlackMessage, compose, link, with_blocks
from list_pipeline.operations.outbox import Delivery, deliver
from list_pipeline.operations.outcomes import Executed
from list_pipeline.operations.services import Services
from list_pipeline.storage import maintenance, notifications, plans, reviews
from list_pipeline.storage.plans import StoredPlan
from list_pipeline.storage.reviews import ReviewItem

log = structlog.get_logger(__name__)


def campaign_thread(campaign_id: int) -> str:
    """What all messages about one campaign have in common: the first begins the thread of the others."""
    return f"campaign:{campaign_id}"


def week_thread(week: date) -> str:
    """The same for the messages about a week, by its Monday."""
    return f"week:{week.isoformat()}"


def links(
    services: Services, *, partition: str | None = None, log_id: int | None = None, run_id: str | None = None
) -> list[Mrkdwn]:
    """Links to the record, the run and the partition, as far as their bases are set: no link leads nowhere.

    Args:
        partition: a campaign's key. ``log_id``: its row in the ledger. ``run_id``: Dagster's.
    """
    settings, found = services.settings, []
    if settings.app_url and log_id is not None:
        found.append(link(f"{settings.app_url}/admin/list-management/{log_id}", "View Details"))
    if settings.dagster_url and run_id:
        found.append(link(f"{settings.dagster_url}/runs/{run_id}", "Dagster run"))
    if partition and (at := partition_url(services, partition)):
        found.append(link(at, "Partition"))
    return found


def partition_url(services: Services, partition: str) -> str | None:
    """The page of a campaign's report in Dagster; None where no base is set."""
    base = services.settings.dagster_url
    return f"{base}/assets/maintenance_report?partition={quote(partition, safe='')}" if base else None


def with_review(services: Services, message: SlackMessage, campaign_id: int) -> SlackMessage:
    """A report with what a person now has to decide and the commands for it, below what waits."""
    with services.database.begin() as connection:
        open_items = plans.open_reviews(connection, campaign_id)
        numbers = sorted({int(row["plan_id"]) for row in open_items if row["plan_id"] is not None})
        found = [plan for number in numbers if (plan := plans.plan_by_id(connection, number)) is not None]
        waiting = [
            WaitingPlan(
                plan.plan_id,
                plan.kind,
                plan.content_hash,
                len(plans.plan_items(connection, plan.plan_id, CHANGING_ACTIONS)),
            )
            for plan in found
            if plan.status is PlanStatus.PENDING_REVIEW
        ]
    undecided = {plan.plan_id for plan in waiting}
    questions = sum(
        1
        for row in open_items
        if row["plan_id"] not in undecided
        and (row["kind"] in ("incident", "failed_item") or (row["kind"] == "plan" and row["contact_id"] is not None))
    )
    added = review_block(waiting, questions, services.settings.list_review_expiry_hours)
    return with_blocks(message, added, after=f"*{WAITING}*")


def tell_decision(services: Services, plan: StoredPlan, note: str | None = None) -> Delivery:
    """Tell that a plan was approved or rejected, or that it lapsed, in the thread of its campaign."""
    with services.database.begin() as connection:
        about = reviews.campaign_key_of(connection, plan.plan_id) if plan.campaign_id is not None else ""
        count = len(plans.plan_items(connection, plan.plan_id, CHANGING_ACTIONS))
    decision = PlanDecision(plan.plan_id, plan.kind, plan.status, about, plan.decided_by or "nobody", note or "", count)
    return deliver(
        services,
        f"decision:{plan.plan_id}:{plan.status.value}",
        decision_message(decision, links_of_plan(services, plan)),
        campaign_id=plan.campaign_id,
        thread_key=campaign_thread(plan.campaign_id) if plan.campaign_id is not None else None,
        important=plan.status is PlanStatus.EXPIRED,
    )


def tell_expired_questions(services: Services, review_ids: Sequence[int]) -> list[Delivery]:
    """Tell which campaigns have questions about single contacts that lapsed now: one message each."""
    with services.database.begin() as connection:
        items = [item for number in review_ids if (item := reviews.review_by_id(connection, number)) is not None]
        found: dict[int, list[ReviewItem]] = {}
        for item in items:
            if item.plan_id is not None:
                found.setdefault(item.plan_id, []).append(item)
        asked = [
            (plan, reviews.campaign_key_of(connection, plan_id), lapsed)
            for plan_id, lapsed in found.items()
            if (plan := plans.plan_by_id(connection, plan_id)) is not None
        ]
    return [
        deliver(
            services,
            f"questions-expired:{plan.plan_id}:{max(item.review_id for item in lapsed)}",
            questions_message(about, len(lapsed), links_of_plan(services, plan)),
            campaign_id=plan.campaign_id,
            thread_key=campaign_thread(plan.campaign_id) if plan.campaign_id is not None else None,
        )
        for plan, about, lapsed in asked
    ]


def tell_late_execution(
    services: Services, plan: StoredPlan, done: Sequence[ReviewItem], executed: Executed
) -> Delivery:
    """Tell that contacts which people approved one by one were changed after their plan."""
    with services.database.begin() as connection:
        about = reviews.campaign_key_of(connection, plan.plan_id)
    facts = LateExecution(plan.plan_id, plan.kind, about, len(done), executed.confirmed, executed.failed)
    return deliver(
        services,
        f"late:{plan.plan_id}:{max(item.review_id for item in done)}:{len(done)}",
        late_message(facts, links_of_plan(services, plan)),
        campaign_id=plan.campaign_id,
        thread_key=campaign_thread(plan.campaign_id) if plan.campaign_id is not None else None,
        important=executed.failed > 0,
    )


def links_of_plan(services: Services, plan: StoredPlan) -> list[Mrkdwn]:
    """The record, run and partition of a plan's campaign; none for a repair, which has no partition."""
    if plan.campaign_id is None or plan.sweep is None:
        return []
    with services.database.begin() as connection:
        about = reviews.campaign_key_of(connection, plan.plan_id)
        row = maintenance.latest_log(connection, plan.campaign_id, plan.sweep.value)
    if row is None:
        return links(services, partition=about)
    number = [] if services.settings.app_url else [compose("Maintenance log {id}", id=row.log_id)]
    return [*number, *links(services, partition=about, log_id=row.log_id, run_id=row.run_id)]


def delivery_figures(services: Services, since: datetime) -> DeliveryFigures:
    """How the messages written since an instant (UTC) fared. What people should look at is logged as an error."""
    with services.database.begin() as connection:
        figures = notifications.delivery_figures(connection, since, services.clock.now())
    for words in figures.alerts:
        log.error("messages do not reach people as they should", what=words, since=since.isoformat())
    return figures
