"""The time of the database server, by which every process of an installation goes.

Processes on two machines meet in the database: signs of life, times of the next try, deadlines, ages of campaigns. By the
clock of each machine one that is wrong would call runs dead, hold messages back for a year, or take a campaign up on the day
of its send. Rejected: comparing the clocks and refusing to work, since a machine whose clock is wrong by a little is common
and harms nobody this way.

Belongs here: asking the server for the time. Does not belong here: the clock of a rehearsal, which is the sandbox's
(``integrations.rehearsal_clock``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from list_pipeline.clock import SystemClock
from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.storage.database import Database, fetch_scalar

log = structlog.get_logger(__name__)

_ASKED_EVERY_S: Final = 30.0
_WORTH_A_WORD: Final = timedelta(seconds=5)
"""A difference between the machine's clock and the server's that the log names."""
_JITTER: Final = timedelta(seconds=1)
"""Going back by less is the inaccuracy of asking, and is not shown: spans of time are measured with this clock."""


def present(connection: Connection, clock: Clock) -> datetime:
    """The instant at which something is written that other processes compare with theirs (UTC): the database server's, exactly;
    in a rehearsal the rehearsal's."""
    return rehearsed_time(clock) or server_time(connection)


def rehearsed_time(clock: Clock) -> datetime | None:
    """The present instant of a rehearsal (UTC); None where the database server's counts."""
    return None if isinstance(clock, SystemClock) else clock.now()


def server_time(connection: Connection) -> datetime:
    """What the database server's clock shows (UTC)."""
    now: datetime = fetch_scalar(connection, "select clock_timestamp()")
    return now.astimezone(UTC)


class ServerClock(SystemClock):
    """The database server's time, asked for twice a minute and counted on from there. Safe to share between threads."""

    def __init__(self, database: Callable[[], Database]) -> None:
        """Args: ``database`` makes or returns the database; called when the time is asked for the first time."""
        self._database = database
        self._lock = threading.Lock()
        self._known: tuple[datetime, float] | None = None
        """An instant of the server, and what ``_elapsed_s`` was then."""
        self._asked_at = 0.0
        self._last: datetime | None = None
        self._is_told = False
        self.may_guess = False
        """Never ask, and show the machine's time where the server's is not known: to measure spans, and decide nothing."""

    def now(self) -> datetime:
        """The server's present instant.

        Raises:
            DatabaseUnavailableError: the server never said it; guessing the time would be worse.
            ConfigurationError: DATABASE_URL is missing or wrong.
        """
        with self._lock:
            if not self.may_guess and (self._known is None or _elapsed_s() - self._asked_at >= _ASKED_EVERY_S):
                self._ask()
            if self._known is None:
                return super().now()
            instant, then = self._known
            now = instant + timedelta(seconds=_elapsed_s() - then)
            if self._last is not None and timedelta(0) < self._last - now < _JITTER:
                return self._last
            self._last = now
            return now

    def _ask(self) -> None:
        self._asked_at = before = _elapsed_s()
        try:
            with self._database().begin() as connection:
                # The first statement waits for the connection: the second takes as long as the way to the server.
                server_time(connection)
                before = _elapsed_s()
                instant = server_time(connection)
        except ListPipelineError:
            if self._known is None:
                raise
            # What was known goes on; whoever needs the database will hear of it.
            return
        after = _elapsed_s()
        self._known = instant, (before + after) / 2
        off = super().now() - instant
        if abs(off) >= _WORTH_A_WORD and not self._is_told:
            self._is_told = True
            log.warning(
                "the clock of this machine is wrong; the database server's counts", ahead_s=round(off.total_seconds())
            )


def _elapsed_s() -> float:
    """Seconds since some instant; they also pass while the machine sleeps, where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
