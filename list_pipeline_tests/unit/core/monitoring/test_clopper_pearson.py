"""What a few reviewed cases prove: exact bounds against known values, and against the distribution itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.monitoring.clopper_pearson import at_most, lower_bound, upper_bound

CASES = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("cases", "share", "is_shown"), [(58, 0.05, False), (59, 0.05, True), (148, 0.02, False), (149, 0.02, True)]
)
def test_so_many_cases_without_an_error_show_a_goal_and_one_fewer_does_not(
    cases: int, share: float, is_shown: bool
) -> None:
    assert (upper_bound(0, cases) < share) is is_shown


def test_without_an_error_the_bound_is_the_root_of_what_is_left_to_chance() -> None:
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))


# From the beta distribution: qbeta(0.95, errors + 1, cases - errors).
@pytest.mark.parametrize(
    ("errors", "cases", "bound"),
    [(1, 93, 0.0500), (2, 124, 0.0500), (1, 10, 0.3942), (5, 10, 0.7776), (10, 100, 0.1637)],
)
def test_with_errors_the_bound_is_clopper_and_pearsons(errors: int, cases: int, bound: float) -> None:
    assert upper_bound(errors, cases) == pytest.approx(bound, abs=6e-4)


def test_without_cases_nothing_is_shown() -> None:
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0.0, 1.0)


@given(CASES)
def test_the_bounds_enclose_what_was_seen_and_leave_five_percent_to_chance(seen: tuple[int, int]) -> None:
    errors, cases = seen
    low, high = lower_bound(errors, cases), upper_bound(errors, cases)
    assert 0 <= low <= errors / cases <= high <= 1
    if errors < cases:
        assert at_most(errors, cases, high) == pytest.approx(0.05, abs=1e-6)
    if errors:
        assert 1 - at_most(errors - 1, cases, low) == pytest.approx(0.05, abs=1e-6)


@given(CASES)
def test_one_more_error_proves_less_and_one_more_good_case_more(seen: tuple[int, int]) -> None:
    errors, cases = seen
    assert upper_bound(errors, cases + 1) <= upper_bound(errors, cases)
    if errors < cases:
        assert upper_bound(errors + 1, cases) > upper_bound(errors, cases)


@given(st.integers(1, 200), st.floats(0, 1))
def test_the_tail_sums_to_the_whole(cases: int, share: float) -> None:
    assert at_most(cases, cases, share) == pytest.approx(1)
    assert math.isclose(at_most(0, cases, share), (1 - share) ** cases, rel_tol=1e-6, abs_tol=1e-12)


def added_up(errors: int, cases: int, share: float) -> float:
    """The chance of so many errors or fewer, term by term."""
    return math.fsum(math.comb(cases, k) * share**k * (1 - share) ** (cases - k) for k in range(errors + 1))


@given(CASES, st.floats(0.001, 0.999))
def test_the_tail_is_the_sum_of_all_its_terms(seen: tuple[int, int], share: float) -> None:
    errors, cases = seen
    assert at_most(errors, cases, share) == pytest.approx(added_up(errors, cases, share), rel=1e-9, abs=1e-12)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.001, 0.999))
def test_the_terms_of_a_tail_are_those_of_the_distribution(errors: int, cases: int, share: float) -> None:
    if errors >= cases:
        assert at_most(errors, cases, share) == 1
    else:
        one = at_most(errors + 1, cases, share) - at_most(errors, cases, share)
        exact = math.comb(cases, errors + 1) * share ** (errors + 1) * (1 - share) ** (cases - errors - 1)
        assert one == pytest.approx(exact, abs=1e-12)


# The Poisson limit: half the chi-squared quantile of 2k (lower) and 2k + 2 degrees (upper) over the number of cases.
@pytest.mark.parametrize(
    ("errors", "low", "high"), [(0, 0.0, 2.9957), (3, 0.8177, 7.7537), (10, 5.4254, 16.9622), (100, 84.1393, 118.0790)]
)
def test_bounds_of_a_million_cases_are_those_of_rare_events(errors: int, low: float, high: float) -> None:
    assert lower_bound(errors, 1_000_000) * 1e6 == pytest.approx(low, rel=1e-3)
    assert upper_bound(errors, 1_000_000) * 1e6 == pytest.approx(high, rel=1e-3)


@pytest.mark.parametrize(("errors", "cases", "confidence"), [(2, 1, 0.95), (-1, 3, 0.95), (0, 3, 1.0), (0, 3, 0.0)])
def test_what_is_no_count_and_no_confidence_is_refused(errors: int, cases: int, confidence: float) -> None:
    for bound in (upper_bound, lower_bound):
        with pytest.raises(ValueError, match="between"):
            bound(errors, cases, confidence)
