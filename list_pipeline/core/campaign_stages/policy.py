"""The figures of the stages and of the calendar. What follows from them stands in ``times`` and ``calendar``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """The figures are those of the product's specification, but for the last two, which are our own. The hour of the preflight
    is that of the validation (``core.validation.policy``)."""

    prelaunch_hour: int = 15
    """Hour (UTC) of the day before the launch at which people are told of it."""
    warning_before: timedelta = timedelta(minutes=15)
    """The last warning comes so long before the launch."""
    wrapup_after: timedelta = timedelta(minutes=30)
    """The wrap-up is due so long after Mailjet began to send."""
    runaway_percent: float = 10.0
    """Bounces run away when more than so many percent of what was tried bounced ..."""
    runaway_from: int = 50
    """... once so many messages were tried."""
    wrapup_useful: timedelta = timedelta(hours=23, minutes=30)
    """A wrap-up is made until so long after it was due: then the maintenance tells the figures of the day."""
    looked_back: timedelta = timedelta(hours=24)
    """A launch longer ago concerns nobody any more: what was not told of it by then is neither told nor noted."""


STAGES = StagePolicy()


@dataclass(frozen=True, slots=True)
class CalendarPolicy:
    """When the calendar calls something late. The hour of a maintenance is that of the product's specification."""

    message_late_after: timedelta = timedelta(minutes=5)
    """A stage that is a message is late so long after it was due; it is told within a minute."""
    work_late_after: timedelta = timedelta(hours=1)
    """A validation, a wrap-up or a maintenance is late so long after it was due."""
    days_back: int = 7
    """The calendar begins so many days ago, unless a day is named ..."""
    days_shown: int = 35
    """... and shows so many days, unless another number is asked for."""
    most_days: int = 92
    """So many days are shown at once at most."""
    late_looked_back: timedelta = timedelta(days=35)
    """What has been late for longer is not called late any more, unless its days are shown."""
    fed_back: timedelta = timedelta(days=31)
    """The feed for calendar clients reaches back so far ..."""
    fed_ahead: timedelta = timedelta(days=92)
    """... and so far ahead."""


CALENDAR = CalendarPolicy()
"""The figures of the calendar."""
