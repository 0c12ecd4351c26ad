"""The complaint rate of a campaign: spam reports about this campaign, and what they show.

Belongs here: the rate, its bounds, and how it stands against what mailbox providers accept. Does not belong here: who is
suppressed for a complaint (``core.suppression``).

Complaints are rare: of 333 recipients one is 0.3 %, and at a true 0.05 % every seventh such campaign has one. So an alert needs
the lower bound of the rate, and "below the target" the upper one; in between nothing is shown yet. Only what was reported about
this campaign counts: that Mailjet did not try because of an earlier report says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from list_pipeline.core.bounces.classes import BounceReason, FailureEvent
from list_pipeline.core.monitoring.clopper_pearson import lower_bound, upper_bound
from list_pipeline.core.wording import limit_text, percent_interval_text

COMPLAINT_TARGET_PERCENT = 0.1
"""Complaint rate to stay under (Google and Yahoo, 2024)."""
COMPLAINT_ALERT_PERCENT = 0.3
"""Complaint rate never to reach (Google and Yahoo, 2024)."""


class ComplaintStanding(StrEnum):
    """What a complaint rate shows. ``unclear``: the true one may lie on both sides of the target."""

    BELOW_TARGET = "below_target"
    UNCLEAR = "unclear"
    ABOVE_TARGET = "above_target"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class ComplaintRate:
    """Contacts who reported a campaign as spam, of its recipients. Both bounds are exact, each with 95 % behind it.

    Raises:
        ValueError: there were no recipients, or more complaints than these.
    """

    complaints: int
    recipients: int

    def __post_init__(self) -> None:
        if not 0 <= self.complaints <= self.recipients or not self.recipients:
            raise ValueError(f"{self.complaints} complaints of {self.recipients} recipients are impossible")

    @property
    def percent(self) -> float:
        """The rate as it was seen."""
        return 100 * self.complaints / self.recipients

    @property
    def low(self) -> float:
        """The lower bound, percent."""
        return 100 * _bounds(self.complaints, self.recipients)[0]

    @property
    def high(self) -> float:
        """The upper bound, percent."""
        return 100 * _bounds(self.complaints, self.recipients)[1]

    def standing(
        self, target_percent: float = COMPLAINT_TARGET_PERCENT, alert_percent: float = COMPLAINT_ALERT_PERCENT
    ) -> ComplaintStanding:
        """How the rate stands against the target and the limit of mailbox providers."""
        if self.low > alert_percent:
            return ComplaintStanding.ALERT
        if self.low > target_percent:
            return ComplaintStanding.ABOVE_TARGET
        return ComplaintStanding.BELOW_TARGET if self.high < target_percent else ComplaintStanding.UNCLEAR

    @property
    def text(self) -> str:
        """The rate with its bounds, e.g. ``0.30 % (0.02 to 1.41 %)``."""
        return percent_interval_text(self.percent, self.low, self.high)


@lru_cache(maxsize=256)
def _bounds(complaints: int, recipients: int) -> tuple[float, float]:
    return lower_bound(complaints, recipients), upper_bound(complaints, recipients)


def complaint_rate(complaints: int | None, recipients: int) -> ComplaintRate | None:
    """The rate; None where either is not known. A person is counted once, and never more people than recipients."""
    if complaints is None or recipients <= 0:
        return None
    return ComplaintRate(min(complaints, recipients), recipients)


def complaints_of(events: Iterable[FailureEvent]) -> int:
    """How many contacts reported this campaign itself."""
    return sum(event.reason is BounceReason.SPAM_COMPLAINT for event in events)


def standing_text(
    rate: ComplaintRate,
    target_percent: float = COMPLAINT_TARGET_PERCENT,
    alert_percent: float = COMPLAINT_ALERT_PERCENT,
) -> str:
    """How the rate stands, as the end of a sentence about it; empty where it is below the target."""
    return {
        ComplaintStanding.BELOW_TARGET: "",
        ComplaintStanding.UNCLEAR: f"cannot tell yet whether that is below the target of {limit_text(target_percent)}",
        ComplaintStanding.ABOVE_TARGET: f"above the target of {limit_text(target_percent)}",
        ComplaintStanding.ALERT: f"ALERT, mailbox providers expect less than {limit_text(alert_percent)}",
    }[rate.standing(target_percent, alert_percent)]
