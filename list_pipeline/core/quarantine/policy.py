"""The figures of quarantine. What follows from them stands in ``judgement`` and ``gate``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuarantinePolicy:
    """Our own figures, but for the first, which is that of the suppression rules."""

    days: int = 7
    """Days after a send whose mailings say something new about its failures. The same as ``second_hit_days``: before, a failure
    may belong to the same incident, and after, the contact has to be mailed, because only that answers the question."""
    release_hours_before: int = 6
    """Hours before the first of these days at which contacts are mailed again: a list is left alone when its send is near."""
    least_hours: int = 24
    """A quarantine that would be shorter is not begun: it costs two bulk jobs and protects from nothing."""
    cap_percent: float = 10.0
    """Most contacts in quarantine, in percent of the campaign's recipients, all its looks together, that need no person:
    whoever is kept from mail buys nothing for a week."""
    most_days: int = 60
    """The longest quarantine that a person may ask for, in days."""


QUARANTINE = QuarantinePolicy()
