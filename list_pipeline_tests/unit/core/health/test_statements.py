"""The statements about a list: each is offered exactly when it is true of the list's figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.health.assessment import HealthPolicy, judge_health, limits_of
from list_pipeline.core.health.figures import ListFigures
from list_pipeline.core.health.statements import CONCERNS, RISKS, health_statements
from list_pipeline.core.lists import ListRole
from list_pipeline.core.statements import Weight
from list_pipeline.core.wording import Rate
from list_pipeline_tests.unit.core.health.figures_cases import ELEVATED, HEALTHY, sends


def said(figures: ListFigures) -> dict[str, str]:
    return {each.id: each.text for each in health_statements(figures, judge_health(figures)).statements}


def test_a_rate_that_rose_by_more_than_chance_is_named_with_both_rates() -> None:
    rose = replace(HEALTHY, last=sends(2_000, hard=30), recent=sends(6_000, hard=46, campaigns=3))

    assert said(rose)["rate_rose:hard_bounce_rate"] == (
        "The hard bounce rate of the last campaign is 1.5 % (1.1 to 2.1 %), after 0.40 % (0.25 to 0.65 %) in the campaigns "
        "before: more than chance explains."
    )


@pytest.mark.parametrize("hard_before", [40, 60, 400])
def test_a_rate_that_rose_by_chance_or_fell_is_not(hard_before: int) -> None:
    steady = replace(HEALTHY, last=sends(2_000, hard=20), recent=sends(6_000, hard=20 + hard_before, campaigns=3))
    assert not [each for each in said(steady) if each.startswith("rate_rose")]


def test_without_campaigns_before_the_last_nothing_is_said_to_have_risen() -> None:
    assert not [each for each in said(ELEVATED) if each.startswith("rate_rose")]
    assert said(replace(HEALTHY, last=None)).keys().isdisjoint({"hard_bounces", "may_be_beyond:bounce_rate"})


@pytest.mark.parametrize(
    ("change", "is_said"), [(-0.1, True), (-10.0, True), (-10.1, False), (0.0, False), (3.0, False)]
)
def test_a_small_loss_is_offered_and_a_great_one_is_a_finding_of_the_rules(change: float, is_said: bool) -> None:
    figures = replace(HEALTHY, size_change_percent=change)
    assert ("list_loses" in said(figures)) is is_said
    assert any("shrinks by" in each for each in judge_health(figures).concerns) is (change < -10)


def test_what_is_not_known_is_not_spoken_of() -> None:
    unknown = said(ListFigures(ListRole.CAMPAIGN_3))
    assert set(unknown) == {"found_by_the_rules:1", "risk:1", "counts_as", "rates", "trend"}
    assert "suppressed_since" not in said(replace(HEALTHY, suppression=Rate(0, 1_200)))
    assert "below_the_mean" not in said(replace(HEALTHY, mailable=1_300))


@given(
    recipients=st.integers(1, 5_000),
    hard=st.integers(0, 300),
    soft=st.integers(0, 600),
    change=st.one_of(st.none(), st.floats(-30, 30)),
)
def test_everything_the_rules_see_is_said_in_any_case_and_a_limit_may_be_passed_only_where_it_is_not_surely(
    recipients: int, hard: int, soft: int, change: float | None
) -> None:
    last = sends(recipients, hard=min(hard, recipients // 3), soft=min(soft, recipients // 3))
    figures = replace(HEALTHY, last=last, size_change_percent=change)
    rules = judge_health(figures)
    catalogue = health_statements(figures, rules)

    fixed = [each.text for each in catalogue.of(CONCERNS, RISKS) if each.weight is Weight.ALWAYS]
    assert fixed == [*rules.concerns, *rules.risk_factors]
    for of_one_rate in limits_of(HealthPolicy()):
        for limit in of_one_rate:
            assert not (limit.is_passed(last) and limit.may_be_reached(last))
            assert not (limit.may_be_passed(last) and limit.may_be_reached(last))
