"""The shared request limiter: every process on this database draws from one allowance.

An exact sliding window over rows of ``mailjet_request``. Rejected: a token bucket, which allows up to twice the number
in an unlucky minute, and a ready-made limiter library, none of which reads the product's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from list_pipeline.core.clock import Clock
from list_pipeline.storage.database import Database, execute, one, scalar

WINDOW = timedelta(seconds=60)
SLOWED_FOR = timedelta(minutes=5)
_KEPT_FOR = timedelta(days=2)
_LOCK_KEY = 0x6C70_0001  # advisory lock of the limiter; any constant of our own will do


class SharedLimiter:
    """Allows at most ``requests_per_minute`` requests in any 60 s over all processes, half of that after a 429."""

    def __init__(self, database: Database, clock: Clock, requests_per_minute: int) -> None:
        self._database = database
        self._clock = clock
        self._limit = requests_per_minute

    def acquire(self) -> None:
        """Wait until a request is allowed, and count it."""
        while (wait := self._try_acquire()) > 0:
            self._clock.sleep(wait)

    def _try_acquire(self) -> float:
        now = self._clock.now()
        with self._database.begin() as connection:
            execute(connection, "select pg_advisory_xact_lock(:key)", key=_LOCK_KEY)
            slowed_until = scalar(connection, "select slowed_until from limiter_state")
            limit = max(1, self._limit // 2) if slowed_until and slowed_until > now else self._limit
            window = one(
                connection,
                """
                select count(*) as used,
                       (select allowed_at from mailjet_request where allowed_at > :start
                        order by allowed_at desc offset :limit - 1 limit 1) as blocking
                from mailjet_request where allowed_at > :start
                """,
                start=now - WINDOW,
                limit=limit,
            )
            if window is not None and window["used"] >= limit:
                blocking: datetime = window["blocking"]
                return max((blocking + WINDOW - now).total_seconds(), 0.001)
            execute(connection, "insert into mailjet_request (allowed_at) values (:now)", now=now)
        return 0.0

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
