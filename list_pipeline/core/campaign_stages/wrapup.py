"""The wrap-up of a send: its figures half an hour after the launch, held against earlier sends at the same age.

Belongs here: which sends are compared, what the difference of two rates shows, and when bounces run away. Does not belong here:
the words (``wrapup_message``), and the bounce trend over campaigns (``core.health.figures``).

The difference of two rates has an interval of its own (Newcombe 1998, method 10: square and add of the two Wilson intervals).
Rejected: to call two rates different where their own intervals do not overlap, which misses differences that are shown. Opens,
clicks and complaints grow for days, so a send is held only against figures of the same age; delivery and bounces are known
within minutes, and may be held against those of the day after or later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.campaign_stages.policy import STAGES
from list_pipeline.core.wording import Rate, exceeds_percent


class Figure(StrEnum):
    """The rates of a send, in the order in which they are shown."""

    DELIVERY = "delivery"
    BOUNCE = "bounce"
    HARD_BOUNCE = "hard_bounce"
    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIPTION = "unsubscription"
    COMPLAINT = "complaint"

    @property
    def is_settled_at_once(self) -> bool:
        """Whether half an hour shows as much as a day does."""
        return self in (Figure.DELIVERY, Figure.BOUNCE, Figure.HARD_BOUNCE)

    @property
    def label(self) -> str:
        """For people."""
        return _LABELS[self]


_LABELS = {
    Figure.DELIVERY: "Delivered",
    Figure.BOUNCE: "Bounced",
    Figure.HARD_BOUNCE: "Hard Bounces",
    Figure.OPEN: "Opened",
    Figure.CLICK: "Clicked",
    Figure.UNSUBSCRIPTION: "Unsubscribed",
    Figure.COMPLAINT: "Complained",
}


class Other(StrEnum):
    """Which earlier send it is held against."""

    ROUND_BEFORE = "round_before"
    """The latest earlier round of the same cycle: the same content, another list."""
    SAME_LIST = "same_list"
    """The last send to the same list, in an earlier cycle."""

    @property
    def label(self) -> str:
        """For people."""
        return _OTHERS[self]


_OTHERS = {
    Other.ROUND_BEFORE: "the round before of this cycle",
    Other.SAME_LIST: "the last send to the same list",
}


class Direction(StrEnum):
    """What the difference of two rates shows with 95 %."""

    HIGHER = "higher"
    LOWER = "lower"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class SendCounts:
    """Messages of a send as Mailjet counted them at an instant (UTC).

    Attributes:
        processed: all of them; the base of every rate but those of what is still queued.
        is_early: counted at the wrap-up; False: a day after the send or later.
    """

    processed: int
    delivered: int
    hard_bounced: int
    soft_bounced: int
    blocked: int
    deferred: int
    queued: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int
    collected_at: datetime
    is_early: bool

    @property
    def attempted(self) -> int:
        """Messages that Mailjet has tried to deliver by then."""
        return max(self.processed - self.queued, 0)

    def rate(self, figure: Figure) -> Rate:
        """A rate of the messages that were tried; never more than all of these, whatever the counters say."""
        count = {
            Figure.DELIVERY: self.delivered,
            Figure.BOUNCE: self.hard_bounced + self.soft_bounced,
            Figure.HARD_BOUNCE: self.hard_bounced,
            Figure.OPEN: self.opened,
            Figure.CLICK: self.clicked,
            Figure.UNSUBSCRIPTION: self.unsubscribed,
            Figure.COMPLAINT: self.complained,
        }[figure]
        return Rate(min(count, self.attempted), self.attempted)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier send: which one, its name, and its counts."""

    other: Other
    name: str
    counts: SendCounts


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference of a rate to that of an earlier send, in percentage points with the ends of its interval (95 %)."""

    figure: Figure
    points: float
    low: float
    high: float

    @property
    def direction(self) -> Direction:
        """What it shows: nothing where the interval holds zero."""
        if self.low > 0:
            return Direction.HIGHER
        return Direction.LOWER if self.high < 0 else Direction.CANNOT_TELL

    @property
    def text(self) -> str:
        """Its size without sign, for people: ``8.0 points (5.5 to 10.5)``. The direction says which way."""
        low, high = sorted((abs(self.low), abs(self.high)))
        return f"{abs(self.points):.1f} points ({low:.1f} to {high:.1f})"


@dataclass(frozen=True, slots=True)
class Compared:
    """A send beside an earlier one: a difference for each figure that can be compared."""

    earlier: Earlier
    deltas: Sequence[Delta]

    def of(self, figure: Figure) -> Delta | None:
        """The difference of one figure; None: it cannot be compared."""
        return next((one for one in self.deltas if one.figure is figure), None)


def difference(figure: Figure, now: Rate, before: Rate) -> Delta | None:
    """The difference of two rates; None where one of them is a rate of nothing."""
    ends = (now.percent, now.low, now.high, before.percent, before.low, before.high)
    if any(one is None for one in ends):
        return None
    p1, l1, u1, p2, l2, u2 = (float(one) for one in ends if one is not None)
    points = p1 - p2
    return Delta(
        figure,
        points,
        points - math.hypot(p1 - l1, u2 - p2),
        points + math.hypot(u1 - p1, p2 - l2),
    )


def compare(now: SendCounts, earlier: Earlier) -> Compared:
    """A send held against an earlier one, figure by figure."""
    is_same_age = now.is_early == earlier.counts.is_early
    found = (
        difference(figure, now.rate(figure), earlier.counts.rate(figure))
        for figure in Figure
        if is_same_age or figure.is_settled_at_once
    )
    return Compared(earlier, [one for one in found if one is not None])


def runs_away(counts: SendCounts) -> bool:
    """Whether so many messages bounce that the next round should not be sent before somebody looked."""
    bounced = counts.rate(Figure.BOUNCE)
    return bounced.of >= STAGES.runaway_from and exceeds_percent(bounced.count, bounced.of, STAGES.runaway_percent)
