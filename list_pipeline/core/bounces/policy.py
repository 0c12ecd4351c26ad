"""The figures by which a reading of failures is waited for. What a failure is stands in ``classes``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class BouncePolicy:
    """Our own figures: how late Mailjet's bounce log may be is documented nowhere."""

    late_log_fewest: int = 3
    """So many hard bounces that only one source shows ..."""
    late_log_percent: int = 25
    """... and at least this share of all hard bounces, percent: the other source is late. Fewer contradict it."""
    late_log_until: timedelta = timedelta(days=9)
    """In a campaign that was sent longer ago nothing comes any more: both sources are what they are."""
    log_read_again: timedelta = timedelta(hours=1)
    """A late log is read again after this time."""
    log_waited_for: timedelta = timedelta(hours=24)
    """How long it is waited for; after that an attempt that finds it late fails like any other."""

    words_sampled: int = 60
    """Most undisputed hard bounces of a campaign of which the receiver's words are read, spread over mail operators: where an
    operator refuses us and Mailjet takes it for unknown users, they show it."""

    def is_late(self, one_sided: int, hard: int) -> bool:
        """Whether so many of the hard bounces that only one source shows mean that the other is late."""
        return one_sided >= self.late_log_fewest and 100 * one_sided >= self.late_log_percent * hard

    def still_waits(self, late_since: datetime | None, ended_at: datetime | None) -> bool:
        """Whether an attempt that failed at ``ended_at`` only waits for the log, which is late since ``late_since``."""
        return late_since is not None and ended_at is not None and ended_at < late_since + self.log_waited_for


BOUNCES = BouncePolicy()
