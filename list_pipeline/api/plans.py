"""Plans and the decisions on them: ``/api/plans``. An approval is of exactly the plan that was shown.

Whoever decides is the person of the token. Contacts are shown by id and masked address.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from list_pipeline.api.common import (
    LARGEST_ID,
    MOST,
    After,
    ContentHash,
    KeyFilter,
    Limit,
    Model,
    Note,
    Number,
    Reader,
    Reason,
    Reviewer,
    shown_as,
)
from list_pipeline.api.problems import ProblemError
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.gate import GateCheck
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.operations.audience.shown import BatchShown, batches_shown
from list_pipeline.operations.audience.splitting import batches_of
from list_pipeline.operations.maintenance.edits import edit_plan
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approvals import approvals_of
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import ItemShown, existing_plan, items_page
from list_pipeline.operations.views.pages import plans_page
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.views import PlanRow

ContactIds = Annotated[
    tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...], Field(max_length=5_000, description="Contact ids.")
]

_ROW: dict[str, Any] = {
    "number": 12,
    "campaign": "2026-11-20-r1-7",
    "kind": "suppression",
    "sweep": "24h",
    "revision": 1,
    "status": "pending_review",
    "contentHash": "0badc0de",
    "changes": 51,
    "held": 7,
    "createdAt": "2026-11-21T10:00:00Z",
    "requestedBy": None,
    "decidedAt": None,
    "decidedBy": None,
    "executedAt": None,
    "withdrawnBy": None,
}
_ITEM: dict[str, Any] = {
    "contactId": 254510515,
    "contact": "h***@m***.example",
    "action": "suppress",
    "rule": "hard_bounce",
    "fromList": None,
    "toList": "suppression",
    "confidence": 0.99,
    "waits": False,
    "why": "The address cannot receive mail (user unknown).",
}


class Plans(Model):
    """Plans without their items, the latest first."""

    model_config = shown_as(plans=[_ROW], nextAfter=None)

    plans: tuple[PlanRow, ...]
    next_after: int | None


class Plan(Model):
    """A plan with a page of its items. ``checks``: what its gate saw. ``next_after``: ``after`` of the next page; None: this is
    the last."""

    model_config = shown_as(
        planId=12,
        kind="suppression",
        status="pending_review",
        revision=1,
        contentHash="0badc0de",
        createdAt="2026-11-21T10:00:00Z",
        decidedAt=None,
        decidedBy=None,
        approvedBy=[],
        approvalsNeeded=1,
        requestedBy=None,
        note=None,
        checks=[{"name": "cap", "passed": True, "severity": "warning", "words": "51 planned are 4.5 % of 1,122."}],
        batches=[],
        itemsInAll=1,
        items=[_ITEM],
        nextAfter=None,
    )

    plan_id: int
    kind: PlanKind
    status: PlanStatus
    revision: int
    content_hash: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    approved_by: list[str] = Field(description="Who approved it so far; one of them is enough unless more are needed.")
    approvals_needed: int = Field(description="Different people who have to approve it: 2 where it is over the cap.")
    requested_by: str | None
    note: str | None
    checks: tuple[GateCheck, ...]
    batches: tuple[BatchShown, ...] = Field(description="The ranges of a plan that divides a new audience; else none.")
    items_in_all: int
    items: tuple[ItemShown, ...]
    next_after: int | None


class Approval(Model):
    """An approval, of exactly the plan that was shown."""

    model_config = shown_as(contentHash="0badc0de", note="looked at all of them")

    content_hash: ContentHash
    note: Note = ""


class Rejection(Model):
    """A rejection, or an end: nothing of the plan is done. ``content_hash``: where it is given, of the plan that was shown."""

    model_config = shown_as(note="the campaign was a test")

    content_hash: ContentHash | None = None
    note: Note = ""


class Edit(Model):
    """An edit, of exactly the plan that was shown: contacts to leave out, or the only ones to keep."""

    model_config = shown_as(contentHash="0badc0de", without=[254510270], reason="they are customers")

    content_hash: ContentHash
    without: ContactIds = ()
    keep: ContactIds = ()
    reason: Reason
    approve: bool = Field(default=False, description="Approve what is left at once.")


class Edited(Model):
    """What came of an edit: a new plan with a hash of its own. ``without``: who was left out, and counts as rejected."""

    model_config = shown_as(
        planId=13,
        contentHash="0badc0de",
        status="pending_review",
        revision=2,
        editedPlanId=12,
        without=[254510270],
        changes=50,
    )

    plan_id: int
    content_hash: str
    status: PlanStatus
    revision: int
    edited_plan_id: int
    without: tuple[int, ...]
    changes: int


class Decided(Model):
    """A plan that was decided on; a sensor carries on within a minute. ``pending_review``: another person has to approve it
    too."""

    model_config = shown_as(planId=12, status="approved", decidedBy="Ada", approvedBy=["Ada"], approvalsNeeded=1)

    plan_id: int
    status: PlanStatus
    decided_by: str | None
    approved_by: list[str]
    approvals_needed: int


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/plans", tags=["plans"])

    @routes.get("")
    def plans(
        _: Reader,
        after: After = 0,
        limit: Limit = 50,
        campaign: KeyFilter = None,
        status: PlanStatus | None = None,
        kind: PlanKind | None = None,
    ) -> Plans:
        found = plans_page(services, after=after, limit=limit, campaign=campaign, status=status, kind=kind)
        return Plans(plans=found.entries, next_after=found.next_after)

    @routes.get("/{number}")
    def plan(
        number: Number,
        _: Reader,
        after: Annotated[int, Query(ge=0, le=MOST, description="Items from here on.")] = 0,
        limit: Limit = 50,
    ) -> Plan:
        return shown(services, existing_plan(services, number), after, limit)

    @routes.post("/{number}/approve")
    def approve(number: Number, asked: Approval, who: Reviewer) -> Decided:
        return _decided(
            services,
            number,
            lambda: decisions.approve(
                services,
                number,
                by=who.name,
                content_hash=asked.content_hash,
                note=asked.note or None,
                way=Way.HTTP,
            ),
        )

    @routes.post("/{number}/reject")
    def reject(number: Number, asked: Rejection, who: Reviewer) -> Decided:
        return _decided(
            services,
            number,
            lambda: decisions.reject(
                services,
                number,
                by=who.name,
                content_hash=asked.content_hash,
                note=asked.note or None,
                way=Way.HTTP,
            ),
        )

    @routes.post("/{number}/expire")
    def expire(number: Number, asked: Rejection, who: Reviewer) -> Decided:
        return _decided(
            services,
            number,
            lambda: decisions.expire(
                services,
                number,
                by=who.name,
                content_hash=asked.content_hash,
                note=asked.note or None,
                way=Way.HTTP,
            ),
        )

    @routes.post("/{number}/edit")
    def edit(number: Number, asked: Edit, who: Reviewer) -> Edited:
        try:
            done = edit_plan(
                services,
                number,
                by=who.name,
                note=asked.reason,
                content_hash=asked.content_hash,
                without=asked.without,
                keep=asked.keep,
                approved=asked.approve,
                way=Way.HTTP,
            )
        except RefusedError as error:
            raise refused(services, number, error) from error
        return Edited(
            plan_id=done.plan.plan_id,
            content_hash=done.plan.content_hash,
            status=done.plan.status,
            revision=done.plan.revision,
            edited_plan_id=done.edited_plan_id,
            without=done.taken_out,
            changes=done.changes,
        )

    return routes


def refused(services: Services, number: int, error: RefusedError) -> Exception:
    """The error of a decision on a plan, with who decided before where somebody did."""
    if isinstance(error, NotAReviewerError):
        return error
    found = existing_plan(services, number)
    more = {"planStatus": found.status.value, "decidedBy": found.decided_by, "contentHash": found.content_hash}
    return ProblemError(409, str(error), more=more)


def _decided(services: Services, number: int, decide: Callable[[], StoredPlan]) -> Decided:
    try:
        done = decide()
    except RefusedError as error:
        raise refused(services, number, error) from error
    approvals = approvals_of(services, done)
    return Decided(
        plan_id=done.plan_id,
        status=done.status,
        decided_by=done.decided_by,
        approved_by=[one.person for one in approvals.given],
        approvals_needed=approvals.needed,
    )


def shown(services: Services, plan: StoredPlan, after: int, limit: int) -> Plan:
    """A plan with a page of its items."""
    found, approvals = items_page(services, plan, after=after, limit=limit), approvals_of(services, plan)
    return Plan(
        plan_id=plan.plan_id,
        kind=plan.kind,
        status=plan.status,
        revision=plan.revision,
        content_hash=plan.content_hash,
        created_at=plan.created_at,
        decided_at=plan.decided_at,
        decided_by=plan.decided_by,
        approved_by=[one.person for one in approvals.given],
        approvals_needed=approvals.needed,
        requested_by=plan.requested_by,
        note=plan.note,
        checks=plan.gate.checks if plan.gate is not None else (),
        batches=batches_shown(batches_of(services, plan)),
        items_in_all=found.in_all,
        items=found.items,
        next_after=found.next_after,
    )
