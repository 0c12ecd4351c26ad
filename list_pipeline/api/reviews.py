"""What people are asked and told, and their answers about single contacts: ``/api/reviews``.

Whoever decides is the person of the token. Does not belong here: decisions on whole plans (``plans``).
"""

from __future__ import annotations

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
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approved_items import cap_text_of
from list_pipeline.operations.reviews.findings import close_finding
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.pages import MaskedContact, question_shown, questions_page
from list_pipeline.storage.reviews import ReviewItem
from list_pipeline.storage.views import QuestionRow

_EXAMPLE: dict[str, Any] = {
    "reviewId": 5,
    "campaignId": "2026-11-20-r1-7",
    "planId": 12,
    "planStatus": "pending_review",
    "contentHash": "0badc0de",
    "contactId": None,
    "contacts": 0,
    "kind": "plan",
    "status": "open",
    "summary": "The suppression plan of 2026-11-20-r1-7 waits: every plan that changes something waits for a person.",
    "since": "2026-11-21T10:00:00Z",
    "decidedAt": None,
    "decidedBy": None,
    "note": None,
    "executedAt": None,
}


class Review(Model):
    """A question or a finding. ``plan_id`` and ``content_hash`` are None where it is about no plan.

    ``contact_id``: the one contact that it is about; ``contacts``: how many it is about, 0 where it is about a whole plan.
    ``executed_at``: when what was approved was carried out.
    """

    model_config = shown_as(**_EXAMPLE)

    review_id: int
    campaign_id: str | None
    plan_id: int | None
    plan_status: str | None
    content_hash: str | None
    contact_id: int | None
    contacts: int
    kind: ReviewKind
    status: ReviewStatus
    summary: str
    since: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: str | None
    executed_at: datetime | None


class Reviews(Model):
    """A page of questions and findings, the latest first."""

    model_config = shown_as(reviews=[_EXAMPLE], nextAfter=None)

    reviews: tuple[Review, ...]
    next_after: int | None


class ReviewShown(Model):
    """One question with a page of its contacts, by ascending id. ``next_after``: ``after`` of their next page."""

    model_config = shown_as(
        review=_EXAMPLE, contacts=[{"contactId": 254510270, "contact": "b***@s***.example"}], nextAfter=None
    )

    review: Review
    contacts: tuple[MaskedContact, ...]
    next_after: int | None


class Answer(Model):
    """An approval: of exactly the question whose plan was shown."""

    model_config = shown_as(contentHash="0badc0de", note="looked at all of them")

    content_hash: ContentHash
    note: Note = ""


class Rejection(Model):
    """A rejection: its contacts stay as they are. ``content_hash``: where it is given, of the plan that was shown."""

    model_config = shown_as(note="they are customers")

    content_hash: ContentHash | None = None
    note: Note = ""


class Closing(Model):
    """The end of a finding that a person has looked at."""

    model_config = shown_as(note="talked to the agency")

    note: Reason


class ReviewDecided(Model):
    """A question that was decided on. ``words``: how many are suppressed with it, beside the cap; may be empty."""

    model_config = shown_as(reviewId=5, status="approved", decidedBy="Ada", words="")

    review_id: int
    status: ReviewStatus
    decided_by: str | None
    words: str = Field(default="")


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/reviews", tags=["reviews"])

    @routes.get("")
    def reviews(
        _: Reader,
        after: After = 0,
        limit: Limit = 50,
        status: Annotated[ReviewStatus | None, Query(description="`open`: what waits.")] = ReviewStatus.OPEN,
        kind: ReviewKind | None = None,
        campaign: KeyFilter = None,
        plan: Annotated[int | None, Query(ge=1, le=MOST)] = None,
    ) -> Reviews:
        found = questions_page(
            services, after=after, limit=limit, status=status, kind=kind, campaign=campaign, plan=plan
        )
        return Reviews(reviews=tuple(map(_shown, found.entries)), next_after=found.next_after)

    @routes.get("/{number}")
    def review(
        number: Number,
        _: Reader,
        after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="Contacts with a larger id.")] = 0,
        limit: Limit = 50,
    ) -> ReviewShown:
        found = question_shown(services, number, after=after, limit=limit)
        return ReviewShown(review=_shown(found.question), contacts=found.contacts, next_after=found.next_after)

    @routes.post("/{number}/approve")
    def approve(number: Number, asked: Answer, who: Reviewer) -> ReviewDecided:
        done = decisions.approve_item(
            services,
            number,
            by=who.name,
            content_hash=asked.content_hash,
            note=asked.note or None,
            way=Way.HTTP,
        )
        return _decided(done, cap_text_of(services, done))

    @routes.post("/{number}/reject")
    def reject(number: Number, asked: Rejection, who: Reviewer) -> ReviewDecided:
        done = decisions.reject_item(
            services,
            number,
            by=who.name,
            content_hash=asked.content_hash,
            note=asked.note or None,
            way=Way.HTTP,
        )
        return _decided(done)

    @routes.post("/{number}/close")
    def close(number: Number, asked: Closing, who: Reviewer) -> ReviewDecided:
        return _decided(close_finding(services, number, by=who.name, note=asked.note))

    return routes


def _shown(one: QuestionRow) -> Review:
    return Review(
        review_id=one.number,
        campaign_id=one.campaign,
        plan_id=one.plan,
        plan_status=one.plan_status,
        content_hash=one.content_hash,
        contact_id=one.contact_ids[0] if len(one.contact_ids) == 1 else None,
        contacts=len(one.contact_ids),
        kind=one.kind,
        status=one.status,
        summary=one.summary,
        since=one.asked_at,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        note=one.note,
        executed_at=one.executed_at,
    )


def _decided(item: ReviewItem, words: str = "") -> ReviewDecided:
    return ReviewDecided(review_id=item.review_id, status=item.status, decided_by=item.decided_by, words=words)
