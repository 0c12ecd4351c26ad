"""The figures of the check-list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class PreflightPolicy:
    """Our own figures, but for the oldest PostgreSQL, which the product's specification names."""

    oldest_postgres: int = 15
    machine_clock_off: timedelta = timedelta(seconds=5)
    """A machine whose clock differs more from the database server's is named; nothing is decided by it."""
    server_clock_off: timedelta = timedelta(seconds=60)
    """The database server's clock decides what is due: further from Mailjet's than this it would take campaigns up wrongly."""
    work_silent: timedelta = timedelta(hours=2)
    """The hourly sync gives a sign of life; without one for so long the services do not run."""


PREFLIGHT = PreflightPolicy()
