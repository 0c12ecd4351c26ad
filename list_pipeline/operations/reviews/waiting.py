"""Everything that waits for a person, and one plan in one look, as people read it before they decide.

Belongs here: gathering it; no request is made. Does not belong here: deciding (``decisions``), reminding (``reminders``).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from list_pipeline.core.plans.plan import CHANGING_ACTIONS, PlanStatus
from list_pipeline.core.reviews.deadlines import PlanTime
from list_pipeline.core.reviews.questions import FINDINGS, ReviewStatus, is_about_contacts
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.reviews.reminders import WaitingPlanTime, waiting_plans
from list_pipeline.operations.views.masked_items import ItemsPage, existing_plan, items_page
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage import views
from list_pipeline.storage.plans import plan_groups
from list_pipeline.storage.plans.plan_groups import PlanGroup
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.views import QuestionRow

MOST_QUESTIONS = 200
"""So many open questions are shown, the latest."""


@dataclass(frozen=True, slots=True)
class WaitingPlan:
    """A plan that waits, its campaign, and why: what its gate found."""

    waiting: WaitingPlanTime
    campaign: str | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhatWaits:
    """What people have to decide, the most urgent plan first, and the news that nobody closed.

    ``unseen``: open questions and news that are older than those shown.
    """

    plans: tuple[WaitingPlan, ...]
    questions: tuple[QuestionRow, ...]
    findings: tuple[QuestionRow, ...]
    unseen: int


@dataclass(frozen=True, slots=True)
class PlanLook:
    """A plan as somebody sees it who decides on it.

    Attributes:
        campaign: its key; None: it belongs to none.
        changes: contacts that it changes once it is approved.
        waits_alone: contacts that wait for an answer of their own, whatever becomes of it.
        time: in which it can be decided; None: it does not wait.
        reason: why a person decided as they did; None: nobody did, or nothing was said.
        newer: the plan that stands in its place; None: none does.
        asked_alone: those of the page who wait for an answer of their own.
    """

    plan: StoredPlan
    campaign: str | None
    groups: tuple[PlanGroup, ...]
    changes: int
    waits_alone: int
    time: PlanTime | None
    reason: str | None
    newer: int | None
    page: ItemsPage
    asked_alone: frozenset[int]


def what_waits(services: Deciding) -> WhatWaits:
    """Everything that waits for a person."""
    with services.database.begin() as connection:
        found = sorted(waiting_plans(services, connection), key=lambda one: one.time.lapses_at)
        plans = tuple(WaitingPlan(one, _campaign(connection, one.plan), why_it_waits(one.plan)) for one in found)
        asked = views.questions(connection, status=ReviewStatus.OPEN, most=MOST_QUESTIONS)
        unseen = views.question_count(connection, ReviewStatus.OPEN) - len(asked)
    return WhatWaits(
        plans,
        tuple(one for one in asked if is_about_contacts(one.kind, bool(one.contact_ids))),
        tuple(one for one in asked if one.kind in FINDINGS),
        max(unseen, 0),
    )


def plan_look(services: Deciding, plan_id: int, *, after: int, limit: int) -> PlanLook:
    """A plan in one look, with a page of its items.

    Args:
        after: items to leave out, by ascending contact id.

    Raises:
        NotFoundError: there is no such plan.
    """
    plan = existing_plan(services, plan_id)
    with services.database.begin() as connection:
        groups = plan_groups.groups_of(connection, plan_id)
        campaign = _campaign(connection, plan)
        reason = plan_groups.reason_of_decision(connection, plan_id)
        newer = plan_groups.newer_revision(connection, plan_id)
        waiting = waiting_plans(services, connection) if plan.status is PlanStatus.PENDING_REVIEW else ()
    shown = items_page(services, plan, after=after, limit=limit)
    with services.database.begin() as connection:
        alone = plan_groups.asked_alone(connection, plan_id, [one.contact_id for one in shown.items])
    return PlanLook(
        plan,
        campaign,
        groups,
        sum(one.contacts for one in groups if one.action in CHANGING_ACTIONS and not one.waits),
        sum(one.contacts for one in groups if one.waits),
        next((one.time for one in waiting if one.plan.plan_id == plan_id), None),
        reason,
        newer,
        shown,
        alone,
    )


def _campaign(connection: Connection, plan: StoredPlan) -> str | None:
    """The key of a plan's campaign; None: it belongs to none, and there is no page to lead to."""
    return None if plan.campaign_id is None else review_rows.campaign_key_of(connection, plan.plan_id)


def why_it_waits(plan: StoredPlan) -> tuple[str, ...]:
    """What its gate found, in sentences."""
    return tuple(check.words for check in plan.gate.checks if not check.passed) if plan.gate is not None else ()
