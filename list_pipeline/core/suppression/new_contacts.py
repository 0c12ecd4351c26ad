"""Contacts of a campaign that nothing was delivered to before: when so many of them bounced hard that an import is likely.

Belongs here: when people are told. Does not belong here: who is suppressed (``rules``). The bouncers of a dirty import are
suppressed like any other, since they were never delivered to, and are no incident; people learn where to look.
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.monitoring.clopper_pearson import lower_bound


@dataclass(frozen=True, slots=True)
class NewContactsPolicy:
    """Our own figures: people who sign up by themselves mistype 2 to 3 % of their addresses."""

    hard_percent: float = 5.0
    """New contacts of a campaign are named when surely more of them than this share bounced hard, percent ..."""
    least_hard: int = 5
    """... and at least so many."""


NEW_CONTACTS = NewContactsPolicy()


@dataclass(frozen=True, slots=True)
class NewContacts:
    """The recipients of a campaign that nothing is known to have been delivered to before, and those of them that bounced hard.

    Raises:
        ValueError: more of them bounced than there are.
    """

    attempted: int
    hard: int

    def __post_init__(self) -> None:
        if not 0 <= self.hard <= self.attempted:
            raise ValueError("between none and all of the new contacts bounce hard")

    def look_imported(self, policy: NewContactsPolicy = NEW_CONTACTS) -> bool:
        """Whether more of them bounced than of people who sign up by themselves: the lower bound of their share, with 95 %
        behind it, is above the policy's."""
        if self.hard < policy.least_hard:
            return False
        return 100 * lower_bound(self.hard, self.attempted) > policy.hard_percent
