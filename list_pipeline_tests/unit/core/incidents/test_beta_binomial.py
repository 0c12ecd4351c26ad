"""The chance of so many failures, against exact fractions, and the rule for many chances at once."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.incidents.beta_binomial import limit_of, log_tail, tail

MEANS = [Fraction(1, 1000), Fraction(3, 1000), Fraction(1, 50), Fraction(1, 3), Fraction(1, 2), Fraction(9, 10)]
DISPERSIONS = [Fraction(1, 2000), Fraction(1, 500), Fraction(1, 20), Fraction(1, 3), Fraction(4, 5)]


def rising(start: Fraction, steps: int) -> Fraction:
    """start times start + 1 and so on, so many factors."""
    product = Fraction(1)
    for step in range(steps):
        product *= start + step
    return product


def exact_tail(hard: int, attempted: int, mean: Fraction, overdispersion: Fraction) -> Fraction:
    """The same chance by its definition, without rounding."""
    size = (1 - overdispersion) / overdispersion
    alpha, beta = mean * size, (1 - mean) * size
    below = sum(
        (
            math.comb(attempted, k) * rising(alpha, k) * rising(beta, attempted - k) / rising(size, attempted)
            for k in range(hard)
        ),
        start=Fraction(0),
    )
    return 1 - below


@given(
    st.integers(0, 25).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from(MEANS),
    st.sampled_from(DISPERSIONS),
)
def test_it_is_the_exact_chance(case: tuple[int, int], mean: Fraction, overdispersion: Fraction) -> None:
    hard, attempted = case
    exact = exact_tail(hard, attempted, mean, overdispersion)
    assert tail(hard, attempted, float(mean), float(overdispersion)) == pytest.approx(float(exact), rel=1e-9)


def test_of_a_few_contacts_it_is_what_can_be_reckoned_by_hand() -> None:
    # One of one fails with the mean; both of two with mean * (mean + overdispersion * (1 - mean)).
    assert tail(1, 1, 0.02, 0.1) == pytest.approx(0.02)
    assert tail(2, 2, 0.02, 0.1) == pytest.approx(0.02 * (0.02 + 0.1 * 0.98))
    assert tail(0, 10, 0.02, 0.1) == 1


@given(
    st.integers(1, 200_000),
    st.floats(0, 1),
    st.floats(1e-6, 1 - 1e-6),
    st.floats(1e-6, 0.9),
)
def test_it_is_a_chance_for_any_size_and_falls_with_each_failure(
    attempted: int, share: float, mean: float, overdispersion: float
) -> None:
    hard = min(attempted, max(1, round(attempted * share)))
    here, before = (log_tail(each, attempted, mean, overdispersion) for each in (hard, hard - 1))
    assert not math.isnan(here)
    assert here <= before + 1e-7
    assert before <= 0


def test_what_is_too_small_for_a_float_keeps_its_logarithm() -> None:
    assert tail(1_000_000, 1_000_000, 0.003, 0.002) == 0
    assert -10_000 < log_tail(1_000_000, 1_000_000, 0.003, 0.002) < -1000


@pytest.mark.parametrize("overdispersion", [0.0005, 0.002])
def test_below_the_mean_it_is_close_to_one_and_not_above(overdispersion: float) -> None:
    chances = [tail(hard, 100_000, 0.01, overdispersion) for hard in (1, 500, 999, 1000, 1001, 2000)]
    assert chances == sorted(chances, reverse=True)
    assert 0.999 < chances[0] <= 1
    # Both ways of summing meet at the mean.
    assert chances[3] - chances[4] == pytest.approx(chances[2] - chances[3], rel=0.02)


def test_where_nearly_nobody_fails_in_most_campaigns_few_failures_keep_their_chance() -> None:
    # With half as the overdispersion and a tiny mean, nobody fails with the product of 1 - mean / k over all contacts k.
    nobody = math.fsum(math.log1p(-1e-6 / k) for k in range(1, 1_000_001))
    assert tail(1, 1_000_000, 1e-6, 0.5) == pytest.approx(-math.expm1(nobody), rel=1e-7)


def test_it_is_no_more_than_certain_where_all_are_expected_to_fail() -> None:
    for exponent in range(10, 16):
        for contacts in (1, 2, 5):
            assert -1e-9 < log_tail(contacts, contacts, 1 - 10.0**-exponent, 0.0001) <= 0


def test_a_group_that_differs_more_makes_the_unusual_less_so() -> None:
    assert tail(60, 300, 0.0044, 0.0005) < tail(60, 300, 0.0044, 0.002) < tail(60, 300, 0.0044, 0.05)


@pytest.mark.parametrize(
    ("hard", "attempted", "mean", "overdispersion"),
    [(-1, 5, 0.1, 0.1), (6, 5, 0.1, 0.1), (1, 5, 0.0, 0.1), (1, 5, 1.0, 0.1), (1, 5, 0.1, 0.0), (1, 5, 0.1, 1.0)],
)
def test_what_is_no_count_and_no_share_is_refused(
    hard: int, attempted: int, mean: float, overdispersion: float
) -> None:
    with pytest.raises(ValueError, match="between"):
        log_tail(hard, attempted, mean, overdispersion)


class TestManyChancesAtOnce:
    def test_the_limit_is_the_line_of_the_last_chance_below_its_line(self) -> None:
        # Lines of five at a share of 5 %: .01, .02, .03, .04, .05. The third is above its own and taken with the fourth.
        assert limit_of([0.5, 0.039, 0.001, 0.035, 0.012], 0.05) == pytest.approx(0.04)
        assert limit_of([0.5, 0.041, 0.001, 0.035, 0.012], 0.05) == pytest.approx(0.02)

    def test_a_chance_on_its_line_is_taken(self) -> None:
        assert limit_of([0.05], 0.05) == 0.05
        assert limit_of([0.025, 0.9], 0.05) == 0.025

    def test_nothing_unusual_and_nothing_at_all_is_none(self) -> None:
        assert limit_of([0.2, 0.9, 1.0], 0.05) is None
        assert limit_of([], 0.05) is None

    @given(st.lists(st.floats(0, 1), max_size=30))
    def test_it_takes_what_the_definition_takes(self, chances: list[float]) -> None:
        ordered, limit = sorted(chances), limit_of(chances, 0.05)
        below = [rank for rank in range(1, len(ordered) + 1) if ordered[rank - 1] <= rank * 0.05 / len(ordered)]
        assert [each for each in ordered if limit is not None and each <= limit] == ordered[: max(below, default=0)]
