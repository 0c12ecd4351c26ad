"""Asking for a launch change: exactly the one that was shown is written down, and waits for a reviewer."""

from __future__ import annotations

import structlog

from list_pipeline.core.errors import ChangesStoppedError, RefusedError
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.decidable import is_as_shown
from list_pipeline.operations.launches.deciding import expire_overdue, launch_of
from list_pipeline.operations.launches.looking import Wanted, look, require_on
from list_pipeline.operations.launches.telling import queue_news
from list_pipeline.operations.messages.outbox import post
from list_pipeline.operations.people import NotAReviewerError, named, reason_of, reviewer
from list_pipeline.operations.services import Services
from list_pipeline.storage import launches as rows
from list_pipeline.storage.launches import Launch, NewLaunch

log = structlog.get_logger(__name__)


def ask_for_launch(
    services: Services,
    wanted: Wanted,
    *,
    by: str,
    note: str,
    content_hash: str,
    may_decide: bool,
    way: Way | None = None,
    at_once: bool = False,
) -> Launch:
    """Ask for a launch change: exactly the one that was shown. It waits for a reviewer; only a cancellation that a reviewer
    asks for is approved with that, since it stops something.

    Args:
        by: who asks, for the record; a name, no address. note: why.
        content_hash: the hash that was shown, or its first characters (eight at least).
        may_decide: the person's role is one that decides; LIST_REVIEWERS is looked at beside it.
        at_once: as ``look``.

    Returns:
        The launch change as it was written down; an approved one is still to be carried out.

    Raises:
        NotFoundError: no campaign has this key.
        RefusedError: launch changes are off; nobody is named, or no reason; a rule forbids it; or the draft, or what is asked
            for, is another one by now than was shown.
        ChangesStoppedError: a reviewer cancels, and nothing may be changed now. Nothing was written.
        TransientError: Mailjet does not answer now.
    """
    tried = wanted.tried
    require_on(services, tried)
    name, why = named(by, tried), reason_of(note, tried)
    expire_overdue(services)
    found = look(services, wanted, at_once=at_once)
    if found.refusal is not None or found.role is None or found.content.list_id is None:
        refusal = found.refusal
        raise RefusedError(
            tried,
            refusal.happened if refusal else "it goes to a list that is none of the three campaign lists",
            refusal.next_step if refusal else "Do it at Mailjet",
        )
    if not is_as_shown(found.content.hash, content_hash):
        raise RefusedError(
            tried,
            "the draft, or what is asked for, is not what the given content hash was shown for",
            "Look at it again: `list-pipeline launch look` shows it with its hash",
        )
    is_decided = wanted.action is LaunchAction.CANCEL and may_decide and _is_reviewer(services, name, tried)
    if is_decided and found.stopped_because is not None:
        raise ChangesStoppedError(tried, found.stopped_because, "Cancel it at Mailjet, or switch changes on again")
    now = services.clock.now()
    with services.database.begin() as connection:
        number = rows.add(
            connection,
            NewLaunch(
                found.content,
                found.campaign.campaign_id if found.campaign is not None else None,
                found.role,
                found.content.list_id,
                found.sender,
                found.expected,
                found.notes,
                name,
                why,
                found.expires_at,
            ),
            now,
        )
        if number is None:
            raise RefusedError(tried, "another launch change of this draft is open by now", "Decide on that one first")
        if is_decided:
            rows.decide(connection, number, LaunchState.APPROVED, name, why, way, now)
        launch = launch_of(services, number, connection)
        message = queue_news(services, connection, launch)
    post(services, message)
    log.info("a launch change is asked for", launch=number, action=wanted.action.value, by=name, approved=is_decided)
    return launch


def _is_reviewer(services: Services, name: str, tried: str) -> bool:
    try:
        reviewer(services, name, tried)
    except NotAReviewerError:
        return False
    return True
