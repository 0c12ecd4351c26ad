"""The shared request limiter: every process on this database draws from one allowance.

Counted by the database server's time, since the clocks of two machines differ; in a rehearsal by the rehearsal's. An exact
sliding window over rows of ``mailjet_request``, as wide as the service has taught us (``core.request_rate``); what it
taught is kept in ``limiter_state`` for every process and later runs. As long as the rate is the configured one, a request is
counted in one way to the server and back, by a function in SQL. That function knows no rule: it counts on what its
caller knows, and refuses where something else was learned. Rejected: a token bucket, which allows up to twice the number in an
unlucky minute, and a ready-made limiter library, none of which reads the product's clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import RateLimitedError
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.request_rate import (
    LONGEST_WAIT,
    WINDOW,
    LearnedRate,
    after_refusal,
    allowed_rate,
    is_recovered,
    pause_left,
)
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import Database, execute, fetch_one, fetch_row
from list_pipeline.storage.server_clock import present, rehearsed_time
from list_pipeline.storage.stuck_sessions import LockWaitError, end_stuck, hold, waiting_for

_KEPT_FOR = timedelta(days=2)
_UNEVEN = timedelta(seconds=1)
"""What is further ahead was counted by a clock that was wrong, or that went back since, and says nothing about the last minute.
In a rehearsal it is a window: its time is read before the lock is held, so others may have counted meanwhile."""

_HANGS_AFTER_S = 10
"""A transaction of the limiter takes milliseconds: PostgreSQL ends one that is idle for so long."""
_WAITED_FOR_S = 15
"""Longest wait for somebody else's count, after which it is looked who that is; the times of that are ``_WAITS``."""
_WAITS = 6
"""Longer than a holder may be silent, so that one that is stuck is ended while it is waited for."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known:
    """What was learned last, where the rate has been the configured one since an instant (UTC; None: always)."""

    learned: LearnedRate | None
    since: datetime | None


class SharedLimiter:
    """Allows at most ``requests_per_minute`` requests in any 60 s over all processes, and fewer where Mailjet refused some."""

    def __init__(self, database: Database, clock: Clock, requests_per_minute: int) -> None:
        self._database = database
        self._clock = clock
        self._limit = requests_per_minute
        self._lock = threading.Lock()
        self._waited_s = 0.0
        # Until a process finds out otherwise: counting finds it out.
        self._known: _Known | None = _Known(None, None)

    @property
    def waited_s(self) -> float:
        """Seconds that callers of this object waited so far, all threads added up."""
        with self._lock:
            return self._waited_s

    def acquire(self) -> datetime:
        """Wait until a request is allowed, count it, and return when it was counted (UTC, for ``slow_down``).

        Raises:
            RateLimitedError: Mailjet asked for a longer pause than is waited for. It is not asked meanwhile.
        """
        while isinstance(wait := self._try_acquire(), timedelta):
            if wait > LONGEST_WAIT:
                seconds = wait.total_seconds()
                raise RateLimitedError(
                    "Asking Mailjet", f"it wants to be left alone for {seconds:.0f} s", "Run it again then", seconds
                )
            self._clock.sleep(wait.total_seconds())
            with self._lock:
                self._waited_s += wait.total_seconds()
        return wait

    def take_if_free(self) -> datetime | None:
        """Count a request if one is allowed now, without waiting, and return when; None: none is allowed."""
        counted = self._try_acquire()
        return None if isinstance(counted, timedelta) else counted

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction beside which nobody else counts, with little time: whoever hangs in it holds up every process."""
        with self._database.begin() as connection:
            execute(
                connection,
                """
                select set_config('lock_timeout', :waited_for, true), set_config('statement_timeout', :longest, true),
                       set_config('idle_in_transaction_session_timeout', :hangs_after, true)
                """,
                waited_for=f"{_WAITED_FOR_S}s",
                longest=f"{2 * _WAITED_FOR_S}s",
                hangs_after=f"{_HANGS_AFTER_S}s",
            )
            # A statement of its own: those after it have to see what others wrote before they let go of the lock.
            hold(connection, LockName.LIMITER)
            yield connection

    def _counted(self, count: Callable[[], T]) -> T:
        """Count, and end a session that is stuck with the lock meanwhile.

        Raises:
            LockWaitError: somebody held the lock all the time, and could not be ended.
        """
        for _ in range(_WAITS - 1):
            try:
                return count()
            except LockWaitError as error:
                log.warning("requests wait for the lock of the limiter", held_by=error.happened)
                end_stuck(self._database, LockName.LIMITER)
        return count()

    def _try_acquire(self) -> datetime | timedelta:
        """When a request was counted, or where none is allowed now, the time until one may be."""
        return self._counted(self._count)

    def _count(self) -> datetime | timedelta:
        """Count on what is known of the rate; find it out where that holds no more, or where it is not the configured one."""
        if (known := self._known) is not None:
            with self._database.single() as connection:
                answer = self._counted_on(connection, known.learned, self._limit, known.since)
            if answer is not None:
                return answer
        with self._alone() as connection:
            now = present(connection, self._clock)
            learned = learned_rate(connection)
            self._known = _Known(learned, now) if is_recovered(self._limit, learned, now) else None
            if left := pause_left(learned, now):
                return left
            answer = self._counted_on(connection, learned, allowed_rate(self._limit, learned, now), None)
        assert answer is not None  # Nobody else learns meanwhile.
        return answer

    def _counted_on(
        self, connection: Connection, learned: LearnedRate | None, most: int, since: datetime | None
    ) -> datetime | timedelta | None:
        """When a request was counted, the time until one may be, or None where something else was learned, or the clock is back
        before ``since``."""
        rehearsed = rehearsed_time(self._clock)
        with waiting_for(connection, LockName.LIMITER):
            answer = fetch_row(
                connection,
                "whether a request is allowed now",
                """
                select is_known, counted_at, blocking, coalesce(:at, clock_timestamp()) as now
                from count_request(:lock, :waited_for, :at, :width, :ahead, :most, :allowance, :refused, :paused, :since)
                """,
                lock=lock_numbers.LIMITER,
                waited_for=f"{_WAITED_FOR_S}s",
                at=rehearsed,
                width=WINDOW,
                ahead=_UNEVEN if rehearsed is None else WINDOW,
                most=most,
                allowance=learned and learned.allowance,
                refused=learned and learned.refused_at,
                paused=learned and learned.paused_until,
                since=since,
            )
        if not answer["is_known"]:
            return None
        counted_at: datetime | None = answer["counted_at"]
        if counted_at is not None:
            return counted_at.astimezone(UTC)
        # At least something: an instant that is over right now must not make it spin.
        left: timedelta = answer["blocking"] + WINDOW - answer["now"]
        return max(left, timedelta(milliseconds=1))

    def slow_down(self, asked_at: datetime, retry_after_s: float | None) -> None:
        """Learn from a 429 to a request that was counted at an instant (UTC): Mailjet publishes no number, so this is the only
        way it tells us."""
        pause = None if retry_after_s is None else timedelta(seconds=min(retry_after_s, _KEPT_FOR.total_seconds()))
        self._counted(lambda: self._learn(asked_at, pause))

    def _learn(self, asked_at: datetime, pause: timedelta | None) -> None:
        with self._alone() as connection:
            now = present(connection, self._clock)
            learned = after_refusal(self._limit, learned_rate(connection), asked_at=asked_at, now=now, pause=pause)
            execute(
                connection,
                """
                insert into limiter_state (only_row, allowance, refused_at, paused_until)
                values (true, :allowance, :refused, :paused)
                on conflict (only_row) do update set allowance = excluded.allowance, refused_at = excluded.refused_at,
                    paused_until = excluded.paused_until
                """,
                allowance=learned.allowance,
                refused=learned.refused_at,
                paused=learned.paused_until,
            )


def learned_rate(connection: Connection) -> LearnedRate | None:
    """What Mailjet's refusals taught so far, or None when there was none."""
    row = fetch_one(connection, "select allowance, refused_at, paused_until from limiter_state")
    return None if row is None else LearnedRate(row["allowance"], row["refused_at"], row["paused_until"])


def forget_old_requests(database: Database, now: datetime) -> int:
    """Delete the record of requests that are older than two days, or in the future, and return how many those were."""
    with database.begin() as connection:
        return execute(
            connection,
            "delete from mailjet_request where allowed_at < :limit or allowed_at > :ahead",
            limit=now - _KEPT_FOR,
            ahead=now + WINDOW,
        )
