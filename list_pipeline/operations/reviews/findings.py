"""Findings that are over: closed by a person with a reason, or by their own end, which is said once.

Belongs here: both ways. Does not belong here: decisions on plans and contacts (``decisions``), and drift that is accepted as a
whole (``operations.safety.restore_guard``).
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import NotFoundError, RefusedError, StateChangedError
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.reviews.messages import ended_message, finding_closed_message
from list_pipeline.core.reviews.questions import FINDINGS, MASS_CHANGE, ROUND_DOUBT, ReviewStatus
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import post, queue
from list_pipeline.operations.people import NOBODY, reason_of, reviewer
from list_pipeline.storage import review_ends
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.campaigns import rounds
from list_pipeline.storage.messages import Outgoing, StoredMessage
from list_pipeline.storage.reviews import ReviewItem

log = structlog.get_logger(__name__)


def close_finding(services: Telling, review_id: int, *, by: str, note: str) -> ReviewItem:
    """Close a finding because a person looked at it and nothing more is to be done. No list is changed.

    A broken rule of the lists stays a finding of the reconciliation, and its repair a plan; closed is the note about it.

    Args:
        by: who decides, for the record; a name, no address. note: why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        NotFoundError: there is no such question.
        RefusedError: nobody or no reason is named; it is no finding, is closed already, or asks for another answer.
    """
    tried = f"Closing finding {review_id}"
    name = reviewer(services, by, tried)
    why = reason_of(note, tried)
    now = services.clock.now()
    with services.database.begin() as connection:
        item = review_rows.review_by_id(connection, review_id)
        if item is None:
            raise NotFoundError(tried, "there is no such question", "`list-pipeline reviews` lists what waits")
        _require_closable(connection, item, tried)
        closed = review_rows.decide_review(connection, review_id, ReviewStatus.RESOLVED, name, why, now)
        message = finding_closed_message(review_id, item.summary, name, why)
        row = _queue(services, connection, review_id, item.campaign_id, message)
    post(services, row)
    log.info("a person closed a finding", review=review_id, by=name)
    return closed


def close_ended(services: Telling) -> list[int]:
    """Close the questions whose occasion is over, and say so once, each in the thread of its campaign. Returns their
    numbers."""
    now, rows = services.clock.now(), []
    found = []
    with services.database.begin() as connection:
        for one in review_ends.ended(connection):
            try:
                review_rows.decide_review(connection, one.review_id, ReviewStatus.RESOLVED, NOBODY, one.why, now)
            except StateChangedError:
                # A person who decides at this moment was faster; that stands.
                continue
            message = ended_message(one.review_id, one.summary, one.why)
            rows.append(_queue(services, connection, one.review_id, one.campaign_id, message))
            found.append(one.review_id)
    for row in rows:
        post(services, row)
    for number in found:
        log.info("what a question was about is over", review=number)
    return found


def _require_closable(connection: Connection, item: ReviewItem, tried: str) -> None:
    if item.kind not in FINDINGS:
        raise RefusedError(tried, "it asks for a decision", "Approve or reject it, or its plan")
    if item.status is not ReviewStatus.OPEN:
        raise RefusedError(tried, f"it is {item.status.value}", "Only an open one can be closed")
    if item.about == "stopped":
        raise RefusedError(
            tried, "no list is changed until it is accepted", "`list-pipeline reconcile --accept --by NAME`"
        )
    if item.about == MASS_CHANGE:
        raise RefusedError(
            tried,
            "its lists are not rebalanced until somebody says whether that was meant",
            "`list-pipeline mass-changes`, with --accept or --repair",
        )
    if item.about == ROUND_DOUBT and (doubted := rounds.doubt_of(connection, item.campaign_id)):
        raise RefusedError(
            tried,
            "nobody moves until somebody says what the send is",
            f"`list-pipeline round {doubted}`, with a ruling",
        )


def _queue(
    services: Telling, connection: Connection, review_id: int, campaign_id: int | None, message: SlackMessage
) -> StoredMessage:
    outgoing = Outgoing(
        keys.finding_closed(review_id),
        message.text,
        message.blocks,
        campaign_id=campaign_id,
        thread_key=keys.campaign_thread_if_any(campaign_id),
    )
    return queue(services, connection, outgoing)
