"""Deviation, tolerance and what whole contacts allow."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.rebalancing.balance import (
    BalanceState,
    RebalancingSummary,
    assess_balance,
    band,
    best_deviation,
    deviation,
    deviation_percent,
    even_split,
    is_balanced,
    is_reachable,
)
from list_pipeline.core.wording import exact_share

size = st.integers(0, 5_000)
sizes_of = st.tuples(size, size, size)
tolerance_of = st.sampled_from([0, 1, 2, 2.5, 5, Decimal("7.3"), 20, 60])


@pytest.mark.parametrize(
    ("sizes", "percent"),
    [((731, 1000, 1000), 19.7), ((942, 1120, 1057), 9.4), ((300, 1000, 1700), 70.0), ((0, 0, 9), 200.0)],
)
def test_the_deviation_is_the_largest_distance_from_the_mean(sizes: tuple[int, int, int], percent: float) -> None:
    assert deviation_percent(sizes) == pytest.approx(percent, abs=0.05)


def test_exactly_five_percent_is_balanced_although_floats_say_otherwise() -> None:
    assert deviation((13, 13, 14)) == Fraction(5, 100)
    assert is_balanced((13, 13, 14), 5) is True
    assert is_balanced((13, 13, 14), 5.0) is True
    assert is_balanced((13, 13, 14), 4.99) is False
    assert assess_balance((13, 13, 14), 5).deviation_percent == 5.0


def test_three_empty_lists_have_no_deviation_instead_of_zero_or_nan() -> None:
    assert deviation((0, 0, 0)) is None
    assert deviation_percent((0, 0, 0)) is None
    assert is_balanced((0, 0, 0), 5) is None
    assert assess_balance((0, 0, 0), 5).state is BalanceState.EMPTY
    assert assess_balance((0, 0, 0), 5).deviation_percent is None


@pytest.mark.parametrize(
    ("sizes", "state"),
    [
        ((1, 0, 0), BalanceState.AS_EVEN_AS_POSSIBLE),
        ((1, 0, 1), BalanceState.AS_EVEN_AS_POSSIBLE),
        ((2, 0, 0), BalanceState.UNBALANCED),
        ((1, 1, 1), BalanceState.BALANCED),
        ((13, 13, 12), BalanceState.AS_EVEN_AS_POSSIBLE),
        ((14, 12, 12), BalanceState.UNBALANCED),
        ((13, 13, 14), BalanceState.BALANCED),
        ((1000, 1000, 0), BalanceState.UNBALANCED),
    ],
)
def test_tiny_lists_are_as_even_as_possible_rather_than_unbalanced(
    sizes: tuple[int, int, int], state: BalanceState
) -> None:
    assert assess_balance(sizes, 5).state is state


def test_the_band_of_a_total_without_a_fitting_split_is_the_mean_rounded_down_and_up() -> None:
    assert (band(38, 5).lo, band(38, 5).hi, band(38, 5).is_fallback) == (12, 13, True)
    assert (band(40, 5).lo, band(40, 5).hi, band(40, 5).is_fallback) == (13, 14, False)
    assert (band(3119, 5).lo, band(3119, 5).hi) == (988, 1091)
    assert 1091 in band(3119, 5)
    assert 988 in band(3119, 5)
    assert 987 not in band(3119, 5)
    assert (band(9, 200).lo, band(9, 200).hi) == (0, 9)
    assert 1092 not in band(3119, 5)
    assert (band(0, 5).lo, band(0, 5).hi) == (0, 0)


@pytest.mark.parametrize(("percent", "first"), [(5, 40), (2, 100)])
def test_a_tolerance_is_reachable_for_multiples_of_three_and_from_a_certain_total_on(percent: int, first: int) -> None:
    for total in range(1, 400):
        assert is_reachable(total, percent) == (total % 3 == 0 or total >= first), total


@given(st.integers(1, 100_000), tolerance_of)
def test_the_band_holds_exactly_the_sizes_within_the_tolerance(total: int, tolerance: float) -> None:
    limits = band(total, tolerance)
    share = exact_share(tolerance)

    def is_within(one: int) -> bool:
        return abs(3 * one - total) <= share * total

    if not limits.is_fallback:
        assert is_within(limits.lo)
        assert is_within(limits.hi)
        assert limits.lo == 0 or not is_within(limits.lo - 1)
        assert not is_within(limits.hi + 1)
    assert 3 * limits.lo <= total <= 3 * limits.hi


@given(sizes_of)
def test_no_split_is_more_even_than_the_even_split(sizes: tuple[int, int, int]) -> None:
    total = sum(sizes)
    split = even_split(total)
    assert sum(split) == total
    assert split == tuple(sorted(split, reverse=True))
    exact, best = deviation(sizes), best_deviation(total)
    if exact is None or best is None:
        assert total == 0
        return
    assert best <= exact
    assert best == (0 if total % 3 == 0 else Fraction(2, total))


@given(sizes_of, tolerance_of)
def test_the_verdict_agrees_with_the_tolerance(sizes: tuple[int, int, int], tolerance: float) -> None:
    verdict = assess_balance(sizes, tolerance)
    assert (verdict.state is BalanceState.BALANCED) == (is_balanced(sizes, tolerance) is True)
    if verdict.state is BalanceState.AS_EVEN_AS_POSSIBLE:
        assert verdict.deviation == best_deviation(sum(sizes))


@pytest.mark.parametrize("percent", [-1, float("nan"), float("inf"), Decimal("-0.5")])
def test_a_percentage_that_is_none_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percentage"):
        exact_share(percent)


def test_decimal_percentages_keep_their_written_value() -> None:
    assert exact_share(2.1) == Fraction(21, 1000)
    assert exact_share(Decimal("0.1")) == Fraction(1, 1000)


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        deviation((1, -1, 3))
    with pytest.raises(ValueError, match="negative"):
        band(-1, 5)


def test_a_summary_counts_what_is_done_now_and_what_waits() -> None:
    first, second, _ = CAMPAIGN_LISTS
    summary = RebalancingSummary(
        required=True,
        triggered=True,
        sizes=(100, 90, 95),
        target_sizes=(97, 95, 95),
        moves={"campaign_1->campaign_2": 2, "campaign_1->campaign_3": 1},
        enrolments={first: 1, second: 3},
        deferred_moves={"campaign_1->campaign_3": 5, "campaign_2->campaign_3": 6},
        deferred_enrolments={first: 7, second: 8},
        deviation_before_percent=5.3,
        deviation_after_percent=1.4,
        is_repaired=True,
        certificate="no fewer would do",
        lower_bound=3,
        restriction=None,
        reasons=(),
        sent_in_open_cycle=(),
        frozen=(),
    )
    assert (summary.move_count, summary.enrolment_count) == (3, 4)
    assert (summary.deferred_move_count, summary.deferred_count) == (11, 26)
    # A plan of a version that did not count them.
    assert summary.newcomers_available == 0
