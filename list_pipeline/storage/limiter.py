"""The shared request limiter: every process on this database draws from one allowance.

An exact sliding window over rows of ``mailjet_request``. Rejected: a token bucket, which allows up to twice the number
in an unlucky minute, and a ready-made limiter library, none of which reads the product's clock.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from list_pipeline.core.clock import Clock
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import Database, execute, fetch_row

WINDOW = timedelta(seconds=60)
SLOWED_FOR = timedelta(minutes=5)
_KEPT_FOR = timedelta(days=2)


class SharedLimiter:
    """Allows at most ``requests_per_minute`` requests in any 60 s over all processes, half of that after a 429."""

    def __init__(self, database: Database, clock: Clock, requests_per_minute: int) -> None:
        self._database = database
        self._clock = clock
        self._limit = requests_per_minute
        self._lock = threading.Lock()
        self._waited_s = 0.0

    @property
    def waited_s(self) -> float:
        """Seconds that callers of this object waited so far, all threads added up."""
        with self._lock:
            return self._waited_s

    def acquire(self) -> None:
        """Wait until a request is allowed, and count it."""
        while (wait := self._try_acquire()) > 0:
            self._clock.sleep(wait)
            with self._lock:
                self._waited_s += wait

    def take_if_free(self) -> bool:
        """Count a request if one is allowed now, without waiting, and say whether it was."""
        return self._try_acquire() <= 0

    def _try_acquire(self) -> float:
        now = self._clock.now()
        with self._database.begin() as connection:
            # A statement of its own: the one after it has to see what others wrote before they let go of the lock.
            execute(connection, "select pg_advisory_xact_lock(:key)", key=lock_numbers.LIMITER)
            answer = fetch_row(
                connection,
                "whether a request is allowed now",
                """
                with allowance as (
                    select case when exists (select 1 from limiter_state where slowed_until > :now)
                           then :halved else :limit end as most),
                recent as (select allowed_at from mailjet_request where allowed_at > :start),
                used as (select count(*) as many from recent),
                allowed as (insert into mailjet_request (allowed_at)
                            select :now from allowance, used where used.many < allowance.most returning 1)
                select exists (select 1 from allowed) as is_allowed,
                       (select allowed_at from recent order by allowed_at desc
                        offset (select most - 1 from allowance) limit 1) as blocking
                """,
                now=now,
                start=now - WINDOW,
                limit=self._limit,
                halved=max(1, self._limit // 2),
            )
        if answer["is_allowed"]:
            return 0.0
        blocking: datetime = answer["blocking"]
        return max((blocking + WINDOW - now).total_seconds(), 0.001)

    def slow_down(self) -> None:
        """Halve the allowance for five minutes: Mailjet publishes no number, so a 429 is the only way it tells us."""
        until = self._clock.now() + SLOWED_FOR
        with self._database.begin() as connection:
            execute(
                connection,
                """
                insert into limiter_state (only_row, slowed_until) values (true, :until)
                on conflict (only_row) do update set slowed_until = greatest(limiter_state.slowed_until, excluded.slowed_until)
                """,
                until=until,
            )


def forget_old_requests(database: Database, now: datetime) -> int:
    """Delete the record of requests that are older than two days and return how many those were."""
    with database.begin() as connection:
        return execute(connection, "delete from mailjet_request where allowed_at < :limit", limit=now - _KEPT_FOR)
