"""A person's decisions on plans and single contacts that wait. Sensors carry on afterwards.

Belongs here: who may decide, on what, and what becomes of a question that nobody answers. Does not belong here:
carrying out what was approved (``operations.maintenance.workflow``, ``approved_items``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import NotFoundError, RefusedError, StateChangedError
from list_pipeline.core.plans.plan import PLAN_LIFE, PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.decidable import is_as_shown, why_not_approvable
from list_pipeline.core.reviews.policy import REVIEWS
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.core.wording import instant_text
from list_pipeline.operations.people import NOBODY, in_own_words, reviewer
from list_pipeline.operations.reviews.announcements import tell_approval, tell_decision, tell_expired_questions
from list_pipeline.operations.reviews.approvals import approvals_in
from list_pipeline.operations.reviews.message_updates import update_messages
from list_pipeline.operations.reviews.reminders import waiting_plans
from list_pipeline.operations.services import Services
from list_pipeline.storage import approvals as approval_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import ReviewItem

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Expired:
    """A question that was left unanswered for too long: a plan, or a single question (then with its number)."""

    plan_id: int | None
    review_id: int | None = None


def approve(
    services: Services,
    plan_id: int,
    *,
    by: str,
    content_hash: str,
    note: str | None = None,
    way: Way | None = None,
) -> StoredPlan:
    """Let a waiting plan through: exactly the one that was shown. Where LIST_APPROVALS_OVER_CAP asks for a second person, the
    first approval is kept and told, and the plan goes on waiting.

    Args:
        by: who decides, for the record; a name, no address.
        content_hash: the hash that was shown, or its first characters (eight at least).
        way: how the person came; None: it is not known.

    Returns:
        The plan as it is now; ``approvals.approvals_of`` says who else has to approve it.

    Raises:
        NotFoundError: there is no such plan.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it does not wait, it is another plan than the one that was shown, or this person approved it before and
            another one has to.
    """
    tried = f"Approving plan {plan_id}"
    plan = _find(services, plan_id, "Approving")
    _refuse_another_hash(tried, plan, content_hash)
    name, why, now = reviewer(services, by, "Deciding"), in_own_words(note) or None, services.clock.now()
    with _naming_who_was_faster(services, plan_id, tried), services.database.begin() as connection:
        is_first = approval_rows.add(connection, plan_id, name, way, why, now)
        approvals = approvals_in(services, connection, plan)
        decided = None
        if not approvals.missing:
            decided = _decide(connection, services, plan, PlanStatus.APPROVED, name, why, way)
        elif not is_first:
            raise RefusedError(
                tried,
                f"{name} approved it before, and it is over the cap: another person has to approve it as well",
                "Let somebody else approve it, or reject it",
            )
    if decided is None:
        log.info("plan approved by one of several", plan=plan_id, by=name, missing=approvals.missing)
        tell_approval(services, plan, approvals)
        return plan
    tell_decision(services, decided, why)
    return decided


def reject(
    services: Services,
    plan_id: int,
    *,
    by: str,
    note: str | None = None,
    content_hash: str | None = None,
    way: Way | None = None,
) -> StoredPlan:
    """Turn a waiting plan down: nothing of it is done, and the campaign's maintenance goes on without it.

    Args:
        content_hash: the hash that was shown, where the person saw one; None: whatever the plan is.

    Raises:
        NotFoundError: there is no such plan.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it does not wait, or is another plan than the one that was shown.
    """
    return _turn_down(services, plan_id, PlanStatus.REJECTED, "Rejecting", by, note, content_hash, way)


def expire(
    services: Services,
    plan_id: int,
    *,
    by: str,
    note: str | None = None,
    content_hash: str | None = None,
    way: Way | None = None,
) -> StoredPlan:
    """Let a waiting plan lapse: nothing of it is done, and unlike after a rejection the next sweep judges its contacts anew.

    Args:
        content_hash: the hash that was shown, or its first characters; None: whatever it is.

    Raises:
        NotFoundError: there is no such plan.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it does not wait, or it is another plan than the one that was shown.
    """
    return _turn_down(services, plan_id, PlanStatus.EXPIRED, "Expiring", by, note, content_hash, way)


def expire_overdue(services: Services) -> list[Expired]:
    """Expire plans, and questions about suppressing single contacts, that waited longer than LIST_REVIEW_EXPIRY_HOURS, and
    plans whose moves cannot be made any more after a send that is near.

    What could not be changed at Mailjet stays a question: it says how the lists are.

    Returns:
        What expired now, plans first; by "nobody".
    """
    now = services.clock.now()
    before = now - timedelta(hours=services.settings.list_review_expiry_hours)
    lapsed, notes = list[StoredPlan](), dict[int, str]()
    with services.database.begin() as connection:
        for waiting in waiting_plans(services, connection):
            plan_id, send = waiting.plan.plan_id, waiting.time.ends_with
            if not waiting.time.is_over(now):
                continue
            if send is not None:
                at = instant_text(send.at)
                notes[plan_id] = (
                    f"Nobody decided on it in time: after the send of {send.key} to {send.role.label} at {at} its moves cannot "
                    "be made."
                )
            try:
                plan = plan_rows.decide(connection, plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.EXPIRED, NOBODY, now)
            except StateChangedError:
                # A person who decides at this moment was faster; that stands.
                continue
            review_rows.close_questions(connection, plan_id, ReviewStatus.EXPIRED, NOBODY, notes.get(plan_id), now)
            lapsed.append(plan)
        unanswered = now - REVIEWS.incident_expires_after
        questions = review_rows.expire_questions(connection, before, unanswered, now)
    for plan in lapsed:
        log.info("nobody decided in time", plan=plan.plan_id)
        tell_decision(services, plan, why=notes.get(plan.plan_id, ""))
    tell_expired_questions(services, questions)
    return [*(Expired(plan.plan_id) for plan in lapsed), *(Expired(None, number) for number in questions)]


def approve_item(
    services: Services,
    review_id: int,
    *,
    by: str,
    content_hash: str,
    note: str | None = None,
    way: Way | None = None,
) -> ReviewItem:
    """Approve a question about single contacts: one below the automatic band, those of an incident, or one that failed
    (then: try again). It is carried out once the rest of its plan was.

    Args:
        content_hash: the hash of the plan that was shown beside it, or its first characters (eight at least).

    Raises:
        NotFoundError: there is no such question.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it is decided, is not about single contacts, its plan was not let through, or is another one.
    """
    tried = f"Approving question {review_id}"
    with services.database.begin() as connection:
        item, plan = _find_item(connection, review_id, tried)
        _refuse_another_hash(tried, plan, content_hash)
        was_rolled_back = review_rows.was_rolled_back(connection, plan.plan_id)
        if why := why_not_approvable(plan.kind, plan.status, plan.plan_id, was_rolled_back=was_rolled_back):
            raise RefusedError(tried, *why)
        name = reviewer(services, by, "Deciding")
        decided = _decide_item(connection, services, item, ReviewStatus.APPROVED, name, note, way)
    update_messages(services)
    return decided


def reject_item(
    services: Services,
    review_id: int,
    *,
    by: str,
    note: str | None = None,
    content_hash: str | None = None,
    way: Way | None = None,
) -> ReviewItem:
    """Turn a question about single contacts down: they stay as they are, also in the later sweeps of the campaign.

    Args:
        content_hash: the hash of the plan that was shown beside it, or its first characters; None: whatever it is.

    Raises:
        NotFoundError: there is no such question.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it is decided, or not about single contacts, or its plan is another one than the one that was shown.
    """
    tried = f"Rejecting question {review_id}"
    with services.database.begin() as connection:
        item, plan = _find_item(connection, review_id, tried)
        if content_hash is not None:
            _refuse_another_hash(tried, plan, content_hash)
        name = reviewer(services, by, "Deciding")
        decided = _decide_item(connection, services, item, ReviewStatus.REJECTED, name, note, way)
    update_messages(services)
    return decided


def _find(services: Services, plan_id: int, verb: str) -> StoredPlan:
    with services.database.begin() as connection:
        plan = plan_rows.plan_by_id(connection, plan_id)
    if plan is None:
        raise NotFoundError(
            f"{verb} plan {plan_id}", "there is no such plan", "`list-pipeline reviews` lists what waits"
        )
    if plan.status is not PlanStatus.PENDING_REVIEW:
        raise RefusedError(f"{verb} plan {plan_id}", _as_it_stands(plan), "Only a plan that waits can be decided")
    return plan


def _as_it_stands(decided: StoredPlan | ReviewItem) -> str:
    """What became of a plan or a question, with the name of who decided: whoever comes second asks that next."""
    words = f"it is {decided.status.value}"
    if decided.decided_by is None or decided.decided_at is None:
        return words
    return f"{words}, by {decided.decided_by} at {instant_text(decided.decided_at)}"


@contextmanager
def _naming_who_was_faster(services: Services, plan_id: int, tried: str) -> Iterator[None]:
    """Of two who decide at the same moment, the second one is told what the first one did.

    Raises:
        StateChangedError: somebody was faster.
    """
    try:
        yield
    except StateChangedError as error:
        with services.database.begin() as connection:
            plan = plan_rows.existing_plan(connection, plan_id)
        raise StateChangedError(
            tried, f"somebody else was faster: {_as_it_stands(plan)}; nothing was written", "Look at it again"
        ) from error


def _find_item(connection: Connection, review_id: int, tried: str) -> tuple[ReviewItem, StoredPlan]:
    item = review_rows.review_by_id(connection, review_id)
    if item is None:
        raise NotFoundError(tried, "there is no such question", "`list-pipeline reviews` lists what waits")
    plan = plan_rows.plan_by_id(connection, item.plan_id) if item.plan_id is not None else None
    if plan is None or not item.is_about_contacts:
        raise RefusedError(
            tried, "it is not about single contacts of a plan", "Decide on its plan, or read it: news need no decision"
        )
    if item.status is not ReviewStatus.OPEN:
        raise RefusedError(tried, _as_it_stands(item), "Only an open question can be decided")
    return item, plan


def _refuse_another_hash(tried: str, plan: StoredPlan, content_hash: str) -> None:
    if not is_as_shown(plan.content_hash, content_hash):
        raise RefusedError(
            tried,
            "its content hash is another than the one given",
            "Look at the plan again: `list-pipeline reviews` shows it with its hash",
        )


def _turn_down(
    services: Services,
    plan_id: int,
    wanted: PlanStatus,
    verb: str,
    by: str,
    note: str | None,
    content_hash: str | None,
    way: Way | None,
) -> StoredPlan:
    plan = _find(services, plan_id, verb)
    if content_hash is not None:
        _refuse_another_hash(f"{verb} plan {plan_id}", plan, content_hash)
    name, why = reviewer(services, by, "Deciding"), in_own_words(note) or None
    with _naming_who_was_faster(services, plan_id, f"{verb} plan {plan_id}"), services.database.begin() as connection:
        decided = _decide(connection, services, plan, wanted, name, why, way)
    tell_decision(services, decided, why)
    return decided


def _decide(
    connection: Connection,
    services: Services,
    plan: StoredPlan,
    wanted: PlanStatus,
    by: str,
    note: str | None,
    way: Way | None,
) -> StoredPlan:
    status, now = PLAN_LIFE.advance(plan.status, wanted), services.clock.now()
    decided = plan_rows.decide(connection, plan.plan_id, plan.status, status, by, now, way)
    if status is PlanStatus.APPROVED:
        review_rows.decide_about_plan(connection, plan.plan_id, ReviewStatus.APPROVED, by, note, now, way)
    else:
        review_rows.close_questions(connection, plan.plan_id, ReviewStatus(status.value), by, note, now, way)
    log.info("plan decided", plan=plan.plan_id, status=status.value, by=by, way=way.value if way else None)
    return decided


def _decide_item(
    connection: Connection,
    services: Services,
    item: ReviewItem,
    status: ReviewStatus,
    by: str,
    note: str | None,
    way: Way | None,
) -> ReviewItem:
    note = in_own_words(note) or None
    decided = review_rows.decide_review(connection, item.review_id, status, by, note, services.clock.now(), way)
    log.info("question decided", review=item.review_id, status=status.value, by=by, contacts=len(item.contact_ids))
    return decided
