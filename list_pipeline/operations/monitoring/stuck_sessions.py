"""The watchdog on holders of locks: a session that hangs with one is ended, and people are told once.

Whoever waits for a lock looks too (``storage.lock``, ``storage.limiter``); this finds those for whom nobody waits yet, such as
a maintenance that hangs while the next one stands in Dagster's queue, and tells of all of them.
"""

from __future__ import annotations

from list_pipeline.core.messages import keys
from list_pipeline.core.monitoring.stuck_sessions import stuck_session_message
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import Delivery, post, queue
from list_pipeline.storage import stuck_sessions
from list_pipeline.storage.messages import Outgoing


def watch_locks(services: Telling) -> tuple[Delivery, ...]:
    """End sessions that are stuck with a lock of the product, and tell people of each once."""
    stuck_sessions.end_stuck(services.database)
    queued = []
    with services.database.begin() as connection:
        for one in stuck_sessions.untold(connection):
            key, message = keys.stuck_session(one.number), stuck_session_message(one)
            queued.append(queue(services, connection, Outgoing(key, message.text, message.blocks, is_important=True)))
            stuck_sessions.mark_told(connection, one.number, key)
    return tuple(post(services, row) for row in queued)
