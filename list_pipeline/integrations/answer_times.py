"""How often services are asked and how long they take to answer: counted where they are asked, and kept until written down.

Belongs here: counting. Does not belong here: the figures' names and limits (``core.monitoring.exported``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from list_pipeline.core.errors import TransientError
from list_pipeline.core.monitoring.exported import ANSWERS, REQUESTS, UNANSWERED, Increments


class Service(StrEnum):
    """A service outside whose answers are waited for."""

    MAILJET = "mailjet"
    SLACK = "slack"
    GEMINI = "gemini"


class AnswerTimes:
    """Requests and answer times of one process. Safe to share between threads."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """``timer``: seconds of the machine. Not the product's clock: in a rehearsal that one jumps, and nobody waits."""
        self._timer = timer
        self._lock = threading.Lock()
        self._told = Increments()

    @contextmanager
    def measured(self, service: Service) -> Iterator[None]:
        """Measure one request, from its sending to its answer. An error that may pass counts as unanswered."""
        started, is_answered = self._timer(), True
        try:
            yield
        except TransientError:
            is_answered = False
            raise
        finally:
            self.note(service, self._timer() - started, is_answered=is_answered)

    def note(self, service: Service, seconds: float, *, is_answered: bool) -> None:
        """Keep one answer, or that none came within so many seconds."""
        with self._lock:
            self._told.observe(ANSWERS, seconds, service.value)
            if not is_answered:
                self._told.count(UNANSWERED, service.value)

    def requested(self, name: str) -> None:
        """Count a request to Mailjet, by method and resource."""
        with self._lock:
            self._told.count(REQUESTS, name)

    def take(self) -> Increments:
        """What was counted since the last time this was asked."""
        with self._lock:
            taken, self._told = self._told, Increments()
        return taken
