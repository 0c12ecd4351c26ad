"""Whether what runs on a schedule ran: the latest time at which it was due, against the last time it was done.

Belongs here: the rule. Does not belong here: what was done when (``storage.monitoring.metrics``) and who is told
(``operations.monitoring.alerts``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

GRACE = timedelta(hours=2)
"""After its time something scheduled has so long to end; catching up after an outage is included."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What should be done regularly: ``name`` in our words, ``job`` that does it.

    Attributes:
        weekday: 0 is Sunday, 1 Monday, as in a cron expression; None for every day.
    """

    name: str
    job: str
    hour: int
    minute: int
    weekday: int | None = None

    def last_due(self, now: datetime) -> datetime:
        """The latest instant (UTC) not after ``now`` at which it was due."""
        now = now.astimezone(UTC)
        at = datetime.combine(now.date(), time(self.hour, self.minute), tzinfo=UTC)
        if self.weekday is not None:
            at -= timedelta(days=(at.isoweekday() - self.weekday) % 7)
        if at > now:
            at -= timedelta(days=1 if self.weekday is None else 7)
        return at


@dataclass(frozen=True, slots=True)
class Freshness:
    """What was found about one. ``is_overdue``: it was due, the grace is over, and nothing was done since it was due."""

    expected: Expected
    due_at: datetime
    done_at: datetime | None
    is_overdue: bool

    @property
    def words(self) -> str:
        """The finding as a sentence, times in UTC."""
        done = f"last done on {self.done_at:%Y-%m-%d at %H:%M} UTC" if self.done_at else "never done yet"
        state = "is overdue" if self.is_overdue else "is fresh"
        return f"The {self.expected.name} {state}: due on {self.due_at:%Y-%m-%d at %H:%M} UTC, {done}."


def freshness(expected: Expected, done_at: datetime | None, first_started_at: datetime, now: datetime) -> Freshness:
    """Judge one.

    Args:
        done_at: when it was last done successfully (UTC), None for never.
        first_started_at: what was due before the product was there, is not overdue.
    """
    due_at = expected.last_due(now - GRACE)
    is_done = done_at is not None and done_at.astimezone(UTC) >= due_at
    done = done_at.astimezone(UTC) if done_at is not None else None
    return Freshness(expected, due_at, done, is_overdue=not is_done and first_started_at <= due_at)
