"""The figures of the stages. What follows from them stands in ``times``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """Hours and minutes are those of the product's specification, but for the last, which is our own. The hour of the preflight
    is that of the validation (``core.validation.policy``)."""

    prelaunch_hour: int = 15
    """Hour (UTC) of the day before the launch at which people are told of it."""
    warning_before: timedelta = timedelta(minutes=15)
    """The last warning comes so long before the launch."""
    wrapup_after: timedelta = timedelta(minutes=30)
    """The wrap-up is due so long after Mailjet began to send."""
    looked_back: timedelta = timedelta(hours=24)
    """A launch longer ago concerns nobody any more: what was not told of it by then is neither told nor noted."""


STAGES = StagePolicy()
