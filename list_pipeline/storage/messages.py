"""The outbox: one row a message, written before it is posted.

Belongs here: statements about ``notification``. Does not belong here: when a message is posted or given up
(``operations.messages.outbox``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.messages.delivery import TARGET_SECONDS, DeliveryFigures
from list_pipeline.core.messages.keys import MessageKey, ThreadKey
from list_pipeline.storage.database import Database, execute, fetch_all, fetch_one, fetch_row, fetch_scalar, to_json

_LOCK_CLASS = 0x6C70_0003
"""First half of the advisory lock of one message; the second is its number."""

_UNSENT = "state in ('pending', 'unknown', 'failed')"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the outbox. ``key`` makes it one. ``thread_key``: what it is about; the first message about that
    begins a thread. ``is_important``: worth an e-mail. ``is_broadcast``: shown in the channel, also from a thread.
    ``log_id`` and ``health_check_id``: the row of the ledger that it reports."""

    key: MessageKey
    text: str
    blocks: Sequence[Any]
    campaign_id: int | None = None
    log_id: int | None = None
    health_check_id: int | None = None
    thread_key: ThreadKey | MessageKey | None = None
    is_important: bool = False
    is_broadcast: bool = False


def queue(connection: Connection, message: Outgoing, first_retry_at: datetime, now: datetime) -> RowMapping:
    """Put a message into the outbox, once per key, and return its row.

    Args:
        first_retry_at: until then it is left to whoever wrote it.
    """
    execute(
        connection,
        """
        insert into notification (message_key, campaign_id, log_id, health_check_id, text, blocks, state, created_at,
                                  thread_key, is_important, is_broadcast, next_attempt_at)
        values (:key, :campaign, :log, :check, :text, cast(:blocks as jsonb), 'pending', :now,
                :thread, :important, :broadcast, :retry)
        on conflict (message_key) do nothing
        """,
        key=message.key,
        campaign=message.campaign_id,
        log=message.log_id,
        check=message.health_check_id,
        text=message.text,
        blocks=to_json(list(message.blocks)),
        now=now,
        thread=message.thread_key,
        important=message.is_important,
        broadcast=message.is_broadcast,
        retry=first_retry_at,
    )
    statement = "select * from notification where message_key = :key"
    return fetch_row(connection, f"message {message.key}", statement, key=message.key)


def settled_among(connection: Connection, keys: Sequence[MessageKey]) -> frozenset[MessageKey]:
    """Those of these messages of which nothing more follows: they arrived, were left out, or are too old."""
    found = fetch_all(
        connection,
        "select message_key from notification where message_key = any(:keys) and state in ('sent', 'skipped', 'expired')",
        keys=list(keys),
    )
    return frozenset(row["message_key"] for row in found)


@contextmanager
def held(database: Database, notification_id: int) -> Iterator[RowMapping | None]:
    """A message as it is now, with nobody else posting it meanwhile; None while somebody else is.

    The lock ends with its connection, so a killed process frees it at once.
    """
    with database.session() as connection:
        if not fetch_scalar(connection, "select pg_try_advisory_lock(:class, :id)", **_lock(notification_id)):
            yield None
            return
        yield fetch_one(connection, "select * from notification where notification_id = :id", id=notification_id)


def _lock(notification_id: int) -> dict[str, int]:
    return {"class": _LOCK_CLASS, "id": notification_id}


def thread_of(connection: Connection, notification_id: int, thread_key: str) -> str | None:
    """Slack's timestamp of the message below which one about the same stands, or None: it is the first that arrives."""
    found = fetch_scalar(
        connection,
        """
        select message_ts from notification
        where (thread_key = :thread or message_key = :thread) and notification_id <> :id and state = 'sent'
          and channel_kind = 'slack' and message_ts <> '' and thread_ts is null and not is_thread_lost
        order by sent_at, notification_id limit 1
        """,
        thread=thread_key,
        id=notification_id,
    )
    return None if found is None else str(found)


def thread_lost(connection: Connection, thread_ts: str) -> None:
    """Slack no longer takes answers below this message."""
    execute(connection, "update notification set is_thread_lost = true where message_ts = :ts", ts=thread_ts)


def last_post(connection: Connection) -> datetime | None:
    """When a message was last posted or tried to be; UTC."""
    found: datetime | None = fetch_scalar(connection, "select max(tried_at) from notification")
    return found


def attempted(connection: Connection, key: str, thread_ts: str | None, now: datetime) -> None:
    """A request goes out now; whether it arrived is known afterwards."""
    execute(
        connection,
        """update notification set attempts = attempts + 1, thread_ts = :thread, tried_at = :now
           where message_key = :key""",
        key=key,
        thread=thread_ts,
        now=now,
    )


def moved_out(connection: Connection, key: str) -> None:
    """It is tried again as a message of its own."""
    execute(connection, "update notification set thread_ts = null where message_key = :key", key=key)


