"""The latest look at the services that the product uses, kept for half a minute: a look costs a request to Mailjet, and nobody
who asks often makes it cost more.

Does not belong here: the look itself (``dependencies``).
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from list_pipeline.operations.monitoring.dependencies import SystemHealth, check_all
from list_pipeline.operations.services import Services
from list_pipeline.storage.server_clock import ServerClock

KEPT = timedelta(seconds=30)
TIMEOUT_S = 5.0
"""Seconds that each service gets."""


class LatestLook:
    """Looks when asked, and not more often than each ``KEPT``.

    Args:
        services: those of nobody else: their clock guesses from the first look on.
    """

    def __init__(self, services: Services) -> None:
        self._services, self._lock = services, threading.Lock()
        if isinstance(services.clock, ServerClock):
            # Whether the database answers is what is asked; without its time the machine's is good enough to keep an answer.
            services.clock.may_guess = True
        self._last: tuple[datetime, SystemHealth] | None = None

    def latest(self) -> SystemHealth:
        """How the services are, as of half a minute ago at the most."""
        with self._lock:
            now = self._services.clock.now()
            if self._last is None or not timedelta(0) <= now - self._last[0] < KEPT:
                self._last = now, check_all(self._services, timeout_s=TIMEOUT_S)
            return self._last[1]
