"""How a new audience is divided over the campaign lists: contiguous ranges of its queue, so that the lists come out even.

Belongs here: the division in counts, the day of each range's first mail, and who of the queue goes where. Does not belong here:
who is in the queue (``storage.membership.audience``), and which lists may be joined (``operations.audience``).

Whoever waits longest goes to the earliest list. The lists are filled up from the smallest on, which leaves the smallest
deviation that so many newcomers can reach without a move. Where a list may not be joined, the others would grow past it: only
as many join as make the lists as even as they can be, and the youngest wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from list_pipeline.core.audience.policy import AUDIENCE
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.balance import Sizes, best_deviation, checked_sizes, deviation
from list_pipeline.core.rebalancing.minimal_moves import fill_lowest
from list_pipeline.core.wording import count_text, date_text, instant_text

ENROL_RULE = "new_audience"
"""The rule of each item of such a plan."""


@dataclass(frozen=True, slots=True)
class Range:
    """A contiguous part of the queue of a new audience, and the list that it joins. Places count from 1, both ends included.

    Raises:
        ValueError: it is empty, or begins before the queue does.
    """

    number: int
    role: ListRole
    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last:
            raise ValueError(f"{self.first}-{self.last} is no range of a queue")

    @property
    def contacts(self) -> int:
        """How many contacts it has."""
        return self.last - self.first + 1

    @property
    def places(self) -> str:
        """It as people write it: ``401-800``."""
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Division:
    """A new audience divided over the lists. Sizes are mailable members of list 1, 2 and 3, before and after.

    ``waiting``: the youngest, for whom there is no place now.
    """

    sizes: Sizes
    target_sizes: Sizes
    ranges: tuple[Range, ...]
    waiting: int

    @property
    def contacts(self) -> int:
        """How many join a list."""
        return sum(one.contacts for one in self.ranges)


def divide(sizes: Sizes, newcomers: int, joinable: Collection[ListRole] = CAMPAIGN_LISTS) -> Division:
    """Divide newcomers over the lists that they may join.

    Args:
        sizes: mailable members of list 1, 2 and 3. newcomers: how many are to be divided, the oldest first.
        joinable: the lists that may be joined now.

    Returns:
        The division with the smallest deviation that any number of them, up to all, can reach, or as even as whole contacts
        allow; of these the one with most contacts.

    Raises:
        ValueError: a count is negative.
    """
    if newcomers < 0:
        raise ValueError(f"the number of newcomers must not be negative: {newcomers}")
    open_lists = tuple(index for index, role in enumerate(CAMPAIGN_LISTS) if role in joinable)
    before = deviation(checked_sizes(sizes))
    if len(open_lists) == len(CAMPAIGN_LISTS):
        filled = _filled(sizes, newcomers, open_lists)
    else:
        steps = [_filled(sizes, n, open_lists) for n in range(_bound(sizes, newcomers, open_lists, before) + 1)]
        # Three empty lists are even: whoever joins one alone makes them less so, but for the first.
        least = min(deviation(one) or Fraction(0) for one in steps)
        filled = next(one for one in reversed(steps) if _is_as_even(one, least))
    return Division(sizes, filled, tuple(_ranges(sizes, filled)), newcomers - (sum(filled) - sum(sizes)))


def ranges_of(counts: Mapping[ListRole, int]) -> tuple[Range, ...]:
    """The ranges of a queue of which so many contacts go to each list: of what a person left of a plan."""
    found, place = list[Range](), 1
    for role in CAMPAIGN_LISTS:
        if count := counts.get(role, 0):
            found.append(Range(len(found) + 1, role, place, place + count - 1))
            place += count
    return tuple(found)


def items_of(division: Division, queue: Sequence[int]) -> tuple[PlanItem, ...]:
    """The enrolments of a division, by contact id.

    Args:
        queue: the contacts of the audience, the oldest first; as many as are divided, or more.

    Raises:
        ValueError: the queue is shorter than the division.
    """
    if len(queue) < division.contacts:
        raise ValueError(f"{len(queue)} contacts are queued, {division.contacts} are divided")
    items = (
        PlanItem(
            contact_id,
            ItemAction.ENROL,
            rule=ENROL_RULE,
            to_role=one.role,
            reason="enrolment",
            explanation=f"Joins {one.role.label} with the places {one.places} of the new audience.",
        )
        for one in division.ranges
        for contact_id in queue[one.first - 1 : one.last]
    )
    return tuple(sorted(items, key=lambda item: item.contact_id))


def _bound(sizes: Sizes, newcomers: int, open_lists: Sequence[int], before: Fraction | None) -> int:
    """No larger number leaves the lists as even: the smallest of those that nobody joins would be too far below the mean."""
    if not open_lists:
        return 0
    left = min(size for index, size in enumerate(sizes) if index not in open_lists)
    if before is not None and before >= 1:
        return newcomers
    most = 3 * left + 2 if before is None else max(3 * left + 2, int(3 * left / (1 - before)))
    return max(0, min(newcomers, most - sum(sizes)))


def _is_as_even(sizes: Sizes, least: Fraction) -> bool:
    share, best = deviation(sizes), best_deviation(sum(sizes))
    return share is None or best is None or share <= max(best, least)


def _filled(sizes: Sizes, count: int, open_lists: Sequence[int]) -> Sizes:
    if not open_lists:
        return sizes
    found = list(sizes)
    for index, size in zip(open_lists, fill_lowest([sizes[index] for index in open_lists], count), strict=True):
        found[index] = size
    first, second, third = found
    return first, second, third


def _ranges(before: Sizes, after: Sizes) -> Iterator[Range]:
    yield from ranges_of(
        dict(zip(CAMPAIGN_LISTS, (now - was for was, now in zip(before, after, strict=True)), strict=True))
    )


@dataclass(frozen=True, slots=True)
class ScheduledRound:
    """The next campaign to a list that is scheduled at Mailjet (UTC)."""

    campaign_id: int
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FirstMail:
    """When a range gets its first mail: the day (UTC), and the campaign where one is scheduled. Without one the day is a
    proposal."""

    on: date
    campaign: ScheduledRound | None = None

    @property
    def words(self) -> str:
        """It for people, as the end of a sentence."""
        if self.campaign is not None:
            return f"first mail {instant_text(self.campaign.at)}, as scheduled at Mailjet ({self.campaign.key})"
        return f"first mail proposed for {date_text(self.on)}: no campaign is scheduled for this list"


def pause_in_days(usual: timedelta | None) -> int:
    """The days that are proposed between two rounds: the account's usual pause, at least one day.

    Args:
        usual: the usual pause; None: none is known.
    """
    return AUDIENCE.pause_days if usual is None else max(1, round(usual / timedelta(days=1)))


def first_mails(
    scheduled: Mapping[ListRole, ScheduledRound],
    start: date,
    pause_days: int,
    sent: Collection[ListRole] = (),
    last_sent_on: date | None = None,
) -> Mapping[ListRole, FirstMail]:
    """The first mail to each list that is still to be sent: what is scheduled, else a day.

    A proposed day is a pause after the round before it, and never before ``start``.

    Args:
        scheduled: the next campaign to each list that has one. start: the first day (UTC) that may be proposed.
        sent: the lists that the open cycle was sent to. last_sent_on: the day (UTC) of its last round; None: no cycle is open.
    """
    found, before = dict[ListRole, FirstMail](), last_sent_on
    for role in CAMPAIGN_LISTS:
        if role in sent:
            continue
        if role in scheduled:
            found[role] = FirstMail(scheduled[role].at.date(), scheduled[role])
        else:
            after = before + timedelta(days=pause_days) if before is not None else start
            found[role] = FirstMail(max(start, after))
        before = found[role].on
    return found


@dataclass(frozen=True, slots=True)
class Batch:
    """A range with its first mail: a row of the plan. ``enrolled``: how many of it are on its list by the plan; None: it was
    not carried out yet."""

    range: Range
    first_mail: FirstMail
    enrolled: int | None = None

    @property
    def words(self) -> str:
        """It for people, as a sentence without a full stop."""
        done = "" if self.enrolled is None else f" ({self.enrolled:,} enrolled)"
        joins = "joins" if self.range.contacts == 1 else "join"
        return (
            f"{self.range.places} ({count_text(self.range.contacts, 'contact')}) {joins} {self.range.role.label}{done}, "
            f"{self.first_mail.words}"
        )
