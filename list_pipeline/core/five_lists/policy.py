"""The figures by which the five lists are judged before a person confirms them. What follows stands in ``plausibility``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FiveListsPolicy:
    """All our own. They are wide, since a person looks as well: a list in the wrong place is off by far more."""

    recent: timedelta = timedelta(days=90)
    """Sends of this time are recent: what the first start loads."""
    single_contacts: int = 10
    """So many contacts where they should not be are single cases, or half-done work, and no sign of a wrong list."""
    master_holds_percent: int = 95
    """Members of each other list that the master list holds, at least."""
    rounds_overlap_percent: int = 2
    """Members that two campaign lists share, of the smaller one, at most."""
    rounds_comparable_percent: int = 50
    """Mailable members of the smallest campaign list, of the largest one, at least."""
    suppressed_explained_percent: int = 50
    """Members of the suppression list that are excluded or unsubscribed, complained or bounced, at least."""
    suppressed_reached_percent: int = 5
    """Members of the suppression list that may be mailed and whom a recent send reached, at most."""
    suppressed_listed_percent: int = 5
    """Members of the suppression list that stand on a campaign list too, at most."""


FIVE_LISTS = FiveListsPolicy()
