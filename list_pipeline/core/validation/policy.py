"""The figures of the validation before a campaign. What follows from them stands in ``rules``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ValidationPolicy:
    """The hour, the ten contacts and the age are those of the product's specification; the others are our own."""

    hour: int = 6
    """Hour (UTC) of the day of the send at which its list is validated, unless that is too late."""
    latest_before_send: timedelta = timedelta(hours=3, minutes=15)
    """A validation is made at least this long before the send, so that people have time to act."""
    missed_after: timedelta = timedelta(hours=24)
    """A campaign that Mailjet did not begin to send this long after its time is not coming any more."""
    tolerance_contacts: int = 10
    """A size may differ from the expected one by so many contacts ..."""
    tolerance_percent: int = 1
    """... or by so many percent, whichever is more: ten contacts are nothing on a large list."""
    collision_window: timedelta = timedelta(hours=24)
    """Two sends to the same people this close together collide."""
    most_shown_lines: int = 20
    """Lines of a difference, and links, that a finding shows of each kind."""
    stale_after: timedelta = timedelta(hours=24)
    """What was last read from Mailjet longer ago than this is stale."""


VALIDATION = ValidationPolicy()
