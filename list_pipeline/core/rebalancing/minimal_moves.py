"""The smallest number of moves that makes three lists even: exact search over counts, nothing else.

Belongs here: sizes, newcomers and groups of lists in, counts per pair of lists out, with the proof of minimality.
Does not belong here: when to rebalance, why lists may not exchange contacts, who the contacts are (``flows``,
``queue_order``).

Lists are numbered 0, 1, 2. A *group* is a set of lists between which contacts may move; a list in no group is left
alone: it neither gives nor takes. Newcomers may go to the lists of every group that is *joinable*.

Why the counts are minimal. Fix the number of newcomers, hence the total and the band lo..hi. In a group let S be the
surplus over hi, D the deficit under lo and e the newcomers it gets. One move lowers S by at most one and D by at most
one; one newcomer lowers D by at most one and S not at all: at least max(S, D - e) moves are needed. Newcomers into
the smallest list, then contacts from the largest into the smallest list, lower the larger of the two by one at each
step until both are zero, which is possible whenever the group's total fits the band: so many moves are enough. The
search below tries every number of newcomers that can matter.

Ties, in this order: the smallest list takes first and the largest gives first; of equal ones the earlier list takes
first and the later one gives first; where two groups could use the last newcomers equally well, the group with the
earliest list gets them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from list_pipeline.core.rebalancing.balance import Sizes

Group = tuple[int, ...]
FREE: tuple[Group, ...] = ((0, 1, 2),)
"""No restriction: contacts may move between all three lists."""
EVERY_LIST = frozenset({0, 1, 2})
"""No restriction: newcomers may join all three lists."""


@dataclass(frozen=True, slots=True)
class GroupBound:
    """The lower bound on the moves inside one group: ``max(surplus, deficit - newcomers)``; no surplus is below 0."""

    lists: Group
    surplus: int
    deficit: int
    newcomers: int

    @property
    def least_moves(self) -> int:
        """No plan with these newcomers needs fewer moves in this group."""
        return max(self.surplus, self.deficit - self.newcomers)


@dataclass(frozen=True, slots=True)
class Solution:
    """Counts that reach the smallest deviation, with the fewest moves, then the fewest newcomers.

    ``flows`` has only pairs with at least one contact. ``lo`` and ``hi`` are the band that was aimed at.
    """

    sizes: Sizes
    enrolments: Sizes
    flows: dict[tuple[int, int], int]
    lo: int
    hi: int
    bounds: tuple[GroupBound, ...]

    @property
    def moves(self) -> int:
        """Contacts that change lists; newcomers are no moves."""
        return sum(self.flows.values())


def solve(
    sizes: Sizes,
    newcomers: range,
    groups: Sequence[Group],
    tolerance: Fraction,
    joinable: frozenset[int] = EVERY_LIST,
) -> Solution:
    """The best counts over every number of newcomers in an ascending, non-empty range.

    First the smallest deviation, where everything within the tolerance (a share) is equally good; then the fewest
    moves; then the fewest newcomers. The time is proportional to the numbers of newcomers that are tried, which is at
    most three times the largest list: filling every list up to the largest one needs no move at all.

    Args:
        joinable: the lists that newcomers may join: all lists of a group, or none of it. Where no group has such lists, the
            first number of newcomers has to be zero.

    Raises:
        ValueError: no newcomers to choose a number from, no contact at all, or a group that is joinable in part.
    """
    if not newcomers:
        raise ValueError("the range of newcomers is empty")
    if any(0 < len(joinable & set(group)) < len(group) for group in groups):
        raise ValueError("a group of lists is joinable as a whole or not at all")
    first, last = newcomers[0], min(newcomers[-1], max(newcomers[0], 3 * max(sizes) - sum(sizes)))
    if not _joinable_groups(groups, joinable):
        last = first
    if not sum(sizes) + first:
        raise ValueError("three empty lists and no newcomers cannot be evened out")
    # Further away than any deviation, so that the first number replaces it.
    best_moves, best_count, best_gap, best_total = 0, first, 1, 0
    for count in range(first, last + 1):
        total = sum(sizes) + count
        gap = _aimed_gap(sizes, count, groups, tolerance, joinable)
        within = gap * tolerance.denominator <= tolerance.numerator * total
        # Within the tolerance all are alike: the gap counts as that of the tolerance itself.
        shown_gap, shown_total = (tolerance.numerator, tolerance.denominator) if within else (gap, total)
        closer = shown_gap * best_total - best_gap * shown_total
        if closer > 0:
            continue
        moves = _moves(sizes, count, groups, *_limits(total, gap), joinable)
        if closer < 0 or moves < best_moves:
            best_moves, best_count, best_gap, best_total = moves, count, shown_gap, shown_total
        if within and moves == 0:
            break
    return _build(sizes, best_count, groups, _aimed_gap(sizes, best_count, groups, tolerance, joinable), joinable)


def _joinable_groups(groups: Sequence[Group], joinable: frozenset[int]) -> list[Group]:
    return [group for group in groups if joinable.issuperset(group)]


def smallest_gap(sizes: Sizes, newcomers: int, groups: Sequence[Group], joinable: frozenset[int] = EVERY_LIST) -> int:
    """The smallest ``max |3 * size - total|`` that so many newcomers and any allowed moves can reach.

    Divided by the total (newcomers included) this is the deviation as a share of the mean. ``joinable`` as in ``solve``.
    """
    total = sum(sizes) + newcomers
    open_lists = [index for group in groups for index in group]
    gap = max((abs(3 * sizes[index] - total) for index in range(3) if index not in open_lists), default=0)
    joined: list[tuple[int, int]] = []
    for group in groups:
        count, contacts = len(group), sum(sizes[index] for index in group)
        # A group that gets nobody must still fit under hi, and one that can get nobody must reach lo by itself.
        gap = max(gap, 3 * -(-contacts // count) - total)
        if joinable.issuperset(group):
            joined.append((count, contacts))
        else:
            gap = max(gap, total - 3 * (contacts // count))
    if joined:
        # All groups that newcomers may join must together take everybody and reach lo.
        lists, contacts = sum(count for count, _ in joined), sum(contacts for _, contacts in joined)
        gap = max(gap, 3 * -(-(contacts + newcomers) // lists) - total, total - 3 * _highest_lo(joined, newcomers))
    return gap


def _highest_lo(held: Sequence[tuple[int, int]], newcomers: int) -> int:
    """The highest level up to which every group can be filled: ``sum(max(0, lists * lo - contacts)) <= newcomers``.

    Groups are filled in the order of their means. The level ends below the mean of the first group that is not
    reached, or is limited by the newcomers.
    """
    ordered = sorted(held, key=_mean_of)
    lists = contacts = level = 0
    for position, (count, in_group) in enumerate(ordered):
        lists, contacts = lists + count, contacts + in_group
        level = (contacts + newcomers) // lists
        following = ordered[position + 1] if position + 1 < len(ordered) else None
        if following is None or level * following[0] <= following[1]:
            break
    return level


def _mean_of(held: tuple[int, int]) -> int:
    """Six times the mean size in a group of ``(lists, contacts)``: whole for one, two and three lists."""
    return 6 * held[1] // held[0]


def _aimed_gap(
    sizes: Sizes, newcomers: int, groups: Sequence[Group], tolerance: Fraction, joinable: frozenset[int]
) -> int:
    """The gap to aim at: the tolerance where it can be reached, else the smallest one."""
    allowed = tolerance.numerator * (sum(sizes) + newcomers) // tolerance.denominator
    return max(allowed, smallest_gap(sizes, newcomers, groups, joinable))


def _limits(total: int, gap: int) -> tuple[int, int]:
    """The band lo..hi of sizes with ``|3 * size - total| <= gap``."""
    return max(0, -((gap - total) // 3)), (total + gap) // 3


def _needs(sizes: Sizes, group: Group, lo: int, hi: int) -> tuple[int, int, int]:
    """Surplus over hi, deficit under lo, and the fewest newcomers without which the group cannot reach lo."""
    surplus = sum(max(0, sizes[index] - hi) for index in group)
    deficit = sum(max(0, lo - sizes[index]) for index in group)
    return surplus, deficit, max(0, len(group) * lo - sum(sizes[index] for index in group))


def _moves(sizes: Sizes, newcomers: int, groups: Sequence[Group], lo: int, hi: int, joinable: frozenset[int]) -> int:
    """The fewest moves with exactly so many newcomers; lo..hi must be reachable with them."""
    spare, moves, useful = newcomers, 0, 0
    for group in groups:
        surplus, deficit, least = _needs(sizes, group, lo, hi)
        spare -= least
        moves += max(surplus, deficit - least)
        if joinable.issuperset(group):
            useful += max(0, deficit - least - surplus)
    return moves - min(spare, useful)


def _shares(sizes: Sizes, newcomers: int, groups: Sequence[Group], lo: int, hi: int) -> list[int]:
    """The newcomers of each joinable group: those it must have, then those that save moves, then the rest by level."""
    needs = [_needs(sizes, group, lo, hi) for group in groups]
    shares = [least for _, _, least in needs]
    spare = newcomers - sum(shares)
    for position, (surplus, deficit, least) in enumerate(needs):
        useful = min(spare, max(0, deficit - least - surplus))
        shares[position] += useful
        spare -= useful
    # The rest saves no move: it levels the groups, and what cannot be divided goes to the group with the lowest mean.
    held = [(len(group), sum(sizes[i] for i in group) + share) for group, share in zip(groups, shares, strict=True)]
    level = min(hi, _highest_lo(held, spare))
    for position, (count, contacts) in enumerate(held):
        more = max(0, count * level - contacts)
        shares[position] += more
        held[position] = (count, contacts + more)
        spare -= more
    for _ in range(spare):
        # Whatever is not full has the lowest mean, and somebody has room: everybody fits.
        lowest = min(range(len(held)), key=lambda p: (_mean_of(held[p]), p))
        shares[lowest] += 1
        held[lowest] = (held[lowest][0], held[lowest][1] + 1)
    return shares


def _build(sizes: Sizes, newcomers: int, groups: Sequence[Group], gap: int, joinable: frozenset[int]) -> Solution:
    lo, hi = _limits(sum(sizes) + newcomers, gap)
    final, enrolments = list(sizes), [0, 0, 0]
    flows: dict[tuple[int, int], int] = {}
    bounds = []
    joined = _joinable_groups(groups, joinable)
    shares = dict(zip(joined, _shares(sizes, newcomers, joined, lo, hi), strict=True))
    for group in groups:
        share = shares.get(group, 0)
        surplus, deficit, _ = _needs(sizes, group, lo, hi)
        bound = GroupBound(group, surplus, deficit, share)
        bounds.append(bound)
        before = [sizes[index] for index in group]
        filled = fill_lowest(before, share)
        drained = _drain_highest(filled, bound.least_moves)
        levelled = fill_lowest(filled, bound.least_moves)
        given = [was - now for was, now in zip(filled, drained, strict=True)]
        taken = [now - was for was, now in zip(filled, levelled, strict=True)]
        for position, index in enumerate(group):
            enrolments[index] = filled[position] - before[position]
            final[index] = filled[position] - given[position] + taken[position]
        flows.update(_pairs(group, given, taken))
    return Solution(_triple(final), _triple(enrolments), dict(sorted(flows.items())), lo, hi, tuple(bounds))


def _pairs(group: Group, given: Sequence[int], taken: Sequence[int]) -> dict[tuple[int, int], int]:
    """The pairs of giving and taking lists. Of at most three lists one side is a single list, so the counts leave no choice."""
    donors = [(index, count) for index, count in zip(group, given, strict=True) if count]
    receivers = [(index, count) for index, count in zip(group, taken, strict=True) if count]
    return {(donor, receiver): min(gives, takes) for donor, gives in donors for receiver, takes in receivers}


def fill_lowest(sizes: Sequence[int], count: int) -> list[int]:
    """Pour ``count`` contacts in, always into the smallest list, of equal ones into the earliest."""
    order = sorted(range(len(sizes)), key=lambda position: (sizes[position], position))
    width = len(order)
    # The surface must not be below the highest list it is said to reach; the lowest it always reaches.
    while sum(sizes[p] for p in order[:width]) + count < width * sizes[order[width - 1]]:
        width -= 1
    reached = sorted(order[:width])
    level, rest = divmod(sum(sizes[position] for position in reached) + count, width)
    result = list(sizes)
    for rank, position in enumerate(reached):
        result[position] = level + (rank < rest)
    return result


def _drain_highest(sizes: Sequence[int], count: int) -> list[int]:
    """Take ``count`` contacts out, always from the largest list, of equal ones from the latest."""
    mirrored = fill_lowest([-size for size in reversed(sizes)], count)
    return [-size for size in reversed(mirrored)]


def _triple(values: Sequence[int]) -> Sizes:
    first, second, third = values
    return first, second, third
