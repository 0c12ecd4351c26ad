"""A limiter of requests for tests without a database."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from list_pipeline.core.clock import Clock
from list_pipeline.core.request_rate import WINDOW, LearnedRate, after_refusal, allowed_rate, pause_left

_SHORTEST_WAIT_S = 0.001


class InMemoryLimiter:
    """An exact sliding window: at most ``requests_per_minute`` requests in any 60 s, fewer after a 429.

    The rule is that of ``storage.limiter.SharedLimiter``, within one process.
    """

    def __init__(self, requests_per_minute: int, clock: Clock) -> None:
        if requests_per_minute < 1:
            raise ValueError("a limiter allows at least one request a minute")
        self._limit = requests_per_minute
        self._clock = clock
        self._granted: deque[datetime] = deque(maxlen=requests_per_minute)
        self._learned: LearnedRate | None = None
        self._lock = threading.Lock()

    def acquire(self) -> datetime:
        while (wait := self._try_acquire()) > 0:
            self._clock.sleep(wait)
        return self._clock.now()

    def _try_acquire(self) -> float:
        with self._lock:
            now = self._clock.now()
            if left := pause_left(self._learned, now):
                return left.total_seconds()
            limit = allowed_rate(self._limit, self._learned, now)
            # The window is half open: what was granted exactly 60 s ago no longer counts.
            blocking = self._granted[-limit] if len(self._granted) >= limit else None
            if blocking is not None and blocking + WINDOW > now:
                return max((blocking + WINDOW - now).total_seconds(), _SHORTEST_WAIT_S)
            self._granted.append(now)
            return 0.0

    def slow_down(self, asked_at: datetime, retry_after_s: float | None) -> None:
        with self._lock:
            pause = None if retry_after_s is None else timedelta(seconds=min(retry_after_s, 86_400))
            now = self._clock.now()
            self._learned = after_refusal(self._limit, self._learned, asked_at=asked_at, now=now, pause=pause)
