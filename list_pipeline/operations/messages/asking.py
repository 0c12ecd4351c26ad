"""Buttons on messages that ask for a decision on a plan: they decide where clicks are listened to, and lead to the pages.

Does not belong here: what the buttons are (``core.reviews.buttons``), and what a click is answered (``reviews.slack_desk``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.reviews.buttons import Page, Subject, SubjectKind, with_buttons
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.messages.links import decide_url
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger


def pages_of_plan(services: Deciding, connection: Connection, plan: StoredPlan) -> tuple[Page, ...]:
    """Where a plan can be looked at and decided on, as far as the addresses are set."""
    found, base = [], services.settings.app_url
    if base:
        found.append(Page("Look at the plan", f"{base}/admin/plans/{plan.plan_id}"))
    if at := decide_url(services, plan.plan_id, plan.content_hash):
        found.append(Page("Decide in Dagster", at))
    if base and plan.campaign_id is not None and plan.sweep is not None:
        row = ledger.latest_log(connection, plan.campaign_id, plan.sweep.value)
        if row is not None:
            found.append(Page("View Details", f"{base}/admin/list-management/{row.log_id}"))
    return tuple(found)


def asked_with_buttons(
    services: Deciding, connection: Connection, message: SlackMessage, plan: StoredPlan
) -> SlackMessage:
    """A short message that asks for a decision on a plan, with its buttons."""
    subject = Subject(SubjectKind.PLAN, plan.plan_id, plan.content_hash)
    pages = pages_of_plan(services, connection, plan)
    return with_buttons(message, subject, pages, is_heard=services.settings.hears_clicks)
