"""A limiter of requests for tests without a database."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from list_pipeline.core.clock import Clock

WINDOW = timedelta(seconds=60)
SLOWED_FOR = timedelta(minutes=5)

_SHORTEST_WAIT_S = 0.001


class InMemoryLimiter:
    """An exact sliding window: at most ``requests_per_minute`` requests in any 60 s, half of that after a 429.

    The rule is that of ``storage.limiter.SharedLimiter``, within one process.
    """

    def __init__(self, requests_per_minute: int, clock: Clock) -> None:
        if requests_per_minute < 1:
            raise ValueError("a limiter allows at least one request a minute")
        self._limit = requests_per_minute
        self._clock = clock
        self._granted: deque[datetime] = deque(maxlen=requests_per_minute)
        self._slowed_until: datetime | None = None
        self._lock = threading.Lock()

    def acquire(self) -> None:
        while (wait := self._try_acquire()) > 0:
            self._clock.sleep(wait)

    def _try_acquire(self) -> float:
        with self._lock:
            now = self._clock.now()
            slowed = self._slowed_until is not None and now < self._slowed_until
            limit = max(1, self._limit // 2) if slowed else self._limit
            # The window is half open: what was granted exactly 60 s ago no longer counts.
            blocking = self._granted[-limit] if len(self._granted) >= limit else None
            if blocking is not None and blocking + WINDOW > now:
                return max((blocking + WINDOW - now).total_seconds(), _SHORTEST_WAIT_S)
            self._granted.append(now)
            return 0.0

    def slow_down(self) -> None:
        with self._lock:
            self._slowed_until = self._clock.now() + SLOWED_FOR
