"""Messages that ask for a decision say what became of it, whoever decided, wherever, and whatever died in between.

What a message shows is compared with how things stand (``storage.message_buttons``). So nobody has to tell this module
anything: it is called after a decision for speed, and by the outbox's sensor for certainty.

A failure of Slack is recorded and never raised.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import IntegrationError, RateLimitedError, TransientError
from list_pipeline.core.messages.delivery import DELIVERY, pause_after
from list_pipeline.core.messages.slack_blocks import TEXT_LENGTH, Block, Mrkdwn, cut
from list_pipeline.core.reviews.buttons import Standing, SubjectKind, with_standing
from list_pipeline.core.reviews.clicks import plan_standing, question_standing
from list_pipeline.core.reviews.messages import plan_words
from list_pipeline.integrations.slack import MessageRefusedError, PostedMessage, SlackClient, ThreadLostError
from list_pipeline.operations.access import Deciding, Telling
from list_pipeline.operations.messages.outbox import forms_of
from list_pipeline.operations.reviews.approvals import approvals_in
from list_pipeline.storage import message_buttons as rows
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.message_buttons import ButtonRow
from list_pipeline.storage.messages import StoredMessage
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import ReviewItem

log = structlog.get_logger(__name__)

MOST_A_TURN = 10
"""Messages changed in one turn; Slack takes some 50 changes a minute."""


def update_messages(services: Telling, most: int = MOST_A_TURN) -> int:
    """Let messages with buttons say what became of what they ask. The number that were changed now.

    During an outage a turn ends with the first message that meets it.
    """
    slack = services.slack
    if slack is None:
        return 0
    with services.database.begin() as connection:
        waiting = rows.behind(connection, services.clock.now(), most)
    done = 0
    for notification_id in waiting:
        with message_rows.held(services.database, notification_id) as message:
            if message is None:
                # Another process is at it.
                continue
            try:
                done += _update(services, slack, message)
            except TransientError as error:
                log.warning("messages are not brought up to date now", error=str(error))
                break
    return done


def standing_of_plan(services: Deciding, connection: Connection, plan: StoredPlan) -> Standing | None:
    """What is said of a plan by now; None while nothing happened."""
    return plan_standing(
        plan_words(plan.kind, plan.plan_id),
        plan.status,
        plan.withdrawn_by or plan.decided_by,
        plan.withdrawn_at or plan.decided_at,
        # Which way whoever withdrew it came is not kept.
        None if plan.withdrawn_by else plan.decided_via,
        approvals_in(services, connection, plan),
    )


def standing_of_question(item: ReviewItem) -> Standing | None:
    """What is said of a question by now; None while it is open."""
    return question_standing(
        f"question {item.review_id}", item.status, item.decided_by, item.decided_at, item.decided_via
    )


def _update(services: Telling, slack: SlackClient, message: StoredMessage) -> bool:
    now = services.clock.now()
    with services.database.begin() as connection:
        found = rows.of_message(connection, message.notification_id)
        if all(row.shown == row.stands for row in found):
            return False
        attempts = max(row.attempts for row in found) + 1
        # Written before the request: whoever is killed in it does not try again at once, for ever.
        rows.attempted(connection, message.notification_id, now + pause_after(attempts))
        standing = _standing(services, connection, found)
    words = " ".join(one.words for one in standing.values())
    text = Mrkdwn(cut(f"{words} {message.text}".strip(), TEXT_LENGTH))
    try:
        _change(slack, message, text, with_standing(message.blocks, standing))
    except (ThreadLostError, MessageRefusedError) as error:
        # Somebody deleted it, or Slack takes no change any more: it stays as it is, and what it asks is decided all the same.
        return _give_up(services, message, error.happened)
    except IntegrationError as error:
        if attempts >= DELIVERY.update_attempts:
            return _give_up(services, message, error.happened)
        log.warning("a message could not be brought up to date", key=message.message_key, error=str(error))
        if isinstance(error, RateLimitedError) and error.retry_after_s:
            with services.database.begin() as connection:
                rows.attempted(connection, message.notification_id, now + pause_after(attempts, error.retry_after_s))
        if isinstance(error, TransientError):
            raise
        return False
    with services.database.begin() as connection:
        rows.shown(connection, found)
    log.info("a message says what was decided", key=message.message_key)
    return True


def _change(slack: SlackClient, message: StoredMessage, text: Mrkdwn, blocks: Sequence[Block]) -> None:
    """Replace it; where Slack refuses it as it is, without charts, then as plain text, as when it was posted."""
    place = PostedMessage(message.channel or "", message.message_ts or "")
    forms = forms_of(blocks)
    for number, form in enumerate(forms, start=1):
        try:
            slack.update(place, text, form)
            break
        except MessageRefusedError as error:
            if number == len(forms) or "invalid_blocks" not in error.happened:
                raise


def _standing(services: Deciding, connection: Connection, found: Sequence[ButtonRow]) -> dict[str, Standing]:
    standing: dict[str, Standing] = {}
    for row in found:
        if row.plan_id is not None:
            plan = plan_rows.existing_plan(connection, row.plan_id)
            now = standing_of_plan(services, connection, plan)
            key = f"{SubjectKind.PLAN}:{row.plan_id}"
        else:
            item = review_rows.review_by_id(connection, row.review_id or 0)
            now = standing_of_question(item) if item is not None else None
            key = f"{SubjectKind.QUESTION}:{row.review_id}"
        if now is not None:
            standing[key] = now
    return standing


def _give_up(services: Telling, message: StoredMessage, why: str) -> bool:
    log.warning("a message is left as it is", key=message.message_key, why=why)
    with services.database.begin() as connection:
        rows.give_up(connection, message.notification_id, why)
    return False
