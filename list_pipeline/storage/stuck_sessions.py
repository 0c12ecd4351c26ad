"""Who holds the product's advisory locks, waiting for one with an end, and ending sessions that hang with one.

What is read of a session is its number, the name that it gave itself, its state and its times: no text of a statement, which
may hold an address.

Belongs here: PostgreSQL's views of locks and sessions, and the table ``stuck_session``. Does not belong here: when a holder
counts as stuck (``core.monitoring.stuck_sessions``), telling people (``operations.monitoring.stuck_sessions``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Final

import psycopg
import structlog
from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import DBAPIError

from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.monitoring.stuck_sessions import LockHolder, LockName, StuckSession
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import Database, execute, fetch_all, fetch_scalar
from list_pipeline.storage.database_errors import DatabaseUnavailableError, StatementFailedError

log = structlog.get_logger(__name__)

_NAMES: Final = {getattr(lock_numbers, name.name): name for name in LockName}
_NUMBERS: Final = {name: number for number, name in _NAMES.items()}
_PREFIX = "list_pipeline: "
_ENDED_WITHIN_MS = 5_000

_HOLDERS = """
    select case l.objsubid when 2 then l.classid::bigint else l.objid::bigint end as number, a.pid, a.backend_start,
           coalesce(nullif(a.application_name, ''), a.usename::text || ' in another program') as name,
           coalesce(a.state, 'hidden') as state,
           coalesce(greatest(extract(epoch from clock_timestamp() - a.state_change), 0), 0)::float8 as silent_s
    from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and (l.objsubid = 2 or l.classid = 0)
      and l.database = (select oid from pg_database where datname = current_database())
      and a.pid <> pg_backend_pid()
"""


class LockWaitError(DatabaseUnavailableError):
    """Somebody holds a lock for longer than anybody who works. The message says who, and since when."""


def holders(connection: Connection, lock: LockName | None = None) -> tuple[LockHolder, ...]:
    """The other sessions that hold locks of the product in this database, or one of them; the longest silent first."""
    numbers = list(_NAMES) if lock is None else [_NUMBERS[lock]]
    statement = f"select * from ({_HOLDERS}) held where number = any(:numbers) order by silent_s desc, pid"
    return tuple(map(_holder, fetch_all(connection, statement, numbers=numbers)))


def _holder(row: RowMapping) -> LockHolder:
    name = redact_foreign_text(str(row["name"]).removeprefix(_PREFIX)) or "another program"
    began_at = row["backend_start"] and row["backend_start"].astimezone(UTC)
    return LockHolder(_NAMES[row["number"]], name, row["pid"], row["state"], began_at, row["silent_s"])


def hold(connection: Connection, lock: LockName, *, shared: bool = False) -> None:
    """Take a lock until the end of the transaction. ``shared``: beside others who take it so.

    Raises:
        LockWaitError: somebody else held it for as long as a lock is waited for.
    """
    kind = "_shared" if shared else ""
    with waiting_for(connection, lock):
        execute(connection, f"select pg_advisory_xact_lock{kind}(:key)", key=_NUMBERS[lock])


@contextmanager
def waiting_for(connection: Connection, lock: LockName) -> Iterator[None]:
    """A statement of the block takes a lock.

    Raises:
        LockWaitError: somebody else held it for as long as a lock is waited for.
    """
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        raise waited_in_vain(connection, lock) from None


def waited_in_vain(connection: Connection, lock: LockName) -> LockWaitError:
    """The error for whoever waited for a lock until the connection gave the statement up."""
    # The transaction is over for the server: another connection has to look.
    with connection.engine.connect() as other:
        found = holders(other, lock)
    who = found[0].words if found else "nobody any more"
    return LockWaitError(
        f"Waiting for the lock on {lock.value}",
        f"it is held by {who}",
        "A session that hangs is ended by itself; try again then, or end it: `list-pipeline health` names it",
    )


def end_stuck(database: Database, lock: LockName | None = None) -> tuple[StuckSession, ...]:
    """End the sessions that are stuck with a lock, and write each down once. Never raises for a session that cannot be ended.

    Returns:
        Those that were stuck just now.
    """
    with database.begin() as connection:
        stuck = [one for one in holders(connection, lock) if one.is_stuck]
    return tuple(_end(database, one) for one in stuck)


def _end(database: Database, holder: LockHolder) -> StuckSession:
    try:
        with database.begin() as connection:
            was_ended = _terminated(connection, holder)
    except StatementFailedError:
        # Insufficient privilege: it belongs to another role.
        was_ended = False
    log.error("a session held a lock and did nothing", lock=holder.lock.value, holder=holder.words, was_ended=was_ended)
    with database.begin() as connection:
        number = int(
            fetch_scalar(
                connection,
                """
                insert into stuck_session (lock_name, holder, pid, began_at, state, silent_seconds, was_ended, noticed_at)
                values (:lock, :holder, :pid, :began, :state, :silent, :ended, clock_timestamp())
                on conflict (lock_name, pid, began_at) do update set was_ended = excluded.was_ended
                returning stuck_session_id
                """,
                lock=holder.lock.value,
                holder=holder.name,
                pid=holder.pid,
                began=holder.began_at,
                state=holder.state,
                silent=holder.silent_s,
                ended=was_ended,
            )
        )
    return StuckSession(number, holder, was_ended)


def _terminated(connection: Connection, holder: LockHolder) -> bool:
    """End a session if it is still the same one, and still silent with the same lock."""
    return bool(
        fetch_scalar(
            connection,
            f"""
            select pg_terminate_backend(pid, :within) from ({_HOLDERS}) held
            where pid = :pid and backend_start = :began and number = :number and silent_s >= :least limit 1
            """,
            within=_ENDED_WITHIN_MS,
            pid=holder.pid,
            began=holder.began_at,
            number=_NUMBERS[holder.lock],
            least=holder.silence_allowed_s,
        )
    )


def untold(connection: Connection) -> Sequence[StuckSession]:
    """Stuck sessions that people were not told about, oldest first."""
    rows = fetch_all(
        connection,
        """
        select stuck_session_id, lock_name, holder, pid, began_at, state, silent_seconds, was_ended from stuck_session
        where message_key is null order by stuck_session_id for update
        """,
    )
    return [
        StuckSession(
            row["stuck_session_id"],
            LockHolder(
                LockName(row["lock_name"]),
                row["holder"],
                row["pid"],
                row["state"],
                row["began_at"],
                row["silent_seconds"],
            ),
            row["was_ended"],
        )
        for row in rows
    ]


def mark_told(connection: Connection, number: int, key: MessageKey) -> None:
    """People are told about a stuck session by a message."""
    execute(
        connection,
        "update stuck_session set message_key = :key where stuck_session_id = :number and message_key is null",
        key=key,
        number=number,
    )
