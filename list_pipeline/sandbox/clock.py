"""The sandbox's clock: what it needs from one, and the one that the served process uses.

Belongs here: reading and moving the time of the rehearsal. Does not belong here: what happens at a time.
Tests pass the product's own virtual clock: the protocol is structural.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """One clock for the sandbox and whoever talks to it."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a virtual clock moves forward instead."""
        ...


@runtime_checkable
class AdjustableClock(Protocol):
    """A clock that can be moved forward."""

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        ...


class OffsetClock:
    """The machine's clock plus an offset that can only grow. Safe to share between threads."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset
        self._lock = threading.Lock()

    @property
    def offset(self) -> timedelta:
        """The distance of this clock ahead of the machine's."""
        with self._lock:
            return self._offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    def advance(self, by: timedelta) -> None:
        """Move forward.

        Raises:
            ValueError: ``by`` is negative; what the sandbox already showed cannot unhappen.
        """
        if by < timedelta():
            raise ValueError("a clock does not go backwards")
        with self._lock:
            self._offset += by
