"""Tools about what people are asked and told: what waits now, questions about single contacts, findings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Role
from list_pipeline.mcp.arguments import (
    MOST,
    AfterContact,
    Arguments,
    ContentHash,
    KeyFilter,
    Limit,
    Number,
    Page,
    Reason,
)
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, deciding, reading
from list_pipeline.operations.launches.shown import LaunchShown, open_launches
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approved_items import cap_text_of
from list_pipeline.operations.reviews.findings import close_finding as close
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.views.pages import MaskedContact, plans_page, question_shown, questions_page
from list_pipeline.storage.reviews import ReviewItem
from list_pipeline.storage.views import PlanRow, QuestionRow


class Latest(Arguments):
    """How much of each."""

    limit: Limit = 20


class You(Result):
    """Who calls, as the token says."""

    name: str
    role: Role


class QuestionEntry(Result):
    """A question or a finding. ``contacts``: how many it is about, 0 where it is about a whole plan or nobody."""

    number: int
    campaign: str | None
    plan: int | None
    plan_status: PlanStatus | None
    content_hash: str | None
    kind: ReviewKind
    status: ReviewStatus
    summary: str
    contacts: int
    asked_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: str | None
    executed_at: datetime | None


class Waiting(Result):
    """What waits for people; ``has_more``: `questions` and `plans` list the rest."""

    you: You
    mode: Mode
    no_change_because: str | None
    plans: tuple[PlanRow, ...]
    questions: tuple[QuestionEntry, ...]
    launches: tuple[LaunchShown, ...]
    has_more: bool


class QuestionsWanted(Page):
    """Which questions."""

    status: Annotated[ReviewStatus | None, Field(description="`open`: what waits; null: all.")] = ReviewStatus.OPEN
    kind: ReviewKind | None = None
    campaign: KeyFilter = None
    plan: Annotated[int | None, Field(ge=1, le=MOST, description="Only about this plan.")] = None


class Questions(Result):
    """A page of questions and findings."""

    questions: tuple[QuestionEntry, ...]
    next_after: int | None


class QuestionWanted(Arguments):
    """Which question, and which page of its contacts."""

    number: Number
    after: AfterContact = 0
    limit: Limit = 20


class Question(Result):
    """A question with a page of the contacts that it is about."""

    question: QuestionEntry
    contacts: tuple[MaskedContact, ...]
    next_after: int | None


class Approval(Arguments):
    """An approval of one question, beside exactly the plan that was shown."""

    number: Number
    content_hash: ContentHash
    note: Annotated[str, Field(max_length=500, description="What the person says to it, for the record.")] = ""


class Rejection(Arguments):
    """A rejection of one question, beside exactly the plan that was shown."""

    number: Number
    content_hash: ContentHash
    reason: Reason


class Closing(Arguments):
    """The end of a finding."""

    number: Number
    reason: Reason


class QuestionDecided(Result):
    """A question that was decided on. ``words``: how many are suppressed with it, beside the cap; may be empty."""

    number: int
    status: ReviewStatus
    decided_by: str | None
    words: str


def whats_waiting(call: Call, asked: Latest) -> Waiting:
    """Show what waits for a person right now: plans to approve or reject, open questions and findings, launch changes; also the
    operating mode, why no list may be changed now (null: it may), and who you act for. Start here."""
    questions = questions_page(call.services, after=0, limit=asked.limit, status=ReviewStatus.OPEN)
    plans = plans_page(call.services, after=0, limit=asked.limit, status=PlanStatus.PENDING_REVIEW)
    return Waiting(
        you=You(name=call.who.name, role=call.who.role),
        mode=operating_mode(call.services),
        no_change_because=change_block_reason(call.services),
        plans=plans.entries,
        questions=tuple(map(entry_of, questions.entries)),
        launches=open_launches(call.services),
        has_more=questions.next_after is not None or plans.next_after is not None,
    )


def questions(call: Call, asked: QuestionsWanted) -> Questions:
    """List what people were asked and told, the latest first: questions about single contacts, plans that wait, findings about
    the lists. `question` shows one with its contacts."""
    found = questions_page(
        call.services,
        after=asked.after,
        limit=asked.limit,
        status=asked.status,
        kind=asked.kind,
        campaign=asked.campaign,
        plan=asked.plan,
    )
    return Questions(questions=tuple(map(entry_of, found.entries)), next_after=found.next_after)


def question(call: Call, asked: QuestionWanted) -> Question:
    """Show one question or finding with a page of the contacts that it is about, by id and masked address, and the
    `contentHash` of its plan."""
    found = question_shown(call.services, asked.number, after=asked.after, limit=asked.limit)
    return Question(question=entry_of(found.question), contacts=found.contacts, next_after=found.next_after)


def approve_question(call: Call, asked: Approval) -> QuestionDecided:
    """Approve a question about single contacts: what its plan intends for them is then done by a run that starts within a
    minute. Only when the person whose token this is said so after seeing it. `contentHash` is that of its plan."""
    done = decisions.approve_item(
        call.services,
        asked.number,
        by=call.who.name,
        content_hash=asked.content_hash,
        note=asked.note or None,
        way=Way.MCP,
    )
    return _decided(done, cap_text_of(call.services, done))


def reject_question(call: Call, asked: Rejection) -> QuestionDecided:
    """Turn a question about single contacts down: they stay as they are, also in later looks at the campaign. Only when the
    person whose token this is said so."""
    done = decisions.reject_item(
        call.services, asked.number, by=call.who.name, content_hash=asked.content_hash, note=asked.reason, way=Way.MCP
    )
    return _decided(done)


def close_finding(call: Call, asked: Closing) -> QuestionDecided:
    """Close a finding because the person looked at it and nothing more is to be done. No list is changed."""
    return _decided(close(call.services, asked.number, by=call.who.name, note=asked.reason))


def entry_of(one: QuestionRow) -> QuestionEntry:
    """A question as it is listed; whom it is about, ``question`` shows page by page."""
    return QuestionEntry(
        number=one.number,
        campaign=one.campaign,
        plan=one.plan,
        plan_status=one.plan_status,
        content_hash=one.content_hash,
        kind=one.kind,
        status=one.status,
        summary=one.summary,
        contacts=len(one.contact_ids),
        asked_at=one.asked_at,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        note=one.note,
        executed_at=one.executed_at,
    )


def _decided(item: ReviewItem, words: str = "") -> QuestionDecided:
    return QuestionDecided(number=item.review_id, status=item.status, decided_by=item.decided_by, words=words)


TOOLS = (
    reading(whats_waiting, "What waits"),
    reading(questions, "Questions"),
    reading(question, "A question"),
    deciding(approve_question, "Approve a question", is_destructive=True),
    deciding(reject_question, "Reject a question", is_destructive=False),
    deciding(close_finding, "Close a finding", is_destructive=False),
)
