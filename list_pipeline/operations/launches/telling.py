"""What people are told of launch changes, in the outbox with the row that it is about."""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.launches.changes import LaunchState
from list_pipeline.core.launches.messages import LaunchNews, ended_message, waiting_message
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import Mrkdwn, link
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.messages.outbox import queue
from list_pipeline.storage.launches import Launch
from list_pipeline.storage.messages import Outgoing, StoredMessage

_IMPORTANT = (LaunchState.WAITING, LaunchState.EXPIRED, LaunchState.REFUSED, LaunchState.FAILED)
"""A person is needed, or what was wanted is not done."""


def queue_news(
    services: Deciding, connection: Connection, launch: Launch, *, is_critical: bool = False
) -> StoredMessage:
    """Put the message about a launch change, as it is now, into the outbox within the caller's transaction; ``post`` it after.

    Args:
        is_critical: somebody has to look at Mailjet now.
    """
    news = LaunchNews(
        launch.launch_id,
        launch.action,
        launch.draft_id,
        launch.campaign or f"draft {launch.draft_id}",
        redact_foreign_text(launch.subject),
        launch.list_role,
        launch.expected,
        launch.programmed_for,
        launch.wanted_at,
        launch.content_hash,
        launch.asked_by,
        launch.note,
        launch.expires_at,
        launch.notes,
        launch.decided_by or "",
        launch.decision_note or "",
        launch.words,
        is_critical,
    )
    is_waiting = launch.state is LaunchState.WAITING
    links = _links(services, launch)
    message = waiting_message(news, links) if is_waiting else ended_message(news, launch.state, links)
    thread = (
        keys.launch_thread(launch.launch_id) if launch.campaign_id is None else keys.campaign_thread(launch.campaign_id)
    )
    outgoing = Outgoing(
        keys.launch(launch.launch_id, launch.state.value),
        message.text,
        message.blocks,
        campaign_id=launch.campaign_id,
        thread_key=thread,
        is_important=launch.state in _IMPORTANT,
        is_broadcast=True,
    )
    return queue(services, connection, outgoing, message.details)


def _links(services: Deciding, launch: Launch) -> list[Mrkdwn]:
    base = services.settings.app_url
    return [link(f"{base}/admin/launches/{launch.launch_id}", "Look at it and decide")] if base else []
