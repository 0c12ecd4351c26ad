"""What the open cycle allows: a contact gets each cycle once, on whichever way it comes to a list.

Belongs here: how many mails of the open cycle a contact gets with the lists it is on, and whether a change keeps that. Does not
belong here: which send belongs to which cycle (``cycles``), and who was mailed (storage).

Not enough, and rejected: comparing whether two lists were sent. A person may have taken the contact off the one and may
have put it on the other meanwhile; only the recipients of the rounds say what it got.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole


@dataclass(frozen=True, slots=True)
class OpenCycle:
    """The cycle that is open now; without a number there is none, and nothing is restricted.

    ``sent``: the lists that were sent in it. ``unrecorded``: those of them of which it is not known yet who was mailed.
    ``began``: when each of these sends began (UTC).
    """

    number: int | None = None
    sent: frozenset[ListRole] = frozenset()
    unrecorded: frozenset[ListRole] = frozenset()
    began: Mapping[ListRole, datetime] = field(default_factory=dict, hash=False)

    def mails(self, lists: Collection[ListRole], *, received: bool) -> int:
        """The mails of this cycle that a contact has got and will get, if it stays on these lists.

        Args:
            lists: the lists it is on. received: whether it was a recipient of a round of this cycle.
        """
        due = sum(role in CAMPAIGN_LISTS and role not in self.sent for role in lists)
        return int(received) + due

    def allows(self, before: Collection[ListRole], after: Collection[ListRole], *, received: bool) -> bool:
        """Whether a contact may go from some lists to others: with exactly one mail of this cycle, or no worse off.

        No worse off is who gets nothing of it either way, and who gets fewer than the two or three mails it would get.
        """
        if self.number is None:
            return True
        was, will_be = self.mails(before, received=received), self.mails(after, received=received)
        return will_be == 1 or (will_be == 0 and was == 0) or 1 < will_be < was

    def gives_one_mail(self, lists: Collection[ListRole], *, received: bool) -> bool:
        """Whether a contact on these lists gets this cycle exactly once; true while no cycle is open."""
        return self.number is None or self.mails(lists, received=received) == 1
