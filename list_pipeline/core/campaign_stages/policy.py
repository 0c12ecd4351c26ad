"""The figures of the stages. What follows from them stands in ``times``."""

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
