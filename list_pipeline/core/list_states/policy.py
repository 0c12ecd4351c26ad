"""The figures by which the state of a list is derived, and at which people are told. What follows stands in ``machines``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ListStatePolicy:
    """The percentages are those of the product's specification; the others are our own, for the reasons given."""

    bounces_warning_percent: int = 2
    """Bounces of a campaign in percent of its recipients: below, a list is healthy; from here on it is a warning."""
    bounces_cleanup_percent: int = 10
    """Above, the list needs a clean-up, and people are told."""
    severe_imbalance_percent: int = 15
    """Deviation from the mean above which people are told, beside the rebalancing."""
    alert_recipients: int = 200
    """Fewest recipients for an alert about bounces: three bounces of twenty people are no news. The clean-up is due all the
    same. The assessment of a list calls a rate uncertain below this number too."""
    told_within: timedelta = timedelta(days=1)
    """News of a list that is older is not told any more."""


LIST_STATES = ListStatePolicy()
