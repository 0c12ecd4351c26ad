"""What waits for a person, the plans, and the decisions on them: ``/api/reviews``, ``/api/plans``, ``/api/mode``.

Whoever decides is the person of the token. Contacts are shown by id and masked address.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from list_pipeline.api.guard import allowed
from list_pipeline.api.problems import ProblemError
from list_pipeline.api.triggers import MOST, Model, Number, Reader
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Principal, Role
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approvals import approvals_of
from list_pipeline.operations.reviews.operating_mode import choose_mode
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import shown_items
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import open_reviews

MOST_ITEMS = 200
"""Items of one page at the most."""

Reviewer = Annotated[Principal, Depends(allowed(Role.REVIEWER))]
Administrator = Annotated[Principal, Depends(allowed(Role.ADMINISTRATOR))]
Note = Annotated[str, Field(max_length=500, description="Why, without addresses.", examples=["looked at all of them"])]


class Review(Model):
    """Something that waits for a person. ``plan_id`` and ``content_hash`` are None where it is about no plan."""

    review_id: int
    campaign_id: str | None
    plan_id: int | None
    content_hash: str | None
    contact_id: int | None
    kind: str
    summary: str
    since: datetime


class Reviews(Model):
    """Everything that waits."""

    reviews: list[Review]


class Item(Model):
    """What a plan intends for one contact."""

    contact_id: int
    contact: str = Field(description="The masked address, or `erased`.", examples=["j***@example.com"])
    action: str
    rule: str
    from_list: str | None
    to_list: str | None
    confidence: float | None
    waits: bool


class Plan(Model):
    """A plan with a page of its items. ``next_after``: ``after`` of the next page; None: this is the last."""

    plan_id: int
    kind: str
    status: str
    content_hash: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    approved_by: list[str] = Field(description="Who approved it so far; one of them is enough unless more are needed.")
    approvals_needed: int = Field(description="Different people who have to approve it: 2 where it is over the cap.")
    items_in_all: int
    items: list[Item]
    next_after: int | None


class Approval(Model):
    """An approval, of exactly the plan that was shown."""

    content_hash: str = Field(pattern=r"^[0-9a-f]{8,64}$", description="Of the plan that was shown, or its beginning.")
    note: Note = ""


class Rejection(Model):
    """A rejection: nothing of the plan is done."""

    note: Note = ""


class Decided(Model):
    """A plan that was decided on; a sensor carries on within a minute. ``pending_review``: another person has to approve it
    too."""

    plan_id: int
    status: str
    decided_by: str | None
    approved_by: list[str]
    approvals_needed: int


class ModeNow(Model):
    """The mode in force. ``no_change_because``: why no list is changed now, None where lists may be changed."""

    mode: str
    no_change_because: str | None


class ModeWanted(Model):
    """The mode to set; ``graduated`` gives it back to age and approvals."""

    mode: Literal["read_only", "approval_required", "auto", "graduated"]
    note: Note = ""


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api")

    @routes.get("/reviews")
    def reviews(_: Reader) -> Reviews:
        with services.database.begin() as connection:
            found = open_reviews(connection)
        return Reviews(
            reviews=[
                Review(
                    review_id=one.review_id,
                    campaign_id=one.campaign_key,
                    plan_id=one.plan_id,
                    content_hash=one.content_hash,
                    contact_id=one.contact_id,
                    kind=one.kind.value,
                    summary=one.summary,
                    since=one.created_at,
                )
                for one in found
            ]
        )

    @routes.get("/plans/{number}")
    def plan(
        number: Number,
        _: Reader,
        after: Annotated[int, Query(ge=0, le=MOST, description="Items from here on.")] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Items of a page.")] = 50,
    ) -> Plan:
        return _shown(services, _plan(services, number), after, limit)

    @routes.post("/plans/{number}/approve")
    def approve(number: Number, asked: Approval, who: Reviewer) -> Decided:
        try:
            done = decisions.approve(
                services,
                number,
                by=who.name,
                content_hash=asked.content_hash,
                note=asked.note or None,
                way=Way.HTTP,
            )
        except RefusedError as error:
            raise _refused(services, number, error) from error
        return _decided(services, done)

    @routes.post("/plans/{number}/reject")
    def reject(number: Number, asked: Rejection, who: Reviewer) -> Decided:
        try:
            done = decisions.reject(services, number, by=who.name, note=asked.note or None, way=Way.HTTP)
        except RefusedError as error:
            raise _refused(services, number, error) from error
        return _decided(services, done)

    @routes.get("/mode")
    def mode(_: Reader) -> ModeNow:
        return ModeNow(mode=operating_mode(services).value, no_change_because=change_block_reason(services))

    @routes.post("/mode")
    def set_mode(asked: ModeWanted, who: Administrator) -> ModeNow:
        wanted = None if asked.mode == "graduated" else Mode(asked.mode)
        now = choose_mode(services, wanted, by=who.name, note=asked.note)
        return ModeNow(mode=now.value, no_change_because=change_block_reason(services))

    return routes


def _plan(services: Services, number: int) -> StoredPlan:
    with services.database.begin() as connection:
        found = plan_rows.plan_by_id(connection, number)
    if found is None:
        raise NotFoundError(f"Reading plan {number}", "there is no such plan", "/api/reviews names those that wait")
    return found


def _decided(services: Services, plan: StoredPlan) -> Decided:
    approvals = approvals_of(services, plan)
    return Decided(
        plan_id=plan.plan_id,
        status=plan.status.value,
        decided_by=plan.decided_by,
        approved_by=[one.person for one in approvals.given],
        approvals_needed=approvals.needed,
    )


def _refused(services: Services, number: int, error: RefusedError) -> Exception:
    """The error, with who decided before where somebody did."""
    if isinstance(error, NotAReviewerError):
        return error
    found = _plan(services, number)
    more = {"planStatus": found.status.value, "decidedBy": found.decided_by, "contentHash": found.content_hash}
    return ProblemError(409, str(error), more=more)


def _shown(services: Services, plan: StoredPlan, after: int, limit: int) -> Plan:
    found = shown_items(services, plan)
    page, approvals = found[after : after + limit], approvals_of(services, plan)
    return Plan(
        plan_id=plan.plan_id,
        kind=plan.kind.value,
        status=plan.status.value,
        content_hash=plan.content_hash,
        created_at=plan.created_at,
        decided_at=plan.decided_at,
        decided_by=plan.decided_by,
        approved_by=[one.person for one in approvals.given],
        approvals_needed=approvals.needed,
        items_in_all=len(found),
        items=[
            Item(
                contact_id=one.item.contact_id,
                contact=one.masked,
                action=one.item.action.value,
                rule=one.item.rule,
                from_list=one.item.from_role.value if one.item.from_role else None,
                to_list=one.item.to_role.value if one.item.to_role else None,
                confidence=one.item.confidence,
                waits=one.item.is_held,
            )
            for one in page
        ],
        next_after=after + limit if after + limit < len(found) else None,
    )
