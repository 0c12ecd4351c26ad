"""The figures of backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """Our own figures."""

    stale_after: timedelta = timedelta(hours=26)
    """A daily backup, and two hours for one that is late: with an older one going live waits, and a monitor tells."""
    verified_within: timedelta = timedelta(days=31)
    """A backup that was never restored anywhere is a hope: one of these days should have been tried."""


BACKUPS = BackupPolicy()
