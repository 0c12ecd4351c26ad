"""A circuit breaker: a service that keeps failing is left alone for a while instead of being asked again and again.

Belongs here: counting failures and deciding whether to try. Does not belong here: what counts as a failure (each client
says). Own code, because pybreaker and its kin read the system's clock, and ours is passed in: under the virtual clock
of a rehearsal they would stay open for real seconds.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import CircuitOpenError

FAILURES_TO_OPEN = 5
OPEN_FOR_S = 30.0


class CircuitBreaker:
    """Opens after ``failures_to_open`` failures in a row for ``open_for_s`` seconds, then lets one probe through.

    The probe decides: a success closes the circuit, a failure opens it for as long again. Safe to share between
    threads. Every ``enter`` that returned is followed by exactly one of ``succeeded``, ``failed`` and ``abandoned``.
    """

    def __init__(
        self, service: str, clock: Clock, *, failures_to_open: int = FAILURES_TO_OPEN, open_for_s: float = OPEN_FOR_S
    ) -> None:
        self._service = service
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._open_for = timedelta(seconds=open_for_s)
        self._failures = 0
        self._last_failure = ""
        self._open_until: datetime | None = None
        self._probing = False
        self._lock = threading.Lock()

    def enter(self, tried: str) -> None:
        """Ask for leave to try.

        Raises:
            CircuitOpenError: the circuit is open, or half open and another thread is probing.
        """
        with self._lock:
            if self._open_until is None:
                return
            left = (self._open_until - self._clock.now()).total_seconds()
            if left <= 0 and not self._probing:
                self._probing = True
                return
            failures, last = self._failures, self._last_failure
        wait = f"Try again in {max(left, 1.0):.0f} s, and look at the service's status page if it persists"
        raise CircuitOpenError(tried, f"not tried: {self._service} failed {failures} times in a row ({last})", wait)

    @property
    def is_closed(self) -> bool:
        """Whether requests go through as usual."""
        with self._lock:
            return self._open_until is None

    def succeeded(self) -> None:
        """The service answered."""
        with self._lock:
            self._failures = 0
            self._open_until = None
            self._probing = False

    def failed(self, reason: str) -> None:
        """The service failed. ``reason`` is shown to people: no address, no secret."""
        with self._lock:
            self._failures += 1
            self._last_failure = reason
            # Also after a probe: only a success sets the number back.
            if self._failures >= self._failures_to_open:
                self._open_until = self._clock.now() + self._open_for
            self._probing = False

    def abandoned(self) -> None:
        """Nothing was sent after all: the service was neither up nor down."""
        with self._lock:
            self._probing = False
