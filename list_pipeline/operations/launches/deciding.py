"""A reviewer's decision on a launch change that waits, and the end of one that nobody decided on or carried out in time."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError, StateChangedError
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.decidable import is_as_shown
from list_pipeline.core.wording import instant_text
from list_pipeline.operations.access import Storing, Telling
from list_pipeline.operations.launches.looking import require_on
from list_pipeline.operations.launches.telling import queue_news
from list_pipeline.operations.messages.outbox import post
from list_pipeline.operations.people import in_own_words, reason_of, reviewer
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.storage import launches as rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.launches import Launch

log = structlog.get_logger(__name__)


def launch_of(services: Storing, launch_id: int, connection: Connection | None = None) -> Launch:
    """A launch change as it is stored.

    Args:
        connection: the transaction to read in; None: one of its own.

    Raises:
        NotFoundError: there is no such launch change.
    """
    if connection is None:
        with services.database.begin() as own:
            found = rows.launch_by_id(own, launch_id)
    else:
        found = rows.launch_by_id(connection, launch_id)
    if found is None:
        raise NotFoundError(
            f"Reading launch change {launch_id}",
            "there is no such launch change",
            "`list-pipeline launch list` lists them",
        )
    return found


def approve_launch(
    services: Telling, launch_id: int, *, by: str, content_hash: str, note: str = "", way: Way | None = None
) -> Launch:
    """Let a launch change through: exactly the one that was shown. It is still to be carried out.

    Args:
        by: who decides, for the record; a name, no address.
        content_hash: the hash that was shown, or its first characters (eight at least).

    Raises:
        NotFoundError: there is no such launch change.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: launch changes are off, it does not wait any more, or it is another one than was shown.
        ChangesStoppedError: nothing may be changed now. Nothing was written.
    """
    tried = f"Approving launch change {launch_id}"
    require_on(services, tried)
    name = reviewer(services, by, tried)
    expire_overdue(services)
    launch = launch_of(services, launch_id)
    _require_state(launch, tried, LaunchState.WAITING)
    _require_hash(launch, tried, content_hash)
    if (stopped := change_block_reason(services)) is not None:
        raise ChangesStoppedError(tried, stopped, "Switch changes on again, then approve it")
    return _decide(services, launch, LaunchState.APPROVED, name, in_own_words(note), way)


def reject_launch(
    services: Telling, launch_id: int, *, by: str, note: str, content_hash: str | None = None, way: Way | None = None
) -> Launch:
    """Turn a launch change down, or take an approval back as long as nothing was asked of Mailjet. Possible while launch
    changes are off, too.

    Args:
        note: why. content_hash: the hash that was shown, where the person saw one; None: whatever it is.

    Raises:
        NotFoundError: there is no such launch change.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: no reason is given, it is begun or over, or it is another one than was shown.
    """
    tried = f"Rejecting launch change {launch_id}"
    name, why = reviewer(services, by, tried), reason_of(note, tried)
    launch = launch_of(services, launch_id)
    _require_state(launch, tried, LaunchState.WAITING, LaunchState.APPROVED)
    if content_hash is not None:
        _require_hash(launch, tried, content_hash)
    return _decide(services, launch, LaunchState.REJECTED, name, why, way)


def _require_state(launch: Launch, tried: str, *states: LaunchState) -> None:
    if launch.state in states:
        return
    by = f", by {launch.decided_by} at {instant_text(launch.decided_at)}" if launch.decided_by else ""
    raise RefusedError(
        tried, f"it is {launch.state.value}{by}", "Only one that waits can be decided: `list-pipeline launch list`"
    )


def _require_hash(launch: Launch, tried: str, content_hash: str) -> None:
    if not is_as_shown(launch.content_hash, content_hash):
        raise RefusedError(
            tried,
            "its content hash is another than the one given",
            f"Look at it again: `list-pipeline launch show {launch.launch_id}`",
        )


def _decide(services: Telling, launch: Launch, state: LaunchState, by: str, note: str, way: Way | None) -> Launch:
    with services.database.begin() as connection:
        rows.decide(connection, launch.launch_id, state, by, note, way, services.clock.now())
        if state is LaunchState.REJECTED:
            retire_unsent(connection, services, launch)
        decided = launch_of(services, launch.launch_id, connection)
        message = queue_news(services, connection, decided)
    post(services, message)
    log.info("a launch change was decided on", launch=launch.launch_id, state=state.value, by=by)
    return decided


def retire_unsent(connection: Connection, services: Storing, launch: Launch) -> None:
    """The campaign of a send that is not made is not scheduled: its list is not frozen for it any more."""
    if launch.action is LaunchAction.SEND and launch.campaign_id is not None:
        scheduled_campaigns.retire(connection, [launch.campaign_id], services.clock.now())


def expire_overdue(services: Telling) -> list[int]:
    """End launch changes that nobody decided on, or nobody carried out, in time; their numbers."""
    now, ended = services.clock.now(), []
    with services.database.begin() as connection:
        found = rows.overdue(connection, now)
    for number in found:
        try:
            with services.database.begin() as connection:
                rows.end(connection, number, LaunchState.EXPIRED, "", now)
                launch = launch_of(services, number, connection)
                retire_unsent(connection, services, launch)
                message = queue_news(services, connection, launch)
        except StateChangedError:
            # A person, or a run, was faster; that stands.
            continue
        post(services, message)
        ended.append(number)
        log.info("a launch change expired", launch=number)
    return ended
