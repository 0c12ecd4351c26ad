"""The new audience: ``/api/audience``. How it would be divided over the campaign lists, and the plan that does it.

Figures are those of our rows, as the last look at Mailjet left them. Before a plan is carried out everything is looked at
again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from list_pipeline.api.common import MOST, ContentHash, Model, Reader, Reason, Reviewer, shown_as
from list_pipeline.operations.audience.shown import (
    BatchShown,
    NotTakenShown,
    ProposalShown,
    SplitShown,
    batches_shown,
    not_taken_shown,
    proposal_shown,
    split_shown,
)
from list_pipeline.operations.audience.splitting import Wanted, audience_now, propose, split, splits
from list_pipeline.operations.services import Services

_BATCH: dict[str, Any] = {
    "number": 1,
    "list": "campaign_1",
    "places": "1-400",
    "planned": 400,
    "enrolled": None,
    "firstMailOn": "2026-12-03",
    "firstMailAt": None,
    "campaign": None,
    "isProposed": True,
    "words": "1-400 (400 contacts) join List 1, first mail proposed for 2026-12-03: no campaign is scheduled for this list.",
}
_NOT_TAKEN: dict[str, Any] = {"why": "unsubscribed", "contacts": 12, "words": "unsubscribed"}
_PLAN: dict[str, Any] = {
    "plan": 12,
    "status": "pending_review",
    "contentHash": "0badc0de",
    "createdAt": "2026-11-21T10:00:00Z",
    "requestedBy": "Ada",
    "note": "the fair in Lyon",
    "batches": [_BATCH],
}

_PROPOSAL: dict[str, Any] = {
    "asked": 1200,
    "divided": 1200,
    "waiting": 0,
    "restriction": "",
    "sizes": [1000, 1000, 1000],
    "targetSizes": [1400, 1400, 1400],
    "pauseDays": 7,
    "isUsualPause": True,
    "batches": [_BATCH],
    "shown": "0badc0de",
    "refusedBecause": None,
}

Total = Annotated[int | None, Query(ge=1, le=MOST, description="How many, the oldest first; left out: all.")]
Start = Annotated[
    date | None,
    Query(description="The first day (UTC) to propose where no campaign is scheduled; left out: tomorrow."),
]


class Audience(Model):
    """The new audience: contacts of the master list that may join a campaign list for the first time; who is not taken and why,
    and the plans that divide one, the latest first. ``oldest_at``, ``newest_at``: since when its first and last contact are
    known."""

    model_config = shown_as(
        contacts=1200,
        oldestAt="2026-11-20T09:00:00Z",
        newestAt="2026-11-20T11:30:00Z",
        notTaken=[_NOT_TAKEN],
        plans=[_PLAN],
    )

    contacts: int
    oldest_at: datetime | None
    newest_at: datetime | None
    not_taken: tuple[NotTakenShown, ...]
    plans: tuple[SplitShown, ...]


class AudienceProposal(Model):
    """How the audience would be divided now. Its ``shown`` gives it back with the request for a plan."""

    model_config = shown_as(proposal=_PROPOSAL)

    proposal: ProposalShown


class AudienceSplit(Model):
    """What is to be divided, and why. ``shown``: of the proposal that the person saw; another one by now is refused."""

    model_config = shown_as(total=1200, start="2026-12-03", reason="the fair in Lyon")

    total: int | None = Field(default=None, ge=1, le=MOST, description="How many, the oldest first; null: all.")
    start: date | None = Field(default=None, description="The first day (UTC) to propose; null: tomorrow.")
    shown: ContentHash | None = None
    reason: Reason


class SplitPlanned(Model):
    """The plan, which waits for a person in every mode; its hash is what it is approved by."""

    model_config = shown_as(planId=12, contentHash="0badc0de", batches=[_BATCH])

    plan_id: int
    content_hash: str
    batches: tuple[BatchShown, ...]


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/audience", tags=["audience"])

    @routes.get("")
    def audience(_: Reader) -> Audience:
        found = audience_now(services)
        return Audience(
            contacts=found.contacts,
            oldest_at=found.oldest_at,
            newest_at=found.newest_at,
            not_taken=not_taken_shown(found.left),
            plans=tuple(map(split_shown, splits(services))),
        )

    @routes.get("/proposal")
    def proposal(_: Reader, total: Total = None, start: Start = None) -> AudienceProposal:
        return AudienceProposal(proposal=proposal_shown(propose(services, Wanted(total, start))))

    @routes.post("/split")
    def divide(asked: AudienceSplit, who: Reviewer) -> SplitPlanned:
        made = split(services, Wanted(asked.total, asked.start), by=who.name, note=asked.reason, shown=asked.shown)
        return SplitPlanned(
            plan_id=made.plan_id,
            content_hash=made.content_hash,
            batches=batches_shown(made.proposal.batches),
        )

    return routes
