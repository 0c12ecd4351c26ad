"""Trends: a change is called when chance does not explain it, and only then."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.health.figures import (
    Beta,
    BounceTrend,
    CampaignBounces,
    ListFigures,
    SendFigures,
    ShownRate,
    SizeTrend,
    TrendFigures,
    beta_share_below,
    bounce_trend,
    probability_above,
    size_trend,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.wording import Rate

NOW = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)
parameters = st.floats(1, 2_000)


def same(rate_percent: float, count: int = 3, recipients: int = 1_000) -> list[CampaignBounces]:
    return [CampaignBounces(round(rate_percent / 100 * recipients), recipients)] * count


# The arithmetic


@pytest.mark.parametrize(
    ("beta", "x", "share"),
    [
        (Beta(1, 1), 0.3, 0.3),
        (Beta(1, 49), 0.02, 1 - 0.98**49),
        (Beta(3, 1), 0.5, 0.125),
        # The chance of at least 2 of 4, and of at least 20 of 100, at the given rate.
        (Beta(2, 3), 0.4, 1 - 0.6**4 - 4 * 0.4 * 0.6**3),
        (Beta(20, 81), 0.2, sum(math.comb(100, k) * 0.2**k * 0.8 ** (100 - k) for k in range(20, 101))),
        (Beta(500, 500), 0.5, 0.5),
    ],
)
def test_shares_below_are_those_of_closed_forms(beta: Beta, x: float, share: float) -> None:
    assert beta_share_below(beta, x) == pytest.approx(share, rel=1e-10)


@given(parameters, parameters, st.floats(0, 1))
def test_a_share_below_and_its_mirror_are_one_together(a: float, b: float, x: float) -> None:
    assert beta_share_below(Beta(a, b), x) + beta_share_below(Beta(b, a), 1 - x) == pytest.approx(1, abs=1e-9)


@given(parameters, parameters, st.floats(0, 1), st.floats(0, 1))
def test_shares_below_never_fall(a: float, b: float, x: float, y: float) -> None:
    low, high = sorted((x, y))
    assert 0 <= beta_share_below(Beta(a, b), low) <= beta_share_below(Beta(a, b), high) + 1e-12 <= 1 + 1e-11


@pytest.mark.parametrize(
    ("one", "other", "margin", "probability"),
    [
        (Beta(1, 1), Beta(1, 1), 0.0, 0.5),
        (Beta(2, 1), Beta(1, 1), 0.0, 2 / 3),
        # Two uniform rates differ by more than a quarter, this way around, in (3/4)^2 / 2 of the cases.
        (Beta(1, 1), Beta(1, 1), 0.25, 9 / 32),
        # Of Beta(a, b) against Beta(1, n): 1 - B(a, b + n) / B(a, b).
        (Beta(3, 40), Beta(1, 30), 0.0, 1 - math.prod((40 + k) / (43 + k) for k in range(30))),
    ],
)
def test_the_probability_that_one_rate_exceeds_another_is_that_of_closed_forms(
    one: Beta, other: Beta, margin: float, probability: float
) -> None:
    assert probability_above(one, other, margin) == pytest.approx(probability, abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(1, 60), st.floats(20, 900), st.floats(1, 60), st.floats(20, 900))
def test_one_of_two_rates_is_higher(a: float, b: float, c: float, d: float) -> None:
    one, other = Beta(a, b), Beta(c, d)
    assert probability_above(one, other) + probability_above(other, one) == pytest.approx(1, abs=2e-3)


def test_a_rate_has_a_maximum() -> None:
    with pytest.raises(ValueError, match="no maximum"):
        Beta(0.5, 1)


# Bounces


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (2.0, 2.0, BounceTrend.STABLE),
        (2.0, 2.4, BounceTrend.STABLE),
        (2.0, 6.0, BounceTrend.DEGRADING),
        (6.0, 2.0, BounceTrend.IMPROVING),
        (0.0, 0.0, BounceTrend.STABLE),
        (0.0, 100.0, BounceTrend.DEGRADING),
        (100.0, 0.0, BounceTrend.IMPROVING),
    ],
)
def test_a_change_is_called_when_it_is_large_enough_to_matter(
    before: float, after: float, expected: BounceTrend
) -> None:
    assert bounce_trend(same(before) + same(after)) is expected


def test_fewer_than_three_campaigns_a_side_tell_nothing() -> None:
    assert bounce_trend([]) is BounceTrend.UNKNOWN
    assert bounce_trend(same(0, 2) + same(50, 3)) is BounceTrend.UNKNOWN
    # Campaigns that nobody received are none.
    assert bounce_trend([*same(0, 2), CampaignBounces(0, 0), *same(50, 3)]) is BounceTrend.UNKNOWN


def test_fewer_than_two_hundred_attempts_a_side_tell_nothing() -> None:
    assert bounce_trend(same(0, 3, 66) + same(50, 3, 1_000)) is BounceTrend.UNKNOWN
    assert bounce_trend(same(0, 3, 67) + same(50, 3, 1_000)) is BounceTrend.DEGRADING


def test_one_spike_among_three_campaigns_is_no_trend() -> None:
    spike = [CampaignBounces(20, 1_000), CampaignBounces(50, 1_000), CampaignBounces(20, 1_000)]
    assert bounce_trend(same(2) + spike) is BounceTrend.STABLE


def test_only_the_newest_two_cycles_count() -> None:
    assert bounce_trend(same(9) + same(2) + same(2)) is BounceTrend.STABLE


def test_an_unchanged_rate_is_rarely_called_changed_and_a_large_rise_is_mostly_found() -> None:
    draw = random.Random(20260330)
    figures = TrendFigures()

    def campaign(rate: float) -> CampaignBounces:
        # The rate of each campaign varies as the figures assume; its bounces vary by chance.
        spread = (1 - figures.variation) / figures.variation
        own = draw.betavariate(rate * spread, (1 - rate) * spread)
        return CampaignBounces(
            min(1_000, max(0, round(draw.gauss(1_000 * own, math.sqrt(1_000 * own * (1 - own)))))), 1_000
        )

    def calls(before: float, after: float) -> list[BounceTrend]:
        return [
            bounce_trend([campaign(rate) for rate in (before, before, before, after, after, after)]) for _ in range(120)
        ]

    unchanged = calls(0.02, 0.02)
    assert sum(each is not BounceTrend.STABLE for each in unchanged) <= 0.10 * len(unchanged)
    risen = calls(0.02, 0.05)
    assert sum(each is BounceTrend.DEGRADING for each in risen) >= 0.75 * len(risen)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)), max_size=8))
def test_a_trend_and_its_mirror_are_opposites(pairs: list[tuple[int, int]]) -> None:
    campaigns = [CampaignBounces(min(pair), max(pair)) for pair in pairs]
    there, back = bounce_trend(campaigns[-6:]), bounce_trend(campaigns[-6:][::-1])
    if all(each.recipients for each in campaigns[-6:]):
        opposite = {BounceTrend.DEGRADING: BounceTrend.IMPROVING, BounceTrend.IMPROVING: BounceTrend.DEGRADING}
        assert back is opposite.get(there, there)


def test_more_bounces_than_recipients_are_impossible() -> None:
    with pytest.raises(ValueError, match="impossible"):
        CampaignBounces(3, 2)


# Sizes


@pytest.mark.parametrize(
    ("began", "ended", "days", "expected", "change"),
    [
        (1_000, 1_000, 30, SizeTrend.STABLE, 0.0),
        (1_000, 1_020, 30, SizeTrend.STABLE, 2.0),
        (1_000, 1_021, 30, SizeTrend.GROWING, 2.1),
        (1_000, 880, 30, SizeTrend.SHRINKING, -12.0),
        (1_000, 900, 15, SizeTrend.SHRINKING, -20.0),
        (1_000, 0, 30, SizeTrend.SHRINKING, -100.0),
    ],
)
def test_a_size_changes_so_much_a_month(began: int, ended: int, days: int, expected: SizeTrend, change: float) -> None:
    trend, percent = size_trend([(NOW, ended), (NOW - timedelta(days=days), began)], NOW)
    assert (trend, percent) == (expected, pytest.approx(change))


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [(NOW, 1_000)],
        [(NOW - timedelta(days=13), 2_000), (NOW, 1_000)],
        [(NOW - timedelta(days=60), 2_000), (NOW, 1_000)],
        [(NOW - timedelta(days=30), 0), (NOW, 1_000)],
    ],
)
def test_without_two_counts_far_enough_apart_the_trend_of_a_size_is_not_known(
    sizes: list[tuple[datetime, int]],
) -> None:
    assert size_trend(sizes, NOW) == (SizeTrend.UNKNOWN, None)


class TestHowMuchCampaignsDiffer:
    def test_an_interval_is_as_wide_as_that_of_as_many_independent_contacts(self) -> None:
        varied = SendFigures(1, 1_001, 20, 0, 981, overdispersion=0.003)
        assert varied.hard_rate == Rate(20, 1_001, 4.0)
        plain = Rate(5, 250)
        wide = Rate(20, 1_000, 4.0)
        assert (wide.percent, wide.low, wide.high) == pytest.approx((plain.percent, plain.low, plain.high))

    def test_several_campaigns_say_more_than_one_of_their_size(self) -> None:
        parts = [SendFigures(1, 1_001, 20, 0, 981, 1, 0.002), SendFigures(1, 1_001, 10, 0, 991, 2, 0.002)]
        together = SendFigures.together(parts)
        assert together is not None
        assert together == SendFigures(2, 2_002, 30, 0, 1_972, 3, 0.002)
        assert together.hard_rate.design_effect == pytest.approx(3.0)
        assert together.without(parts[0]) == parts[1]

    def test_complaints_are_known_where_they_are_of_each_campaign(self) -> None:
        known, unknown = SendFigures(1, 10, 0, 0, 10, 1), SendFigures(1, 10, 0, 0, 10)
        together = SendFigures.together([known, unknown])
        assert together is not None
        assert together.complaints is None
        assert together.complaint_rate is None
        assert together.without(known).complaints is None
        assert SendFigures(2, 20, 0, 0, 20, 1).without(unknown).complaints is None
        assert known.complaint_rate == ComplaintRate(1, 10)

    def test_one_recipient_is_one_and_none_are_none(self) -> None:
        assert SendFigures(1, 1, 1, 0, 0, overdispersion=0.5).hard_rate.design_effect == 1
        assert SendFigures(0, 0, 0, 0, 0, overdispersion=0.5).hard_rate.percent is None

    def test_a_contact_never_says_more_than_an_independent_one(self) -> None:
        with pytest.raises(ValueError, match="never says more"):
            Rate(1, 10, 0.9)

    def test_complaints_are_shown_with_their_bounds(self) -> None:
        figures = ListFigures(ListRole.CAMPAIGN_1, last=SendFigures(1, 333, 0, 0, 332, 1))
        shown = figures.shown().last_campaign
        assert shown is not None
        assert shown.complaints == ShownRate(1, 0.3, 0.02, 1.42)
