"""The balance of the three campaign lists in exact arithmetic, and a rebalancing plan in figures as it is stored.

Belongs here: the deviation, the band of sizes that a tolerance allows, and what can be reached at all with whole
contacts. Does not belong here: who moves where (``flows``), and which contacts count (mailable members do;
the caller counts them).

Every comparison is made in integers or fractions. 13, 13 and 14 deviate by exactly 5 %, and floating point gets that
wrong; a float is made only to be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from list_pipeline.core.advice import AdvisedSummary
from list_pipeline.core.lists import ListRole
from list_pipeline.core.wording import Percent, exact_share

Sizes = tuple[int, int, int]
"""Mailable members of list 1, 2 and 3, in this order."""

Pair = tuple[ListRole, ListRole]
"""From one campaign list to another."""


class BalanceState(StrEnum):
    """The verdict on three sizes."""

    EMPTY = "empty"
    BALANCED = "balanced"
    AS_EVEN_AS_POSSIBLE = "as_even_as_possible"
    UNBALANCED = "unbalanced"


@dataclass(frozen=True, slots=True)
class Band:
    """The sizes, both ends included, that a list may have.

    ``is_fallback`` says that no split of the total is within the tolerance, so that the band is the even split itself
    (mean rounded down and up): nothing better exists and nobody should be alarmed by it.
    """

    lo: int
    hi: int
    is_fallback: bool

    def __contains__(self, size: int) -> bool:
        return self.lo <= size <= self.hi


@dataclass(frozen=True, slots=True)
class Balance:
    """The verdict on three sizes. ``deviation`` is a share of the mean, ``deviation_percent`` is for showing only."""

    sizes: Sizes
    deviation: Fraction | None
    state: BalanceState
    band: Band

    @property
    def deviation_percent(self) -> float | None:
        """The deviation in percent, rounded by nothing but the float itself; None when the lists are empty."""
        return None if self.deviation is None else float(self.deviation * 100)


def checked_sizes(sizes: Sizes) -> Sizes:
    """The sizes themselves.

    Raises:
        ValueError: one is negative.
    """
    if min(sizes) < 0:
        raise ValueError(f"sizes of zero or more are needed, not {sizes!r}")
    return sizes


def deviation(sizes: Sizes) -> Fraction | None:
    """The largest ``|size - mean| / mean`` over the three lists, as an exact share of the mean.

    None when all lists are empty: there is no mean to deviate from, and neither 0 nor NaN would be true.
    """
    total = sum(checked_sizes(sizes))
    return Fraction(max(abs(3 * size - total) for size in sizes), total) if total else None


def deviation_percent(sizes: Sizes) -> float | None:
    """The deviation in percent, to be shown and never to be compared; None when all lists are empty."""
    exact = deviation(sizes)
    return None if exact is None else float(exact * 100)


def is_balanced(sizes: Sizes, tolerance_percent: Percent) -> bool | None:
    """Whether the deviation is at most the tolerance; exactly on it is balanced. None when all lists are empty."""
    exact = deviation(sizes)
    return None if exact is None else exact <= exact_share(tolerance_percent)


def even_split(total: int) -> Sizes:
    """The total as evenly as whole contacts allow, earlier lists first to get one more."""
    quotient, rest = divmod(total, 3)
    return (quotient + (rest > 0), quotient + (rest > 1), quotient)


def best_deviation(total: int) -> Fraction | None:
    """The smallest deviation that any split of the total has: 0 for multiples of three, else 2 / total."""
    return deviation(even_split(total))


def is_reachable(total: int, tolerance_percent: Percent) -> bool:
    """Whether some split of the total is within the tolerance.

    For three lists this is so when the total is a multiple of three, or total times the tolerance (as a share) is at
    least 2: for 5 % from 40 contacts on, for 2 % from 100 on. An empty total has nothing to be out of tolerance.
    """
    best = best_deviation(total)
    return best is None or best <= exact_share(tolerance_percent)


def band(total: int, tolerance_percent: Percent) -> Band:
    """The sizes within the tolerance around a third of the total, or the even split where nothing is within it."""
    if total < 0:
        raise ValueError(f"a total must not be negative: {total}")
    if not is_reachable(total, tolerance_percent):
        split = even_split(total)
        return Band(min(split), max(split), is_fallback=True)
    slack = int(exact_share(tolerance_percent) * total)
    return Band(max(0, -((slack - total) // 3)), (total + slack) // 3, is_fallback=False)


def assess_balance(sizes: Sizes, tolerance_percent: Percent) -> Balance:
    """The verdict on three sizes under a tolerance in percent.

    ``AS_EVEN_AS_POSSIBLE`` is outside the tolerance, but no other split of the same total would be better.
    """
    exact = deviation(sizes)
    if exact is None:
        state = BalanceState.EMPTY
    elif exact <= exact_share(tolerance_percent):
        state = BalanceState.BALANCED
    elif max(sizes) - min(sizes) <= 1:
        state = BalanceState.AS_EVEN_AS_POSSIBLE
    else:
        state = BalanceState.UNBALANCED
    return Balance(sizes, exact, state, band(sum(sizes), tolerance_percent))


_ARROW = "->"


def flow_name(pair: Pair) -> str:
    """The name of a flow, e.g. ``campaign_1->campaign_2``."""
    return f"{pair[0].value}{_ARROW}{pair[1].value}"


def pair_of(name: str) -> Pair:
    """The two lists of a flow.

    Raises:
        ValueError: the text is no name of a flow.
    """
    giver, _, taker = name.partition(_ARROW)
    return ListRole(giver), ListRole(taker)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalancingSummary(AdvisedSummary):
    """A rebalancing plan in figures: no contact id is in it.

    Attributes:
        required: something is to be changed, now or later; ``triggered``: the deviation was above the trigger.
        sizes: mailable members of the three lists before the plan; ``target_sizes``: after it.
        moves: contacts by flow (``flow_name``); ``deferred_moves``: those that wait until a restriction is lifted.
        enrolments: newcomers by the list they join; ``deferred_enrolments`` likewise.
        deviation_before_percent: in percent of the mean; None when the lists are empty.
        certificate: why no fewer moves would do, in a sentence; ``lower_bound`` is their number.
        restriction: what keeps the plan from its goal; None when nothing does.
        reasons: sentences for people.
        suppressed: contacts by list that the suppressions of this run took off it.
        newcomers_available: contacts in master and in no campaign list that could be enrolled.
    """

    required: bool
    triggered: bool
    sizes: Sizes
    target_sizes: Sizes
    moves: Mapping[str, int]
    enrolments: Mapping[ListRole, int]
    deferred_moves: Mapping[str, int]
    deferred_enrolments: Mapping[ListRole, int]
    deviation_before_percent: float | None
    deviation_after_percent: float | None
    is_repaired: bool
    certificate: str
    lower_bound: int
    restriction: str | None
    reasons: tuple[str, ...]
    sent_in_open_cycle: tuple[ListRole, ...]
    frozen: tuple[ListRole, ...]
    suppressed: Mapping[ListRole, int] = field(default_factory=dict)
    newcomers_available: int = 0
    alternatives_considered: tuple[str, ...] = ()

    @property
    def move_count(self) -> int:
        """Contacts that change lists."""
        return sum(self.moves.values())

    @property
    def enrolment_count(self) -> int:
        """Newcomers who join a list."""
        return sum(self.enrolments.values())

    @property
    def deferred_move_count(self) -> int:
        """Moves that wait until a restriction is lifted."""
        return sum(self.deferred_moves.values())

    @property
    def deferred_count(self) -> int:
        """Moves and enrolments that wait until a restriction is lifted."""
        return self.deferred_move_count + sum(self.deferred_enrolments.values())
