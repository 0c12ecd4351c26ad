"""The search for the fewest moves against oracles that know nothing of the theorem behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.rebalancing.balance import Sizes
from list_pipeline.core.rebalancing.minimal_moves import EVERY_LIST, FREE, Group, Solution, smallest_gap, solve

Groups = tuple[Group, ...]
GROUPINGS: tuple[Groups, ...] = (
    FREE,
    *(((one,), tuple(i for i in range(3) if i != one)) for one in range(3)),
    *((tuple(i for i in range(3) if i != one),) for one in range(3)),
    *(tuple((i,) for i in range(3) if i != one) for one in range(3)),
    *(((one,),) for one in range(3)),
    ((0,), (1,), (2,)),
    (),
)
"""Every way in which an open cycle and frozen lists can part three lists, and all three each on its own."""

TOLERANCES = (Fraction(0), Fraction(1, 50), Fraction(1, 5), Fraction(1, 2))
Cost = tuple[Fraction, int, int]


def splits(total: int) -> Iterator[Sizes]:
    for first, second in product(range(total + 1), repeat=2):
        if first + second <= total:
            yield first, second, total - first - second


def fewest_moves(
    start: Sizes, newcomers: int, groups: Groups, joinable: frozenset[int] = EVERY_LIST
) -> dict[Sizes, int]:
    """Shortest paths over every state: one step enrols somebody (free) or moves somebody inside a group (costs 1)."""
    pairs = [(a, b) for group in groups for a in group for b in group if a != b]
    receivers = [index for group in groups for index in group if index in joinable]
    steps = [(None, receiver) for receiver in receivers] + list(pairs)
    distance = {start: 0}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        for donor, receiver in steps:
            if (sum(state) >= sum(start) + newcomers) if donor is None else (state[donor] == 0):
                continue
            reached = list(state)
            reached[receiver] += 1
            if donor is not None:
                reached[donor] -= 1
            cost = distance[state] + (donor is not None)
            following = (reached[0], reached[1], reached[2])
            if cost < distance.get(following, cost + 1):
                distance[following] = cost
                (queue.appendleft if donor is None else queue.append)(following)
    return distance


def cost_of(sizes: Sizes, moves: int, newcomers: int, tolerance: Fraction) -> Cost:
    total = sum(sizes)
    return max(Fraction(max(abs(3 * size - total) for size in sizes), total), tolerance), moves, newcomers


def assert_consistent(start: Sizes, solution: Solution, groups: Groups) -> None:
    """The counts add up, stay inside the groups, and no list both gives and gets."""
    sizes = [size + more for size, more in zip(start, solution.enrolments, strict=True)]
    for (donor, receiver), count in solution.flows.items():
        assert count > 0
        assert any(donor in group and receiver in group for group in groups)
        sizes[donor] -= count
        sizes[receiver] += count
    assert tuple(sizes) == solution.sizes
    assert min(solution.enrolments) >= 0
    givers = {donor for donor, _ in solution.flows}
    assert givers.isdisjoint(receiver for _, receiver in solution.flows)
    assert givers.isdisjoint(index for index in range(3) if solution.enrolments[index])
    open_lists = {index for group in groups for index in group}
    assert all(solution.sizes[index] == start[index] for index in range(3) if index not in open_lists)
    assert all(solution.lo <= solution.sizes[index] <= solution.hi for index in range(3))
    assert sum(bound.least_moves for bound in solution.bounds) == solution.moves


@pytest.mark.parametrize("groups", GROUPINGS, ids=str)
def test_every_small_case_is_as_even_as_possible_with_the_fewest_moves_then_the_fewest_newcomers(
    groups: Groups,
) -> None:
    for total in range(1, 7):
        for start in splits(total):
            reachable = fewest_moves(start, 3, groups)
            for available, tolerance in product(range(4), TOLERANCES):
                best = min(
                    cost_of(sizes, moves, sum(sizes) - total, tolerance)
                    for sizes, moves in reachable.items()
                    if sum(sizes) - total <= available
                )
                solution = solve(start, range(available + 1), groups, tolerance)
                found = cost_of(solution.sizes, solution.moves, sum(solution.enrolments), tolerance)
                assert found == best, (start, available, tolerance)
                assert_consistent(start, solution, groups)


@pytest.mark.parametrize("groups", [grouping for grouping in GROUPINGS if grouping], ids=str)
def test_every_small_case_with_a_fixed_number_of_newcomers_is_as_even_as_possible_with_the_fewest_moves(
    groups: Groups,
) -> None:
    for total in range(1, 6):
        for start in splits(total):
            reachable = fewest_moves(start, 4, groups)
            for count, tolerance in product((1, 4), TOLERANCES):
                best = min(
                    cost_of(sizes, moves, count, tolerance)
                    for sizes, moves in reachable.items()
                    if sum(sizes) - total == count
                )
                solution = solve(start, range(count, count + 1), groups, tolerance)
                assert cost_of(solution.sizes, solution.moves, sum(solution.enrolments), tolerance) == best
                assert_consistent(start, solution, groups)


PARTED = [(grouping, frozenset(joined)) for grouping in GROUPINGS if len(grouping) > 1 for joined in (*grouping, ())]
"""Groupings of an open cycle, of which newcomers may join the lists of one group only, or of none."""


@pytest.mark.parametrize(("groups", "joinable"), PARTED, ids=str)
def test_newcomers_join_only_the_lists_that_they_may_join_and_nothing_gets_worse_than_it_has_to(
    groups: Groups, joinable: frozenset[int]
) -> None:
    for total in range(1, 7):
        for start in splits(total):
            reachable = fewest_moves(start, 3, groups, joinable)
            for available, tolerance in product(range(4), TOLERANCES):
                best = min(
                    cost_of(sizes, moves, sum(sizes) - total, tolerance)
                    for sizes, moves in reachable.items()
                    if sum(sizes) - total <= available
                )
                solution = solve(start, range(available + 1), groups, tolerance, joinable)
                found = cost_of(solution.sizes, solution.moves, sum(solution.enrolments), tolerance)
                assert found == best, (start, available, tolerance)
                assert_consistent(start, solution, groups)
                assert all(not count or index in joinable for index, count in enumerate(solution.enrolments))


def test_a_group_of_lists_is_joinable_as_a_whole_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="joinable"):
        solve((3, 4, 5), range(2), FREE, Fraction(0), frozenset({0}))


def test_more_newcomers_than_can_matter_are_not_missed_by_the_bounded_search() -> None:
    for groups in GROUPINGS:
        for start in splits(4):
            reachable = fewest_moves(start, 12, groups)
            for tolerance in TOLERANCES[::2]:
                best = min(cost_of(s, moves, sum(s) - 4, tolerance) for s, moves in reachable.items())
                solution = solve(start, range(13), groups, tolerance)
                assert cost_of(solution.sizes, solution.moves, sum(solution.enrolments), tolerance) == best


@settings(max_examples=50, deadline=None)
@given(
    start=st.tuples(*[st.integers(0, 25)] * 3).filter(any),
    available=st.integers(0, 3),
    groups=st.sampled_from(GROUPINGS),
    tolerance=st.sampled_from([Fraction(1, 50), Fraction(1, 20), Fraction(1, 7)]),
)
def test_middle_sized_lists_agree_with_the_enumeration_of_all_final_sizes(
    start: tuple[int, int, int], available: int, groups: Groups, tolerance: Fraction
) -> None:
    def costs() -> Iterator[Cost]:
        # Newcomers never leave a list again, so that the moves are what the lists lose.
        closed = [i for i in range(3) if not any(i in group for group in groups)]
        for newcomers in range(available + 1):
            total = sum(start) + newcomers
            for first, second in product(range(total + 1), repeat=2):
                sizes = (first, second, total - first - second)
                if sizes[2] < 0 or any(sizes[i] != start[i] for i in closed):
                    continue
                if all(sum(sizes[i] - start[i] for i in group) >= 0 for group in groups):
                    moves = sum(max(0, start[i] - sizes[i]) for i in range(3))
                    yield cost_of(sizes, moves, newcomers, tolerance)

    solution = solve(start, range(available + 1), groups, tolerance)
    assert cost_of(solution.sizes, solution.moves, sum(solution.enrolments), tolerance) == min(costs())
    assert_consistent(start, solution, groups)


@given(
    start=st.tuples(*[st.integers(0, 4_000)] * 3).filter(any),
    available=st.integers(0, 200),
    groups=st.sampled_from(GROUPINGS),
)
def test_large_lists_keep_totals_and_groups(start: tuple[int, int, int], available: int, groups: Groups) -> None:
    solution = solve(start, range(available + 1), groups, Fraction(1, 50))
    assert_consistent(start, solution, groups)
    assert sum(solution.sizes) == sum(start) + sum(solution.enrolments)


def test_equal_lists_take_earlier_first_and_give_later_first() -> None:
    assert solve((9, 9, 12), range(1), FREE, Fraction(0)).flows == {(2, 0): 1, (2, 1): 1}
    assert solve((4, 4, 4), range(1, 2), FREE, Fraction(1)).enrolments == (1, 0, 0)
    assert solve((13, 13, 10), range(1), FREE, Fraction(1, 10)).flows == {(1, 2): 1}


def test_a_deviation_barely_above_the_tolerance_is_not_taken_to_spare_a_move() -> None:
    # With one newcomer 4, 4 and 4 need a move; with two, 5, 4 and 4 need none and deviate by 2/13, which is above 1/7.
    solution = solve((5, 4, 2), range(3), FREE, Fraction(1, 7))
    assert (solution.sizes, solution.moves) == ((4, 4, 4), 1)


def test_a_newcomer_who_spares_no_move_is_not_enrolled() -> None:
    solution = solve((6, 5, 9), range(2), FREE, Fraction(1, 10))
    assert (solution.enrolments, solution.moves) == ((0, 0, 0), 2)


def test_the_band_ends_at_nobody_and_an_even_split_has_no_gap() -> None:
    apart = solve((0, 0, 10), range(1), (), Fraction(0))
    assert (apart.lo, apart.hi) == (0, 10)
    assert smallest_gap((4, 4, 4), 0, FREE) == 0


def test_newcomers_who_save_no_move_level_the_lists_and_the_last_join_the_smallest() -> None:
    alone: Groups = ((0,), (1,), (2,))
    assert solve((5, 0, 9), range(8, 9), alone, Fraction(1)).enrolments == (2, 6, 0)
    assert solve((0, 0, 0), range(5, 6), alone, Fraction(1)).enrolments == (2, 2, 1)
    assert solve((4, 4, 4), range(2, 3), ((0, 1), (2,)), Fraction(1, 2)).enrolments == (1, 0, 1)
    # The surplus of the first two lists moves between them anyway, so that both newcomers join the third.
    assert solve((0, 3, 0), range(2, 3), ((0, 1), (2,)), Fraction(0)).enrolments == (0, 0, 2)


def test_nothing_to_choose_from_is_an_error_and_not_an_empty_answer() -> None:
    with pytest.raises(ValueError, match="empty"):
        solve((1, 2, 3), range(0), FREE, Fraction(0))
    with pytest.raises(ValueError, match="empty lists"):
        solve((0, 0, 0), range(1), FREE, Fraction(0))
