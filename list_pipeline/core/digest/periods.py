"""When a digest is due, and the span that it tells of. Spans touch and never overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Period(StrEnum):
    """A digest of the 24 hours, or of the seven days, before the instant at which it is due."""

    DAY = "day"
    WEEK = "week"

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return timedelta(days=1 if self is Period.DAY else 7)


def last_due(period: Period, now: datetime, hour: int, weekday: int) -> datetime:
    """The latest instant at which a digest was due (UTC), up to now.

    Args:
        hour: hour in UTC, 0 to 23.
        weekday: day of a week's digest, 0 is Sunday and 1 Monday.
    """
    now = now.astimezone(UTC)
    due = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if due > now:
        due -= timedelta(days=1)
    if period is Period.WEEK:
        due -= timedelta(days=(due.isoweekday() - weekday) % 7)
    return due
