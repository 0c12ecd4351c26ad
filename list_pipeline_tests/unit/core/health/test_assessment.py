"""The health of a list by the rules: what is beyond a limit, how urgent that is, and what is not known."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.health.assessment import HealthPolicy, HealthStatus, judge_health
from list_pipeline.core.health.figures import BounceTrend, ListFigures, SendFigures, SizeTrend
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.wording import Rate, rate_text
from list_pipeline_tests.unit.core.health.figures_cases import ELEVATED, HEALTHY, SENT, sends

# Rates


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(20, 1_000, 1.3, 3.1), (2, 50, 1.1, 13.5), (0, 30, 0.0, 11.4), (242, 1_000, 21.6, 27.0), (30, 30, 88.6, 100.0)],
)
def test_a_rate_comes_with_the_interval_of_wilson(count: int, of: int, low: float, high: float) -> None:
    rate = Rate(count, of)
    assert (round(rate.low or 0, 1), round(rate.high or 0, 1)) == (low, high)
    assert rate.percent == pytest.approx(100 * count / of)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_interval_holds_the_rate_and_stays_within_nothing_and_all(first: int, second: int) -> None:
    rate = Rate(min(first, second), max(first, second))
    if rate.of == 0:
        assert (rate.percent, rate.low, rate.high) == (None, None, None)
        assert rate_text(rate) == "not known"
    else:
        found = [each for each in (rate.low, rate.percent, rate.high) if each is not None]
        assert len(found) == 3
        assert [0, *found, 100] == sorted([0, *found, 100])


def test_more_than_all_is_no_rate() -> None:
    with pytest.raises(ValueError, match="impossible"):
        Rate(3, 2)
    with pytest.raises(ValueError, match="impossible"):
        Rate(-1, 2)


def test_the_distance_from_the_target_is_not_known_for_a_target_of_nothing() -> None:
    assert replace(HEALTHY, target=0.0).variance_percent is None
    assert replace(HEALTHY, target=None).variance is None
    assert replace(HEALTHY, mailable=None).variance_percent is None
    assert ELEVATED.variance == -50
    assert ELEVATED.variance_percent == pytest.approx(-4.17, abs=0.01)


def test_figures_are_shown_as_json_and_what_is_not_known_stays_null() -> None:
    shown = json.loads(json.dumps(asdict(ListFigures(ListRole.CAMPAIGN_3).shown())))
    assert shown["last_campaign_date"] == "Never"
    assert {shown[name] for name in ("mailable_contacts", "last_campaign", "variance_percent")} == {None}
    assert json.loads(json.dumps(asdict(HEALTHY.shown())))["last_campaign"]["bounces"] == {
        "contacts": 18,
        "rate_percent": 1.5,
        "low_percent": 1.0,
        "high_percent": 2.4,
    }


# The worked examples


def test_a_healthy_list_is_healthy_and_not_urgent() -> None:
    found = judge_health(HEALTHY)
    assert (found.status, found.urgency, found.concerns) == (HealthStatus.HEALTHY, Urgency.LOW, ())


def test_elevated_bounces_that_get_worse_are_a_warning_of_medium_urgency() -> None:
    found = judge_health(ELEVATED)
    assert (found.status, found.urgency) == (HealthStatus.WARNING, Urgency.MEDIUM)
    assert "The hard bounce rate is 4.3 % (3.3 to 5.7 %), concerning: above 2 %." in found.concerns


# Limits


@pytest.mark.parametrize(
    ("last", "status"),
    [
        # Hard bounces: 2 % and 5 %, by the lower end of the interval.
        (sends(10_000, hard=200), HealthStatus.HEALTHY),
        (sends(10_000, hard=240), HealthStatus.WARNING),
        (sends(10_000, hard=500), HealthStatus.WARNING),
        (sends(10_000, hard=550), HealthStatus.CRITICAL),
        (sends(200, hard=12), HealthStatus.WARNING),
        (sends(50, hard=2), HealthStatus.HEALTHY),
        # Soft bounces: 5 % and 10 %.
        (sends(10_000, soft=550), HealthStatus.WARNING),
        (sends(10_000, soft=1_100), HealthStatus.CRITICAL),
        # Deliveries: 95 % and 90 %, by the upper end. These failed without being bounces.
        (sends(10_000, others=450), HealthStatus.HEALTHY),
        (sends(10_000, others=500), HealthStatus.HEALTHY),
        (sends(10_000, others=560), HealthStatus.WARNING),
        (sends(10_000, others=1_000), HealthStatus.WARNING),
        (sends(10_000, others=1_070), HealthStatus.CRITICAL),
        (sends(5, hard=5), HealthStatus.CRITICAL),
    ],
)
def test_a_limit_is_passed_when_the_whole_interval_is(last: SendFigures, status: HealthStatus) -> None:
    assert judge_health(replace(HEALTHY, last=last)).status is status


def test_a_rate_that_may_be_beyond_a_limit_by_chance_is_a_risk_and_no_concern() -> None:
    found = judge_health(replace(HEALTHY, last=sends(1_000, hard=25)))
    assert found.concerns == ()
    assert any("2.5 %" in words and "by chance or not" in words for words in found.risk_factors)


def test_soft_bounces_are_monitored_before_they_are_concerning() -> None:
    monitored = judge_health(replace(HEALTHY, last=sends(10_000, soft=600)))
    concerning = judge_health(replace(HEALTHY, last=sends(10_000, soft=1_200)))
    assert any("to be monitored: above 5 %" in words for words in monitored.concerns)
    assert any("The soft bounce rate" in words and "concerning: above 10 %" in words for words in concerning.concerns)


def test_a_list_that_loses_more_than_a_tenth_a_month_is_to_be_investigated() -> None:
    slow = replace(HEALTHY, size_trend=SizeTrend.SHRINKING, size_change_percent=-10.0)
    fast = replace(slow, size_change_percent=-10.1)
    assert judge_health(slow).status is HealthStatus.HEALTHY
    assert "The list shrinks." in judge_health(slow).risk_factors
    found = judge_health(fast)
    assert (found.status, found.urgency) == (HealthStatus.WARNING, Urgency.MEDIUM)
    assert any("10.1 % a month" in words for words in found.concerns)


# A lasting trend weighs more than one spike


def after(last: SendFigures, *earlier: SendFigures, trend: BounceTrend = BounceTrend.STABLE) -> ListFigures:
    """A list whose recent campaigns are the earlier ones and the last."""
    every = (last, *earlier)
    recent = SendFigures(
        len(every),
        sum(each.recipients for each in every),
        sum(each.hard for each in every),
        sum(each.soft for each in every),
        sum(each.delivered for each in every),
    )
    return replace(HEALTHY, last=last, recent=recent, bounce_trend=trend)


GOOD, RAISED, BAD = sends(1_000, hard=5), sends(1_000, hard=40), sends(1_000, hard=90)


@pytest.mark.parametrize(
    ("figures", "status", "urgency"),
    [
        (after(GOOD, GOOD, GOOD), HealthStatus.HEALTHY, Urgency.LOW),
        (after(RAISED, GOOD, GOOD), HealthStatus.WARNING, Urgency.LOW),
        (after(RAISED), HealthStatus.WARNING, Urgency.MEDIUM),
        (after(RAISED, RAISED, RAISED), HealthStatus.WARNING, Urgency.MEDIUM),
        (after(GOOD, GOOD, GOOD, trend=BounceTrend.DEGRADING), HealthStatus.WARNING, Urgency.MEDIUM),
        (after(RAISED, GOOD, GOOD, trend=BounceTrend.DEGRADING), HealthStatus.WARNING, Urgency.MEDIUM),
        (after(BAD, GOOD, GOOD), HealthStatus.CRITICAL, Urgency.HIGH),
        (after(BAD), HealthStatus.CRITICAL, Urgency.HIGH),
        # 5.5 % before, which may be chance: it cannot be told whether the critical state lasts.
        (after(BAD, sends(1_000, hard=55)), HealthStatus.CRITICAL, Urgency.HIGH),
        (after(BAD, BAD, BAD), HealthStatus.CRITICAL, Urgency.CRITICAL),
        (after(BAD, GOOD, GOOD, trend=BounceTrend.DEGRADING), HealthStatus.CRITICAL, Urgency.CRITICAL),
    ],
)
def test_what_lasts_is_more_urgent_than_one_spike(figures: ListFigures, status: HealthStatus, urgency: Urgency) -> None:
    found = judge_health(figures)
    assert (found.status, found.urgency) == (status, urgency)


def test_small_campaigns_that_are_all_raised_pass_a_limit_together() -> None:
    small = sends(120, hard=5)
    assert judge_health(after(small)).status is HealthStatus.HEALTHY
    found = judge_health(after(small, small, small))
    assert (found.status, found.urgency) == (HealthStatus.WARNING, Urgency.MEDIUM)
    assert any("of the last 3 campaigns" in words for words in found.concerns)


def test_an_old_spike_is_no_concern_once_the_last_campaign_is_good() -> None:
    assert judge_health(after(GOOD, BAD, GOOD)).status is HealthStatus.HEALTHY


# What is not known


def test_a_list_of_which_no_campaign_is_known_is_not_called_healthy() -> None:
    found = judge_health(ListFigures(ListRole.CAMPAIGN_2))
    assert (found.status, found.urgency) == (HealthStatus.WARNING, Urgency.LOW)
    assert "unknown" in found.concerns[0]
    assert "Not known" in found.reputation_impact


def test_a_campaign_without_recipients_tells_nothing() -> None:
    found = judge_health(replace(HEALTHY, last=sends(0), mailable=0, target=0.0, suppression=Rate(0, 0)))
    assert found.status is HealthStatus.WARNING
    assert "unknown" in found.concerns[0]


counts = st.integers(0, 5_000)


@st.composite
def some_sends(draw: st.DrawFn) -> SendFigures:
    hard, soft, others, delivered = (draw(counts) for _ in range(4))
    return SendFigures(1, hard + soft + others + delivered, hard, soft, delivered)


@st.composite
def some_figures(draw: st.DrawFn) -> ListFigures:
    last = draw(st.none() | some_sends())
    earlier = draw(st.lists(some_sends(), max_size=2))
    base = after(last, *earlier) if last is not None else replace(HEALTHY, last=None)
    return replace(
        base,
        role=draw(st.sampled_from(CAMPAIGN_LISTS)),
        mailable=draw(st.none() | counts),
        target=draw(st.none() | st.floats(0, 10_000)),
        suppression=draw(st.none() | st.just(Rate(0, 0))),
        bounce_trend=draw(st.sampled_from(BounceTrend)),
        size_trend=draw(st.sampled_from(SizeTrend)),
        size_change_percent=draw(st.none() | st.floats(-100, 1_000)),
        last_campaign_at=draw(st.none() | st.just(SENT)),
    )


@given(some_figures())
def test_no_figures_break_the_rules_and_a_concern_is_what_makes_a_list_worse(figures: ListFigures) -> None:
    found = judge_health(figures)
    json.dumps(asdict(figures.shown()))
    assert bool(found.concerns) == (found.status is not HealthStatus.HEALTHY)
    assert found.urgency.pages_people == (found.status is HealthStatus.CRITICAL)
    if found.status is HealthStatus.HEALTHY:
        assert found.urgency is Urgency.LOW


@given(some_figures(), st.integers(1, 5_000))
def test_deliveries_that_turn_into_hard_bounces_never_make_a_list_better(figures: ListFigures, more: int) -> None:
    if figures.last is None:
        return
    moved = min(more, figures.last.delivered)

    def worse(each: SendFigures) -> SendFigures:
        return replace(each, hard=each.hard + moved, delivered=each.delivered - moved)

    recent = None if figures.recent is None else worse(figures.recent)
    before, now = judge_health(figures), judge_health(replace(figures, last=worse(figures.last), recent=recent))
    assert now.status.rank >= before.status.rank


def test_figures_of_the_policy_are_the_specified_ones() -> None:
    policy = HealthPolicy()
    assert (policy.hard_concerning, policy.hard_critical) == (2, 5)
    assert (policy.soft_to_monitor, policy.soft_concerning) == (5, 10)
    assert (policy.delivery_issues, policy.delivery_critical, policy.shrinkage) == (95, 90, 10)


@pytest.mark.parametrize(
    ("complaints", "status", "urgency", "words"),
    [
        (0, HealthStatus.HEALTHY, Urgency.LOW, ""),
        (4, HealthStatus.WARNING, Urgency.MEDIUM, "concerning: above 0.1 %"),
        (9, HealthStatus.CRITICAL, Urgency.HIGH, "critical: above 0.3 %"),
    ],
)
def test_complaints_are_a_concern_only_where_there_are_surely_too_many(
    complaints: int, status: HealthStatus, urgency: Urgency, words: str
) -> None:
    found = judge_health(replace(HEALTHY, last=replace(sends(1_000, hard=5), complaints=complaints)))
    assert (found.status, found.urgency) == (status, urgency)
    assert [one for one in found.concerns if "complaint" in one] == (
        [f"The complaint rate is {ComplaintRate(complaints, 1_000).text}, {words}."] if words else []
    )


@pytest.mark.parametrize(("complaints", "is_named"), [(0, False), (1, True), (4, False)])
def test_complaints_that_may_be_too_many_are_a_risk(complaints: int, is_named: bool) -> None:
    found = judge_health(replace(HEALTHY, last=replace(sends(1_000, hard=5), complaints=complaints)))
    named = [one for one in found.risk_factors if "complaint" in one]
    assert named == (
        ["The complaint rate is 0.10 % (0.01 to 0.47 %), by chance or not above the target of 0.1 %."]
        if is_named
        else []
    )


def test_a_limit_is_passed_only_beyond_what_the_campaigns_of_the_account_differ_anyway() -> None:
    last = sends(10_000, hard=240)
    assert judge_health(replace(HEALTHY, last=last)).status is HealthStatus.WARNING
    assert judge_health(replace(HEALTHY, last=replace(last, overdispersion=0.003))).status is HealthStatus.HEALTHY
