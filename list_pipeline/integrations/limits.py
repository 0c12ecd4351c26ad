"""What a client of Mailjet asks a limiter for. The limiter, which processes share, is ``storage.limiter.SharedLimiter``."""

from __future__ import annotations

from typing import Protocol


class RequestLimiter(Protocol):
    """Grants requests one by one. Safe to share between threads."""

    def acquire(self) -> None:
        """Wait through the clock until one request is allowed, and count it."""
        ...

    def slow_down(self) -> None:
        """The service answered 429: allow half as much for a while."""
        ...
