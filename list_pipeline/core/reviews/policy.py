"""The figures of questions to people. What follows from them stands in ``deadlines``; how long a plan waits is a setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Our own figures."""

    remind_at_percent: int = 50
    """People are reminded of a plan when so many percent of the time are over in which it can be decided."""
    remind_before_send: timedelta = timedelta(hours=12)
    """They are reminded so long before a send that the plan is about can no longer be prepared by it."""
    incident_expires_after: timedelta = timedelta(days=60)
    """A question about an incident ends so late where its contacts are not mailed again: their next mailing answers it."""
    incident_answered_after: timedelta = timedelta(days=7)
    """It is answered by mailings of a send at least so long after the incident's. The same as ``second_hit_days``: provider
    incidents last hours."""


REVIEWS = ReviewPolicy()
