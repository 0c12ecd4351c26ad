"""When a run counts as dead, when it is tried again and how often: the limits of each kind of run, in one place.

Belongs here: those limits and what follows from them for one run. Does not belong here: whether its subject is due at all
(``campaigns.eligibility``, ``validation.rules``), and the death of a maintenance: ``operations.runs.attempts`` looks for it
in the ledger, because a bulk job that was just posted is a sign of life too, and ends the attempt, so that a maintenance
comes here as failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from list_pipeline.core.runs.status import RunStatus


class Outlook(Enum):
    """What happens next by itself to a run."""

    NEVER_BEGAN = auto()
    AT_WORK = auto()
    DIED = auto()
    """It says that it works, and gave no sign of life for too long."""
    PAUSES = auto()
    """It failed, and the next attempt is not due yet."""
    DUE_AGAIN = auto()
    GAVE_UP = auto()
    """It failed as often as it is tried: nothing more happens by itself."""
    ENDED = auto()
    """It ended, or waits for a person or a setting."""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run as the limits look at it. ``failed_at``: when its latest attempt failed, for one that did."""

    status: RunStatus
    attempt: int
    touched_at: datetime
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The limits of a kind of run.

    Attributes:
        stale_after: a run that says it works and gave no sign of life for this long is dead.
        first_pause: from a failed attempt to the next; ``growth``: how many times longer each further pause is.
        most_attempts: attempts that begin by themselves; None: as many as it takes.
        longest_wait: longest pause after an attempt that met an unavailable service; the first is ``first_pause``. Such
            attempts are never counted: a service is waited for as long as there is something to do.
    """

    stale_after: timedelta
    first_pause: timedelta = timedelta(0)
    growth: int = 1
    most_attempts: int | None = None
    longest_wait: timedelta = timedelta(hours=2)

    def is_stale(self, touched_at: datetime, now: datetime) -> bool:
        """Whether a run at work with this last sign of life is dead."""
        return now - touched_at >= self.stale_after

    def is_last(self, attempt: int) -> bool:
        """Whether no attempt follows by itself when this one fails."""
        return self.most_attempts is not None and attempt >= self.most_attempts

    def next_attempt_at(self, failed_at: datetime, attempt: int) -> datetime:
        """When the attempt after a failed one is due."""
        return failed_at + self.first_pause * int(self.growth ** (attempt - 1))

    def next_look_at(self, failed_at: datetime, waits: int) -> datetime:
        """When the attempt after one that met an unavailable service is due; ``waits``: how many such there were."""
        doublings = min(max(waits - 1, 0), 10)
        return failed_at + min(self.first_pause * (1 << doublings), self.longest_wait)

    def outlook(self, seen: RunSeen | None, now: datetime) -> Outlook:
        """What happens next by itself to a run; None: it never began."""
        if seen is None:
            return Outlook.NEVER_BEGAN
        if seen.status is RunStatus.RUNNING:
            if not self.is_stale(seen.touched_at, now):
                return Outlook.AT_WORK
            # More attempts than begin by themselves: a person began it, and looks after it.
            return Outlook.GAVE_UP if self.is_last(seen.attempt - 1) else Outlook.DIED
        if seen.status is not RunStatus.FAILED:
            return Outlook.ENDED
        if self.is_last(seen.attempt):
            return Outlook.GAVE_UP
        failed_at = seen.failed_at or seen.touched_at
        return Outlook.DUE_AGAIN if now >= self.next_attempt_at(failed_at, seen.attempt) else Outlook.PAUSES


MAINTENANCE_RUNS = RunLimits(stale_after=timedelta(hours=1), first_pause=timedelta(minutes=15), growth=2)
"""A maintenance. How many attempts there are is a setting (LIST_MAINTENANCE_MAX_ATTEMPTS)."""

WEEKLY_RUNS = RunLimits(stale_after=timedelta(hours=1), most_attempts=3)
"""A weekly check. Its sensor looks every 15 minutes, so there is no other pause."""

VALIDATION_RUNS = RunLimits(stale_after=timedelta(minutes=15), first_pause=timedelta(minutes=5))
"""The validation before a campaign: it takes seconds, and is tried until the send."""
