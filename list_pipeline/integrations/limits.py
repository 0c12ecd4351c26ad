"""What a client of Mailjet asks a limiter for. The limiter, which processes share, is ``storage.limiter.SharedLimiter``."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class RequestLimiter(Protocol):
    """Grants requests one by one. Safe to share between threads."""

    def acquire(self) -> datetime:
        """Wait through the clock until one request is allowed, count it, and return when (UTC, by the limiter's own time).

        Raises:
            RateLimitedError: the service wants to be left alone for longer than is waited for.
        """
        ...

    def slow_down(self, asked_at: datetime, retry_after_s: float | None) -> None:
        """The service answered 429 to a request that ``acquire`` counted at ``asked_at``: allow fewer (``core.request_rate``),
        and none for ``retry_after_s`` seconds where it named them."""
        ...
