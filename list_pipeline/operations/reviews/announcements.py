"""Messages about decisions: what waits for a person, what was decided, what lapsed, what was carried out later.

Belongs here: gathering the facts of such a message and handing it to the outbox. Does not belong here: words
(``core.reviews.messages``), and the decision itself (``decisions``).
"""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import SlackMessage, with_blocks
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.plan import PlanStatus, Sweep
from list_pipeline.core.reports.card import WAITING
from list_pipeline.core.reviews.approvals import Approvals
from list_pipeline.core.reviews.messages import (
    LateExecution,
    PlanDecision,
    Questions,
    SingleQuestion,
    WaitingPlan,
    approval_message,
    decision_message,
    late_message,
    questions_message,
    review_block,
)
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.wording import instant_text, names_text
from list_pipeline.operations.access import Deciding, Telling
from list_pipeline.operations.messages.asking import asked_with_buttons, pages_of_plan
from list_pipeline.operations.messages.gate_alerts import tell_gate_alert
from list_pipeline.operations.messages.links import links_of_plan
from list_pipeline.operations.messages.outbox import Delivery, deliver
from list_pipeline.operations.plans.outcomes import Executed
from list_pipeline.operations.reviews.approvals import approvals_in
from list_pipeline.operations.reviews.message_updates import update_messages
from list_pipeline.operations.reviews.reminders import waiting_plans
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.storage import approvals as approval_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import ReviewItem


def with_review(services: Deciding, message: SlackMessage, campaign_id: int) -> SlackMessage:
    """A report with what a person now has to decide and the commands for it, below what waits."""
    with services.database.begin() as connection:
        open_items = review_rows.open_reviews(connection, campaign_id)
        numbers = sorted({item.plan_id for item in open_items if item.plan_id is not None})
        early = {
            one.plan.plan_id: f"Plan {one.plan.plan_id} lapses already at {instant_text(one.time.lapses_at)}: after the send "
            f"to {send.role.label} at {instant_text(send.at)} its moves cannot be made."
            for one in waiting_plans(services, connection)
            if (send := one.time.ends_with) is not None
        }
        found = [plan for number in numbers if (plan := plan_rows.plan_by_id(connection, number)) is not None]
        waiting = [
            WaitingPlan(
                plan.plan_id,
                plan.kind,
                plan.content_hash,
                plan_rows.changes_if_approved(connection, plan.plan_id),
                early.get(plan.plan_id, ""),
                pages_of_plan(services, connection, plan),
                approvals_in(services, connection, plan).words,
            )
            for plan in found
            if plan.status is PlanStatus.PENDING_REVIEW
        ]
    undecided = {plan.plan_id for plan in waiting}
    single = [item for item in open_items if item.is_alone(undecided)]
    failed = [item for item in single if item.kind is ReviewKind.FAILED_ITEM]
    asked = [item for item in single if item.kind is not ReviewKind.FAILED_ITEM]
    added = review_block(
        waiting,
        Questions(
            len(asked),
            sum(item.contacts for item in asked),
            sum(item.kind is ReviewKind.INCIDENT for item in asked),
        ),
        services.settings.list_review_expiry_hours,
        Questions(len(failed), sum(item.contacts for item in failed)),
        [SingleQuestion(one.review_id, one.content_hash, one.summary) for one in single if one.content_hash],
        is_heard=services.settings.hears_clicks,
    )
    return with_blocks(message, added, after=WAITING)


def tell_gate_alerts(services: Telling, campaign_id: int, sweep: Sweep) -> list[Delivery]:
    """Tell what the gates of a maintenance found that somebody should look at soon, in the gate's words: once a plan, in the
    thread of its campaign and in the channel. What a gate refused fails its maintenance, and is told by that."""
    with services.database.begin() as connection:
        found = [
            plan.plan_id
            for plan in plan_rows.maintenance_plans(connection, campaign_id, sweep)
            if plan is not None
            and plan.gate is not None
            and plan.gate.alert
            and plan.gate.outcome is not GateOutcome.REFUSED
            and plan.status in (PlanStatus.PENDING_REVIEW, PlanStatus.PLANNED)
        ]
    return [tell_gate_alert(services, plan_id) for plan_id in found]


