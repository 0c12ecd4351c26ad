"""Until when each plan that waits can be decided, and reminders before that: each once, through the outbox.

The time follows the schedule at Mailjet as our rows have it: nothing of it is stored, so a draft that moves moves it.

Does not belong here: the rules (``core.reviews.deadlines``), and letting plans lapse (``decisions``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.messages import keys
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.plans.plan import CHANGING_ACTIONS
from list_pipeline.core.reviews.deadlines import NextSend, PlanTime, Reminder, plan_time
from list_pipeline.core.reviews.messages import reminder_message
from list_pipeline.operations.access import Deciding, Telling
from list_pipeline.operations.campaigns.before_changes import changes_take
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.campaigns.scheduled_campaigns import due_since
from list_pipeline.operations.messages.asking import asked_with_buttons
from list_pipeline.operations.messages.links import links_of_plan
from list_pipeline.operations.messages.outbox import Delivery, post, queue
from list_pipeline.operations.reviews.approvals import approvals_in
from list_pipeline.storage import escalations
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.messages import Outgoing
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.validation import campaign_block as block_rows

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WaitingPlanTime:
    """A plan that waits for a person, and the time in which it can be decided. ``contacts``: how many it would change."""

    plan: StoredPlan
    time: PlanTime
    contacts: int


def waiting_plans(services: Deciding, connection: Connection) -> tuple[WaitingPlanTime, ...]:
    """The plans that wait for a person with their time, oldest first. No request is made."""
    asked = review_rows.waiting_plans(connection)
    if not asked:
        return ()
    now, longest = services.clock.now(), timedelta(hours=services.settings.list_review_expiry_hours)
    cycle, sends = cycle_now(connection, now), next_sends(services, connection)
    found = []
    for plan_id, asked_at in asked.items():
        plan = plan_rows.existing_plan(connection, plan_id)
        items = plan_rows.plan_items(connection, plan_id, CHANGING_ACTIONS)
        count = plan_rows.changes_if_approved(connection, plan_id)
        lists = review_rows.lists_of_plan(connection, plan_id)
        time = plan_time(plan.kind, items, lists, cycle, sends, asked_at, longest)
        found.append(WaitingPlanTime(plan, time, count))
    return tuple(found)


def next_sends(services: Deciding, connection: Connection) -> Sequence[NextSend]:
    """The campaigns that are scheduled at Mailjet and still to come, those left out that a block of ours cancelled."""
    now, lead = services.clock.now(), changes_take(services)
    return [
        NextSend(
            each.campaign_id,
            each.key,
            each.list_role,
            each.scheduled_at,
            min(each.scheduled_at - lead, due_since(each)),
        )
        for each in scheduled_campaigns.not_sent_yet(connection)
        if each.retired_at is None
        and each.scheduled_at > now
        and block_rows.standing_cancellation(connection, each.campaign_id) is None
    ]


def remind_of_waiting(services: Telling) -> list[Delivery]:
    """Remind people of plans that wait: once when half their time is over, and once before a send that they concern. With
    SLACK_ESCALATION the first reminder after half the time calls somebody in; that is written down, once a plan."""
    now = services.clock.now()
    with services.database.begin() as connection:
        due = [(one, why) for one in waiting_plans(services, connection) if (why := one.time.reminder(now)) is not None]
    return [_remind(services, one, why) for one, why in due]


def _remind(services: Telling, one: WaitingPlanTime, why: Reminder) -> Delivery:
    plan, send = one.plan, one.time.next_send
    key = keys.halfway(plan.plan_id)
    if why is Reminder.BEFORE_SEND and send is not None:
        key = keys.before_send(plan.plan_id, send.campaign_id, send.at.date())
    links = links_of_plan(services, plan)
    with services.database.begin() as connection:
        # Together with the message: who was called in was told so, and whoever was told is written down.
        called_in = _call_in(services, connection, one, key)
        message = reminder_message(
            plan.kind,
            plan.plan_id,
            plan.content_hash,
            review_rows.campaign_key_of(connection, plan.plan_id),
            one.contacts,
            one.time,
            why,
            links,
            approvals_in(services, connection, plan).words,
            called_in,
        )
        message = asked_with_buttons(services, connection, message, plan)
        outgoing = Outgoing(
            key,
            message.text,
            message.blocks,
            campaign_id=plan.campaign_id,
            thread_key=keys.campaign_thread_if_any(plan.campaign_id),
            is_important=True,
            is_broadcast=True,
        )
        row = queue(services, connection, outgoing)
    return post(services, row)


def _call_in(services: Deciding, connection: Connection, one: WaitingPlanTime, key: MessageKey) -> str:
    """Whom to call in with a reminder, written down; empty: nobody, or somebody was before."""
    now, whom = services.clock.now(), services.settings.slack_escalation
    if not whom or not one.time.is_halfway(now) or message_rows.find(connection, key) is not None:
        return ""
    if not escalations.add(connection, one.plan.plan_id, whom, now):
        return ""
    log.warning("somebody was called in about a plan that waits", plan=one.plan.plan_id, whom=whom)
    return whom