def sent(
    connection: Connection, key: str, kind: str, channel: str, message_ts: str, permalink: str | None, now: datetime
) -> None:
    """The message arrived; the row of the ledger that it reports says so too.

    Args:
        kind: ``slack``, ``webhook`` (which gives no timestamp: empty) or ``email``.
    """
    row = fetch_one(
        connection,
        """
        update notification set state = 'sent', channel_kind = :kind, channel = :channel, message_ts = :ts,
               permalink = :permalink, sent_at = :now, last_error = null, next_attempt_at = null
        where message_key = :key
        returning log_id, health_check_id, nullif(coalesce(thread_ts, message_ts), '') as root
        """,
        key=key,
        kind=kind,
        channel=channel,
        ts=message_ts,
        permalink=permalink,
        now=now,
    )
    if row is None or kind == "email":
        return
    for table, row_id in (("list_maintenance_log", row["log_id"]), ("list_health_check", row["health_check_id"])):
        if row_id is not None:
            execute(
                connection,
                f"""update {table} set slack_notification_sent = true,
                           slack_message_ts = coalesce(:root, slack_message_ts) where id = :id""",
                root=row["root"],
                id=row_id,
            )


def not_sent(connection: Connection, key: str, state: str, error: str, next_attempt_at: datetime | None) -> None:
    """The message did not arrive (``failed``), may have (``unknown``), has nowhere to go (``skipped``), or is too old to
    matter (``expired``)."""
    execute(
        connection,
        """update notification set state = :state, last_error = :error, next_attempt_at = :next
           where message_key = :key and state <> 'sent'""",
        key=key,
        state=state,
        error=error,
        next=next_attempt_at,
    )


def due(connection: Connection, now: datetime, most: int) -> Sequence[RowMapping]:
    """Messages whose next attempt is due, oldest first."""
    return fetch_all(
        connection,
        f"""select * from notification where {_UNSENT} and coalesce(next_attempt_at, created_at) <= :now
            order by notification_id limit :most""",
        now=now,
        most=most,
    )


def too_old(connection: Connection, before: datetime) -> Sequence[RowMapping]:
    """Messages of before an instant that did not arrive, oldest first."""
    return fetch_all(
        connection,
        f"select * from notification where {_UNSENT} and created_at < :before order by notification_id",
        before=before,
    )


# E-mail


def to_email(
    connection: Connection, attempts: int, created_before: datetime, email_attempts: int, most: int
) -> Sequence[RowMapping]:
    """Important messages that Slack has not taken in so many attempts or since an instant, and that no e-mail told."""
    return fetch_all(
        connection,
        f"""
        select * from notification
        where {_UNSENT} and is_important and emailed_at is null and email_attempts < :tried
          and (attempts >= :attempts or created_at <= :before)
        order by notification_id limit :most
        """,
        attempts=attempts,
        before=created_before,
        tried=email_attempts,
        most=most,
    )


def email_attempted(connection: Connection, key: str) -> None:
    """An e-mail goes out now; whether it was taken is known afterwards."""
    execute(connection, "update notification set email_attempts = email_attempts + 1 where message_key = :key", key=key)


def emailed(connection: Connection, key: str, now: datetime) -> None:
    """Mailjet took the e-mail."""
    execute(connection, "update notification set emailed_at = :now where message_key = :key", key=key, now=now)


# Figures


def delivery_figures(connection: Connection, since: datetime, now: datetime) -> DeliveryFigures:
    """How messages fared that were written since an instant. What was left out on purpose does not count."""
    row = fetch_row(
        connection,
        "the delivery figures",
        """
        select count(*) as messages,
               count(*) filter (where state = 'sent') as delivered,
               count(*) filter (where state in ('failed', 'unknown')) as failing,
               count(*) filter (where state = 'pending') as pending,
               count(*) filter (where state = 'expired') as expired,
               count(*) filter (where emailed_at is not null) as emailed,
               coalesce(sum(greatest(attempts - 1, 0)), 0) as repeated,
               count(*) filter (where sent_at - created_at > :target) as late,
               percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from sent_at - created_at))
                   filter (where sent_at is not null) as percentiles,
               max(extract(epoch from sent_at - created_at)) as slowest,
               max(extract(epoch from :now - created_at)) filter (where state in ('pending', 'unknown', 'failed'))
                   as waiting
        from notification where created_at >= :since and state <> 'skipped'
        """,
        since=since,
        now=now,
        target=timedelta(seconds=TARGET_SECONDS),
    )
    median, p95 = row["percentiles"] or (None, None)
    return DeliveryFigures(
        since=since,
        messages=int(row["messages"]),
        delivered=int(row["delivered"]),
        failing=int(row["failing"]),
        pending=int(row["pending"]),
        expired=int(row["expired"]),
        emailed=int(row["emailed"]),
        repeated=int(row["repeated"]),
        late=int(row["late"]),
        median_s=_seconds(median),
        p95_s=_seconds(p95),
        slowest_s=_seconds(row["slowest"]),
        longest_wait_s=_seconds(row["waiting"]),
    )


def _seconds(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)