def tell_decision(services: Telling, plan: StoredPlan, note: str | None = None, *, why: str = "") -> Delivery:
    """Tell that a plan was approved or rejected, or that it lapsed, in the thread of its campaign.

    Args:
        note: of the person who decided. why: why it lapsed, as a sentence, where that is not for the lack of an answer.
    """
    with services.database.begin() as connection:
        about = review_rows.campaign_key_of(connection, plan.plan_id) if plan.campaign_id is not None else ""
        count = plan_rows.changes_if_approved(connection, plan.plan_id)
        approved_by = [one.person for one in approval_rows.of_plan(connection, plan.plan_id)]
    by = plan.decided_by or "nobody"
    if plan.status is PlanStatus.APPROVED and len(approved_by) > 1:
        by = names_text(approved_by)
    stopped = change_block_reason(services) or "" if plan.status is PlanStatus.APPROVED else ""
    decision = PlanDecision(
        plan.plan_id, plan.kind, plan.status, about, by, note or "", count, why, plan.decided_via, stopped
    )
    told = deliver(
        services,
        keys.decision(plan.plan_id, plan.status),
        decision_message(decision, links_of_plan(services, plan)),
        campaign_id=plan.campaign_id,
        thread_key=keys.campaign_thread_if_any(plan.campaign_id),
        important=plan.status is PlanStatus.EXPIRED,
    )
    update_messages(services)
    return told


def tell_approval(services: Telling, plan: StoredPlan, approvals: Approvals) -> Delivery:
    """Tell that one of several people who have to approve a plan did, in the thread of its campaign."""
    with services.database.begin() as connection:
        about = review_rows.campaign_key_of(connection, plan.plan_id) if plan.campaign_id is not None else ""
    message = approval_message(
        plan.kind, plan.plan_id, plan.content_hash, about, approvals, links_of_plan(services, plan)
    )
    with services.database.begin() as connection:
        message = asked_with_buttons(services, connection, message, plan)
    told = deliver(
        services,
        keys.approval(plan.plan_id, len(approvals.given)),
        message,
        campaign_id=plan.campaign_id,
        thread_key=keys.campaign_thread_if_any(plan.campaign_id),
        important=True,
        broadcast=True,
    )
    update_messages(services)
    return told


def tell_expired_questions(services: Telling, review_ids: Sequence[int]) -> list[Delivery]:
    """Tell which campaigns have questions about single contacts that lapsed now: one message each."""
    with services.database.begin() as connection:
        items = [item for number in review_ids if (item := review_rows.review_by_id(connection, number)) is not None]
        found: dict[int, list[ReviewItem]] = {}
        for item in items:
            if item.plan_id is not None:
                found.setdefault(item.plan_id, []).append(item)
        asked = [
            (plan, review_rows.campaign_key_of(connection, plan_id), lapsed)
            for plan_id, lapsed in found.items()
            if (plan := plan_rows.plan_by_id(connection, plan_id)) is not None
        ]
    return [
        deliver(
            services,
            keys.expired_questions(plan.plan_id, max(item.review_id for item in lapsed)),
            questions_message(about, len(lapsed), links_of_plan(services, plan)),
            campaign_id=plan.campaign_id,
            thread_key=keys.campaign_thread_if_any(plan.campaign_id),
        )
        for plan, about, lapsed in asked
    ]


def tell_late_execution(
    services: Telling, plan: StoredPlan, done: Sequence[ReviewItem], executed: Executed
) -> Delivery:
    """Tell that contacts which people approved one by one were changed after their plan."""
    with services.database.begin() as connection:
        about = review_rows.campaign_key_of(connection, plan.plan_id)
    facts = LateExecution(plan.plan_id, plan.kind, about, len(done), executed.confirmed, executed.failed)
    return deliver(
        services,
        keys.approved_items(plan.plan_id, max(item.review_id for item in done), len(done)),
        late_message(facts, links_of_plan(services, plan)),
        campaign_id=plan.campaign_id,
        thread_key=keys.campaign_thread_if_any(plan.campaign_id),
        important=executed.failed > 0,
    )
