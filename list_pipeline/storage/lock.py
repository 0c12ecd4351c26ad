"""The lock under which lists are changed: one holder in the whole installation, with a fencing number.

A PostgreSQL advisory lock on a connection of its own: it ends with the connection, so a killed process frees it at once.
Dagster's pool of one stands in front of it; that is a courtesy of the scheduler, this is the guarantee. A holder that hangs
keeps its connection: it gives signs of life through it, and one that gives none loses it to whoever waits.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import LockHeldError, TransientError
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import Database, answered_within, execute, fetch_scalar
from list_pipeline.storage.kept_sessions import name_of_session
from list_pipeline.storage.stuck_sessions import LockWaitError, end_stuck, hold, holders

_CHECKED_WITHIN_S = 30.0
"""An answer that takes longer is none: a holder that cannot make sure of its lock changes nothing."""
_SIGN_EVERY_S = 30.0
_LOOKED_AT_EVERY = 30
"""Of so many tries to get the lock, the first looks whether its holder is stuck."""


class LockLostError(TransientError):
    """The connection that held the lock is gone: stop before the next mutation and resume from the journal."""


@dataclass
class _Life:
    """When the session of a lock was last used only to be seen (monotonic seconds). ``lock``: one thread at a time uses it."""

    shown_at: float = field(default_factory=time.monotonic)
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True, slots=True)
class MutationLock:
    """Proof that this process may change lists. ``fence`` grows with every holder and is stored in the journal."""

    fence: int
    _database: Database
    _connection: Connection
    _session: str
    """Our name of the session: another one there means that a pooler gave us somebody else's."""
    _life: _Life

    def check(self) -> None:
        """Make sure, right before a mutating request, that the lock is still ours.

        Raises:
            LockLostError: it is not.
        """
        try:
            with self._life.lock, answered_within(self._connection, _CHECKED_WITHIN_S):
                held = fetch_scalar(
                    self._connection,
                    """
                    select exists (select 1 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
                                   and granted and ((classid::bigint << 32) | objid::bigint) = :key)
                           and current_setting('list_pipeline.session', true) = :session
                    """,
                    key=lock_numbers.MUTATION,
                    session=self._session,
                )
        except (DBAPIError, PendingRollbackError) as error:
            # The second kind is what every look after the first one gets on a connection that died.
            raise _lost() from error
        if not held:
            raise _lost()

    def give_sign_of_life(self) -> None:
        """Let the session of the lock be seen at work, at most twice a minute; what became of the lock, ``check`` finds out."""
        if time.monotonic() - self._life.shown_at < _SIGN_EVERY_S:
            return
        self._life.shown_at = time.monotonic()
        with (
            suppress(DBAPIError, PendingRollbackError),
            self._life.lock,
            answered_within(self._connection, _CHECKED_WITHIN_S),
        ):
            fetch_scalar(self._connection, "select 1")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction in which this holder writes down what it does, and whose end no later holder can overtake.

        What a holder read before it lost the lock is old: written all the same, it would overwrite what the next one did. The
        next one waits for transactions that began before it, and those that begin after it are refused.

        Raises:
            LockLostError: somebody holds the lock since. Nothing was written.
        """
        self.give_sign_of_life()
        with self._database.begin() as connection:
            hold(connection, LockName.FENCE, shared=True)
            if fetch_scalar(connection, "select last_value from mutation_fence") != self.fence:
                raise _lost()
            yield connection


_held: ContextVar[MutationLock | None] = ContextVar("held", default=None)


@contextmanager
def mutation_lock(database: Database, clock: Clock, holder: str, *, wait_s: float = 600.0) -> Iterator[MutationLock]:
    """Hold the lock while lists are changed.

    Args:
        holder: who asks, in words that may be shown ("maintenance of 2026-11-20-r3-7").
        wait_s: how long to wait for another holder, in seconds.

    Raises:
        LockHeldError: somebody else still holds it after that time; the message says who and since when.
    """
    deadline = clock.now().timestamp() + wait_s
    with database.session() as connection:
        session = name_of_session(connection)
        # The name is visible to the next one who asks; PostgreSQL cuts it at 63 bytes.
        execute(connection, "select set_config('application_name', :name, false)", name=f"list_pipeline: {holder}"[:63])
        tries = itertools.count()
        while not fetch_scalar(connection, "select pg_try_advisory_lock(:key)", key=lock_numbers.MUTATION):
            if next(tries) % _LOOKED_AT_EVERY == 0 and any(
                one.was_ended for one in end_stuck(database, LockName.MUTATION)
            ):
                continue
            if clock.now().timestamp() >= deadline:
                raise LockHeldError(
                    f"Waiting {wait_s:.0f} s to change the lists for {holder}",
                    f"the lock is held by {_holder_of(connection)}",
                    "Wait until that run ends, or stop it",
                )
            clock.sleep(1.0)
        fence = int(fetch_scalar(connection, "select nextval('mutation_fence')"))
        # Whoever held it before may still be writing.
        try:
            hold(connection, LockName.FENCE)
        except LockWaitError:
            if not end_stuck(database, LockName.FENCE):
                raise
            hold(connection, LockName.FENCE)
        lock = MutationLock(fence, database, connection, session, _Life())
        before = _held.get()
        _held.set(lock)
        try:
            yield lock
        finally:
            _held.set(before)


def give_sign_of_life() -> None:
    """Whoever holds the lock here works: called with each request to Mailjet. Without a lock it does nothing."""
    if (lock := _held.get()) is not None:
        lock.give_sign_of_life()


def is_held(connection: Connection) -> bool:
    """Whether somebody changes lists right now."""
    return bool(
        fetch_scalar(
            connection,
            """
            select exists (select 1 from pg_locks l where l.locktype = 'advisory' and l.granted
                           and ((l.classid::bigint << 32) | l.objid::bigint) = :key
                           and l.database = (select oid from pg_database where datname = current_database()))
            """,
            key=lock_numbers.MUTATION,
        )
    )


def _holder_of(connection: Connection) -> str:
    found = holders(connection, LockName.MUTATION)
    return found[0].words if found else "nobody any more"


def _lost() -> LockLostError:
    return LockLostError(
        "Checking the lock before changing a list", "the connection that held it is gone", "Run the maintenance again"
    )
