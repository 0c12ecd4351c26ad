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

from list_pipeline.core.messages.delivery import (
    DELIVERY,
    DELIVERY_LIFE,
    UNSENT,
    UNSUCCESSFUL,
    Channel,
    DeliveryFigures,
    DeliveryState,
)
from list_pipeline.core.messages.keys import ABOUT_DRIFT, DETAILS, MessageKey, ThreadKey
from list_pipeline.core.monitoring.exported import DELIVERIES, Increments
from list_pipeline.storage import campaign_stages, lock_numbers
from list_pipeline.storage.database import (
    Database,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    left_for,
    require_one,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.monitoring import totals

_SENT = sql_word(DeliveryState.SENT)
_POSTABLE = left_for(DELIVERY_LIFE, DeliveryState.SENT)
_UNSENT = f"state in {sql_list(*UNSENT)}"
_BEFORE_ITS_MESSAGE = f"""message_key like '%\\{DETAILS}' and exists (
    select 1 from notification above
    where above.message_key = left(notification.message_key, -{len(DETAILS)}) and above.{_UNSENT})"""
"""Details whose message has not arrived yet."""


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


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it stands in the outbox.

    ``message_ts``: Slack's timestamp, empty where the way gives none. ``thread_ts``: that of the message it was posted below.
    """

    notification_id: int
    message_key: MessageKey
    text: str
    blocks: list[dict[str, Any]]
    state: DeliveryState
    channel: str | None
    message_ts: str | None
    thread_key: str | None
    thread_ts: str | None
    permalink: str | None
    is_important: bool
    is_broadcast: bool
    attempts: int
    last_error: str | None
    created_at: datetime
    email_attempts: int
    emailed_at: datetime | None


_COLUMNS = ", ".join(StoredMessage.__dataclass_fields__)


def _message(row: RowMapping) -> StoredMessage:
    return StoredMessage(**{**row, "state": DeliveryState(row["state"])})


def queue(connection: Connection, message: Outgoing, first_retry_at: datetime, now: datetime) -> StoredMessage:
    """Put a message into the outbox, once per key, and return its row.

    Args:
        first_retry_at: until then it is left to whoever wrote it.
    """
    execute(
        connection,
        """
        insert into notification (message_key, campaign_id, log_id, health_check_id, text, blocks, state, created_at,
                                  thread_key, is_important, is_broadcast, next_attempt_at)
        values (:key, :campaign, :log, :check, :text, cast(:blocks as jsonb), :pending, :now,
                :thread, :important, :broadcast, :retry)
        on conflict (message_key) do nothing
        """,
        key=message.key,
        campaign=message.campaign_id,
        log=message.log_id,
        check=message.health_check_id,
        text=message.text,
        blocks=to_json(list(message.blocks)),
        pending=DeliveryState.PENDING,
        now=now,
        thread=message.thread_key,
        important=message.is_important,
        broadcast=message.is_broadcast,
        retry=first_retry_at,
    )
    return by_key(connection, message.key)


def by_key(connection: Connection, key: MessageKey) -> StoredMessage:
    """The row of a message that was put into the outbox.

    Raises:
        MissingRowError: it was not.
    """
    statement = f"select {_COLUMNS} from notification where message_key = :key"
    return _message(fetch_row(connection, f"message {key}", statement, key=key))


def find(connection: Connection, key: MessageKey) -> StoredMessage | None:
    """The row of a message, or None where nobody put it into the outbox."""
    row = fetch_one(connection, f"select {_COLUMNS} from notification where message_key = :key", key=key)
    return None if row is None else _message(row)


def settled_among(connection: Connection, keys: Sequence[MessageKey]) -> frozenset[MessageKey]:
    """Those of these messages of which nothing more follows: they arrived, were left out, or are too old."""
    found = fetch_all(
        connection,
        f"select message_key from notification where message_key = any(:keys) and not {_UNSENT}",
        keys=list(keys),
    )
    return frozenset(row["message_key"] for row in found)


@contextmanager
def held(database: Database, notification_id: int) -> Iterator[StoredMessage | None]:
    """A message as it is now, with nobody else posting it meanwhile; None while somebody else is.

    The lock ends with its connection, so a killed process frees it at once.
    """
    with database.session() as connection:
        if not fetch_scalar(connection, "select pg_try_advisory_lock(:class, :id)", **_lock(notification_id)):
            yield None
            return
        statement = f"select {_COLUMNS} from notification where notification_id = :id"
        row = fetch_one(connection, statement, id=notification_id)
        yield None if row is None else _message(row)


def _lock(notification_id: int) -> dict[str, int]:
    return {"class": lock_numbers.MESSAGE, "id": notification_id}


def thread_of(connection: Connection, notification_id: int, thread_key: str) -> str | None:
    """Slack's timestamp of the message below which one about the same stands, or None: it is the first that arrives."""
    found = fetch_scalar(
        connection,
        f"""
        select message_ts from notification
        where (thread_key = :thread or message_key = :thread) and notification_id <> :id and state = {_SENT}
          and channel_kind = {sql_word(Channel.SLACK)} and message_ts <> '' and thread_ts is null and not is_thread_lost
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
    """A request goes out now; whether it arrived is known afterwards.

    Raises:
        StateChangedError: somebody else posted the message or gave it up in between: it is not to be posted again.
    """
    touched = execute(
        connection,
        f"""update notification set attempts = attempts + 1, thread_ts = :thread, tried_at = :now
            where message_key = :key and state in {_POSTABLE}""",
        key=key,
        thread=thread_ts,
        now=now,
    )
    require_one(touched, f"Posting message {key}")


def moved_out(connection: Connection, key: str) -> None:
    """It is tried again as a message of its own."""
    execute(connection, "update notification set thread_ts = null where message_key = :key", key=key)


def sent(
    connection: Connection, key: str, kind: Channel, channel: str, message_ts: str, permalink: str | None, now: datetime
) -> None:
    """The message arrived; the row of the ledger that it reports says so too.

    Args:
        message_ts: empty where the way gives no timestamp.

    Raises:
        StateChangedError: somebody else noted that it arrived, or gave it up, in between.
    """
    row = fetch_one(
        connection,
        f"""
        update notification set state = :sent, channel_kind = :kind, channel = :channel, message_ts = :ts,
               permalink = :permalink, sent_at = :now, last_error = null, next_attempt_at = null
        where message_key = :key and state in {_POSTABLE}
        returning log_id, health_check_id, created_at, nullif(coalesce(thread_ts, message_ts), '') as root
        """,
        key=key,
        sent=DeliveryState.SENT,
        kind=kind,
        channel=channel,
        ts=message_ts,
        permalink=permalink,
        now=now,
    )
    require_one(int(row is not None), f"Noting that message {key} arrived")
    if row is None:
        return
    told = Increments()
    told.observe(DELIVERIES, (now - row["created_at"]).total_seconds(), kind.value)
    totals.add(connection, told)
    campaign_stages.count_end(connection, key)
    if kind is Channel.EMAIL:
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


def not_sent(
    connection: Connection, key: str, state: DeliveryState, error: str, next_attempt_at: datetime | None
) -> None:
    """The message did not arrive, may have, is left out, or is too old to matter. It may be in that state already.

    Raises:
        StateChangedError: it arrived or was given up in between.
    """
    touched = execute(
        connection,
        f"""update notification set state = :state, last_error = :error, next_attempt_at = :next
            where message_key = :key and (state = :state or state in {left_for(DELIVERY_LIFE, state)})""",
        key=key,
        state=state,
        error=error,
        next=next_attempt_at,
    )
    require_one(touched, f"Noting that message {key} is {state.value}")
    if state in UNSUCCESSFUL:
        campaign_stages.count_end(connection, key)


def due(connection: Connection, now: datetime, most: int) -> tuple[StoredMessage, ...]:
    """Messages whose next attempt is due, oldest first. Details wait for their message."""
    where = f"{_UNSENT} and coalesce(next_attempt_at, created_at) <= :now and not ({_BEFORE_ITS_MESSAGE})"
    return _messages(connection, where, limit=most, now=now)


def too_old(connection: Connection, before: datetime) -> tuple[StoredMessage, ...]:
    """Messages of before an instant that did not arrive, oldest first."""
    return _messages(connection, f"{_UNSENT} and created_at < :before", before=before)


def unsent_alerts(connection: Connection) -> tuple[StoredMessage, ...]:
    """Alerts about drift and corrections that did not arrive, oldest first."""
    return _messages(connection, f"{_UNSENT} and message_key like any(:patterns)", patterns=list(ABOUT_DRIFT))


def _messages(
    connection: Connection, where: str, limit: int | None = None, **parameters: Any
) -> tuple[StoredMessage, ...]:
    found = fetch_all(
        connection,
        f"select {_COLUMNS} from notification where {where} order by notification_id limit cast(:most as bigint)",
        most=limit,
        **parameters,
    )
    return tuple(_message(row) for row in found)


# E-mail


def to_email(
    connection: Connection, attempts: int, created_before: datetime, email_attempts: int, most: int
) -> tuple[StoredMessage, ...]:
    """Important messages that Slack has not taken in so many attempts or since an instant, and that no e-mail told."""
    return _messages(
        connection,
        f"""{_UNSENT} and is_important and emailed_at is null and email_attempts < :tried
            and (attempts >= :attempts or created_at <= :before)""",
        limit=most,
        attempts=attempts,
        before=created_before,
        tried=email_attempts,
    )


def email_attempted(connection: Connection, key: str) -> None:
    """An e-mail goes out now; whether it was taken is known afterwards."""
    execute(connection, "update notification set email_attempts = email_attempts + 1 where message_key = :key", key=key)


def emailed(connection: Connection, key: str, now: datetime) -> None:
    """Mailjet took the e-mail."""
    execute(connection, "update notification set emailed_at = :now where message_key = :key", key=key, now=now)


# Figures


def delivery_figures(connection: Connection, since: datetime, now: datetime) -> DeliveryFigures:
    """The delivery of the messages written since an instant. Messages left out on purpose do not count."""
    row = fetch_row(
        connection,
        "the delivery figures",
        f"""
        select count(*) as messages,
               count(*) filter (where state = {_SENT}) as delivered,
               count(*) filter (where state in {sql_list(DeliveryState.FAILED, DeliveryState.UNKNOWN)}) as failing,
               count(*) filter (where state = {sql_word(DeliveryState.PENDING)}) as pending,
               count(*) filter (where state = {sql_word(DeliveryState.EXPIRED)}) as expired,
               count(*) filter (where emailed_at is not null) as emailed,
               coalesce(sum(greatest(attempts - 1, 0)), 0) as repeated,
               count(*) filter (where sent_at - created_at > :target) as late,
               percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from sent_at - created_at))
                   filter (where sent_at is not null) as percentiles,
               max(extract(epoch from sent_at - created_at)) as slowest,
               max(extract(epoch from :now - created_at)) filter (where {_UNSENT}) as waiting
        from notification where created_at >= :since and state <> {sql_word(DeliveryState.SKIPPED)}
        """,
        since=since,
        now=now,
        target=timedelta(seconds=DELIVERY.target_s),
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
