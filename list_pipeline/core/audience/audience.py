"""A new audience in figures, and a plan that divides one.

Belongs here: who of the master list is taken and why others are not, and the summary that is stored with the plan. Does not
belong here: counting them (``storage.membership.audience``), and the division itself (``division``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.lists import ListRole
from list_pipeline.core.rebalancing.balance import Sizes, deviation_percent
from list_pipeline.core.wording import count_text, instant_text, percent_text


class NotTaken(StrEnum):
    """Why a contact of the master list that is on no campaign list is no part of the new audience: the first that is true."""

    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    EXCLUDED = "excluded"
    UNREADABLE = "unreadable"
    WAS_LISTED = "was_listed"
    PLANNED = "planned"

    @property
    def words(self) -> str:
        """The reason for people, as what is said of the contact."""
        return _WORDS[self]


_WORDS: Mapping[NotTaken, str] = {
    NotTaken.SUPPRESSED: "suppressed now, or at an address that was suppressed before",
    NotTaken.UNSUBSCRIBED: "unsubscribed",
    NotTaken.COMPLAINED: "complained about spam",
    NotTaken.EXCLUDED: "excluded from campaigns",
    NotTaken.UNREADABLE: "what Mailjet shows of it cannot be read (`list-pipeline unreadable`)",
    NotTaken.WAS_LISTED: "was on a campaign list before, and taken off it by somebody",
    NotTaken.PLANNED: "in a plan already that waits or is about to be carried out",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """The contacts of the master list that are on no campaign list.

    Attributes:
        contacts: the new audience: those who may join a list.
        oldest_at, newest_at: since when (UTC) the first and the last of them are known; None: there is none.
        left: how many are not taken, by why.
    """

    contacts: int
    oldest_at: datetime | None
    newest_at: datetime | None
    left: Mapping[NotTaken, int] = field(default_factory=dict)

    @property
    def lines(self) -> Iterator[str]:
        """It for people, a sentence without a full stop a line."""
        if self.contacts and self.oldest_at is not None and self.newest_at is not None:
            since = f", known since {instant_text(self.oldest_at)}"
            if self.newest_at != self.oldest_at:
                since += f" to {instant_text(self.newest_at)}"
            yield f"The new audience has {count_text(self.contacts, 'contact')}{since}"
        else:
            yield "There is no new audience: nobody in the master list may join a campaign list for the first time"
        for why, count in self.left.items():
            yield f"{count_text(count, 'contact')} not taken: {why.words}"


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """A plan that divides a new audience, in figures; its ranges stand in rows of their own.

    Attributes:
        audience: contacts of the new audience when it was planned. asked: how many were asked for, the oldest of them.
        sizes, target_sizes: mailable members of list 1, 2 and 3 before and after it.
        waiting: those asked for who have no place now; ``restriction``: why, empty where nobody waits.
        pause_days: the days between rounds that were proposed; ``is_usual_pause``: they are the account's own.
        left: contacts that are not taken, by why.
    """

    audience: int
    asked: int
    sizes: Sizes
    target_sizes: Sizes
    waiting: int
    restriction: str
    pause_days: int
    is_usual_pause: bool
    left: Mapping[NotTaken, int] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The title of the plan."""
        return "New audience divided over the lists"

    @property
    def effect(self) -> str:
        """What it does to the sizes of the lists, as a sentence without a full stop."""
        return f"The lists go from {_sizes(self.sizes)} to {_sizes(self.target_sizes)}"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be known of it besides its ranges, sentences without a full stop."""
        found = [self.effect] if self.sizes != self.target_sizes else []
        if self.waiting:
            found.append(f"{count_text(self.waiting, 'contact')} of the audience cannot join now: {self.restriction}")
        if not self.is_usual_pause:
            found.append(f"No usual pause between rounds is known yet; {self.pause_days} days are proposed")
        return tuple(found)


_UNTIL_DECIDED = "until a person has decided on what others changed there (`list-pipeline mass-changes`)"
"""Whoever imports many contacts at once changes the master list at large."""


def restriction_words(sent: frozenset[ListRole], kept_still: frozenset[ListRole], frozen: frozenset[ListRole]) -> str:
    """Why some lists cannot be joined now, as the end of a sentence; empty where all can.

    Args:
        sent: lists that the open cycle was sent to. kept_still: lists that a send goes to, or soon. frozen: lists, the master
            list included, that others changed at large.
    """
    found = []
    if ListRole.MASTER in frozen:
        found.append(f"the master list is frozen {_UNTIL_DECIDED}")
    if on_hold := [role.label for role in ListRole if role in frozen and role is not ListRole.MASTER]:
        found.append(f"{', '.join(on_hold)} is frozen {_UNTIL_DECIDED}")
    if still := [role.label for role in ListRole if role in kept_still]:
        found.append(f"{', '.join(still)} is being sent or sent soon, or it is not known yet who was mailed")
    if gone := [role.label for role in ListRole if role in sent]:
        found.append(f"the open cycle was sent to {', '.join(gone)} already, and a list that grows alone is less even")
    return "; ".join(found)


def _sizes(sizes: Sizes) -> str:
    spread = percent_text(deviation_percent(sizes), unknown="empty")
    return f"{' / '.join(f'{size:,}' for size in sizes)} (deviation {spread})"
