"""The figures of launch changes; documented in docs/policy.md. What follows from them stands in ``rules`` and ``effects``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class LaunchPolicy:
    """All of these figures are our own."""

    shortest_lead: timedelta = timedelta(minutes=30)
    """An instant that is asked for lies at least so far ahead: a reviewer has to look, and the list to be validated."""
    latest_before: timedelta = timedelta(minutes=5)
    """It is decided and carried out until so long before the instant; then it expires."""
    longest_ahead: timedelta = timedelta(days=366)
    """An instant further ahead is a slip of the pen."""
    decided_within: timedelta = timedelta(hours=24)
    """What is asked for expires after this time at the latest."""
    send_within: timedelta = timedelta(hours=2)
    """A send that is asked for is meant soon: it expires after this time."""
    attempts: int = 3
    """So often a schedule is set, moved or cancelled when reading back shows no effect. A send is posted once."""
    effect_within: timedelta = timedelta(seconds=60)
    """So long the effect of a send is looked for at Mailjet before it counts as failed."""
    looked_every: timedelta = timedelta(seconds=10)
    """Pause between two looks for it."""
    begins_within: timedelta = timedelta(minutes=10)
    """A draft that was sent at once is programmed for at most so long after it was posted; for later, it is somebody else's
    schedule."""
    near: timedelta = timedelta(hours=24)
    """Other campaigns to the same list this close to the instant are shown as collisions: as the validation does."""
    around: timedelta = timedelta(hours=2)
    """What the calendar has this close to the instant is shown: sends, freezes and maintenances."""


LAUNCHES = LaunchPolicy()
