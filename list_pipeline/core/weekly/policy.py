"""The figures of the weekly check's timing; those by which lists are judged are of ``HealthPolicy`` and ``ListStatePolicy``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class WeeklyPolicy:
    """Our own figures; the day and the hour are settings."""

    catch_up_weeks: int = 4
    """Weeks back within which a check that did not run is still made."""
    late_after: timedelta = timedelta(hours=1)
    """A check that did not run this long after it was due counts as missed."""


WEEKLY = WeeklyPolicy()
