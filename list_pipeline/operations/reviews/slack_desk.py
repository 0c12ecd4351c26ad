"""Clicks in Slack: who clicked, on what, and the decision that follows, by the same operations as in every other way in.

Of a payload only who clicked, where, and what the button carries are believed, each after it was compared with rows of ours.
The record decides: Slack is one view of it.

Belongs here: that order, and an answer to whoever clicked. Does not belong here: the words (``core.reviews.clicks``), and the
socket (``integrations.slack_socket``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from list_pipeline.core.errors import IntegrationError, ListPipelineError, NotFoundError, RefusedError
from list_pipeline.core.messages.slack_blocks import Mrkdwn, joined, link
from list_pipeline.core.reviews import clicks
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.buttons import (
    REASON,
    REJECTION,
    ButtonAction,
    Subject,
    SubjectKind,
    action_of,
    reason_modal,
    subject_of,
)
from list_pipeline.core.reviews.messages import plan_words
from list_pipeline.integrations.slack_interaction import SlackIdentity, SlackInteraction
from list_pipeline.integrations.slack_payloads import Click, metadata, read_payload
from list_pipeline.operations.messages.asking import pages_of_plan
from list_pipeline.operations.people import NotAReviewerError, reason_of, reviewer
from list_pipeline.operations.reviewers import person_of
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approved_items import cap_text_of
from list_pipeline.operations.reviews.message_updates import standing_of_plan, standing_of_question
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import existing_plan, items_page
from list_pipeline.storage import message_buttons
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import ReviewItem

log = structlog.get_logger(__name__)

_SAY_WHY = "Say why in a few words, without an address."


class SlackDesk:
    """Answers clicks, one at a time or many at once. Safe to share between threads."""

    def __init__(self, services: Services, slack: SlackInteraction, us: SlackIdentity) -> None:
        self._services, self._slack, self._us = services, slack, us

    def check(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What goes back with the acknowledgement: what is wrong with a modal that was filled in; None: nothing.

        Raises:
            UnreadablePayloadError: the payload is none that buttons or modals of ours lead to.
        """
        click = read_payload(payload)
        if click.reason is not None:
            try:
                reason_of(click.reason, "Rejecting")
            except RefusedError:
                return {"response_action": "errors", "errors": {REASON: _SAY_WHY}}
        return None

    def hear(self, payload: Mapping[str, Any], app: str) -> None:
        """Do what a payload asks for, and answer whoever clicked.

        Args:
            app: our app's id, as Slack greeted us.

        Raises:
            UnreadablePayloadError: as ``check``.
        """
        click = read_payload(payload)
        if not app or (click.app, click.team, click.user_team) != (app, self._us.team, self._us.team):
            log.warning("a click of another workspace or app was not heard")
            return
        if click.user == self._us.user:
            log.warning("a click of the app itself was not heard")
            return
        try:
            answer = self._answer(click)
        except NotFoundError:
            answer = clicks.unknown_button()
        except RefusedError as error:
            answer = clicks.refused(error.happened, error.next_step)
        except ListPipelineError as error:
            log.error("a click could not be answered", error=str(error))
            answer = clicks.unavailable()
        if answer is not None:
            self._tell(click, answer)

    def _tell(self, click: Click, answer: Mrkdwn) -> None:
        try:
            self._slack.tell_only(click.channel, click.user, answer)
        except IntegrationError as error:
            # What was decided is decided, and the message says it.
            log.error("whoever clicked could not be answered", error=str(error))

    def _answer(self, click: Click) -> Mrkdwn | None:
        action, subject = _asked(click), subject_of(click.value)
        if action is ButtonAction.OPEN:
            return None
        if action is None or subject is None:
            return clicks.unknown_button()
        with self._services.database.begin() as connection:
            if not message_buttons.asks(connection, click.channel, click.message_ts, subject):
                return clicks.unknown_button()
        name = person_of(self._services, click.team, click.user)
        names = self._services.settings.reviewer_names
        if name is None:
            log.warning("somebody unknown clicked", slack_user=click.user)
            return clicks.unknown_person(click.user, names)
        try:
            name = reviewer(self._services, name, "Deciding in Slack")
        except NotAReviewerError:
            return clicks.not_allowed(name, names)
        if subject.kind is SubjectKind.PLAN:
            return self._on_plan(click, action, subject, name)
        return self._on_question(click, action, subject, name)

    # Plans

    def _on_plan(self, click: Click, action: ButtonAction, subject: Subject, name: str) -> Mrkdwn | None:
        plan = existing_plan(self._services, subject.number)
        if plan.content_hash != subject.content_hash:
            return clicks.another_content(subject)
        if action is ButtonAction.SHOW:
            return self._shown(plan)
        if (over := self._over(plan, name)) is not None:
            return over
        if action is ButtonAction.REJECT and click.reason is None:
            return self._ask_why(click, subject, plan_words(plan.kind, plan.plan_id))
        try:
            if action is ButtonAction.APPROVE:
                decided = decisions.approve(
                    self._services, plan.plan_id, by=name, content_hash=subject.content_hash, way=Way.SLACK
                )
            else:
                decided = decisions.reject(
                    self._services,
                    plan.plan_id,
                    by=name,
                    note=click.reason,
                    content_hash=subject.content_hash,
                    way=Way.SLACK,
                )
        except NotAReviewerError:
            raise
        except RefusedError as error:
            # Somebody else was faster, or it is this person's second approval.
            over = self._over(existing_plan(self._services, subject.number), name)
            return over if over is not None else clicks.refused(error.happened, error.next_step)
        with self._services.database.begin() as connection:
            standing = standing_of_plan(self._services, connection, decided)
        return clicks.done(standing) if standing is not None else None

    def _over(self, plan: StoredPlan, name: str) -> Mrkdwn | None:
        with self._services.database.begin() as connection:
            standing = standing_of_plan(self._services, connection, plan)
        if standing is None or not standing.is_over:
            return None
        return clicks.over_already(standing, name, plan.decided_by)

    def _shown(self, plan: StoredPlan) -> Mrkdwn:
        found = items_page(self._services, plan, after=0, limit=clicks.MOST_SHOWN)
        items = [
            clicks.ShownContact(one.contact_id, one.contact, one.action.value, one.rule, one.waits)
            for one in found.items
        ]
        with self._services.database.begin() as connection:
            pages = pages_of_plan(self._services, connection, plan)
        links = [link(page.url, page.label) for page in pages]
        return clicks.plan_shown(plan_words(plan.kind, plan.plan_id), items, found.in_all, links)

    # Questions

    def _on_question(self, click: Click, action: ButtonAction, subject: Subject, name: str) -> Mrkdwn | None:
        item = self._question(subject)
        if (over := _over_question(item, name)) is not None:
            return over
        if action is ButtonAction.REJECT and click.reason is None:
            return self._ask_why(click, subject, item.summary)
        if action not in (ButtonAction.APPROVE, ButtonAction.REJECT):
            return clicks.unknown_button()
        decide = decisions.approve_item if action is ButtonAction.APPROVE else decisions.reject_item
        try:
            decided = decide(
                self._services,
                item.review_id,
                by=name,
                content_hash=subject.content_hash,
                note=click.reason,
                way=Way.SLACK,
            )
        except NotAReviewerError:
            raise
        except RefusedError as error:
            over = _over_question(self._question(subject), name)
            return over if over is not None else clicks.refused(error.happened, error.next_step)
        standing = standing_of_question(decided)
        words = cap_text_of(self._services, decided) if action is ButtonAction.APPROVE else ""
        said = [*([standing.words] if standing is not None else []), *([Mrkdwn(words)] if words else [])]
        return joined(said, " ")

    def _question(self, subject: Subject) -> ReviewItem:
        with self._services.database.begin() as connection:
            item = review_rows.review_by_id(connection, subject.number)
        if item is None:
            raise NotFoundError(f"Reading question {subject.number}", "there is no such question", "Look at what waits")
        return item

    def _ask_why(self, click: Click, subject: Subject, about: str) -> Mrkdwn | None:
        view = reason_modal(subject, about, metadata(click.value, click.channel, click.message_ts))
        try:
            self._slack.open_modal(click.trigger_id, view)
        except IntegrationError as error:
            log.warning("a modal could not be opened", error=str(error))
            return clicks.refused("Slack did not open the window that asks why", "Press Reject again")
        return None


def _asked(click: Click) -> ButtonAction | None:
    if click.reason is not None:
        return ButtonAction.REJECT if click.action_id == REJECTION else None
    return action_of(click.action_id)


def _over_question(item: ReviewItem, name: str) -> Mrkdwn | None:
    standing = standing_of_question(item)
    return None if standing is None else clicks.over_already(standing, name, item.decided_by)
