"""First figures are judged by the limits of a list, and what is said of them is true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaign_stages.assessment import (
    FirstFigures,
    Grade,
    Trend,
    Verdict,
    judge_send,
    rank,
    with_opinion,
)
from list_pipeline.core.campaign_stages.assessment_report import (
    IMPACT,
    MOST_SENTENCES,
    SUMMARY,
    UNKNOWN_IMPACT,
    SendReport,
    policy_assessment,
    policy_report,
    summary_statements,
    topics,
    urgent_recommendations,
)
from list_pipeline.core.campaign_stages.assessment_statements import (
    FEWEST_RECOMMENDATIONS,
    MOST,
    PARTS,
    RECOMMENDATIONS,
    Topic,
    predicted,
    statements_of,
)
from list_pipeline.core.campaign_stages.wrapup import runs_away
from list_pipeline.core.wording import Rate
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.unit.core.campaign_stages.send_cases import CLEAN, any_figures, counts, figures


def said(topic: Topic, given: FirstFigures) -> str:
    return "\n".join(policy_assessment(topic, given).sentences)


def offered(topic: Topic, given: FirstFigures) -> set[str]:
    return {each.id for each in statements_of(topic, given, judge_send(given)).statements}


# Grades


@pytest.mark.parametrize(
    ("changes", "quality"),
    [
        ({}, Grade.EXCELLENT),
        ({"hard_bounced": 20, "soft_bounced": 50}, Grade.GOOD),
        ({"processed": 200, "hard_bounced": 6, "soft_bounced": 0}, Grade.GOOD),
        ({"hard_bounced": 110, "soft_bounced": 0}, Grade.CONCERNING),
        ({"hard_bounced": 10, "soft_bounced": 250}, Grade.CONCERNING),
        ({"complained": 11}, Grade.CONCERNING),
        ({"complained": 30}, Grade.POOR),
        ({"hard_bounced": 260}, Grade.POOR),
        ({"processed": 60, "hard_bounced": 0, "soft_bounced": 7}, Grade.POOR),
        ({"queued": 4_000}, Grade.CONCERNING),
    ],
)
def test_the_quality_of_a_list_is_that_of_bounces_and_complaints(changes: dict[str, Any], quality: Grade) -> None:
    assert judge_send(figures(**changes)).quality is quality


@pytest.mark.parametrize(
    ("changes", "performance"),
    [
        ({}, Grade.EXCELLENT),
        ({"blocked": 180}, Grade.GOOD),
        ({"blocked": 280}, Grade.CONCERNING),
        ({"blocked": 500}, Grade.POOR),
        ({"deferred": 500}, Grade.GOOD),
        ({"deferred": 500, "blocked": 280}, Grade.CONCERNING),
        ({"queued": 3_000}, Grade.EXCELLENT),
        ({"queued": 4_000}, Grade.CONCERNING),
    ],
)
def test_a_delivery_is_judged_by_what_is_settled(changes: dict[str, Any], performance: Grade) -> None:
    assert judge_send(figures(**changes)).performance is performance


@pytest.mark.parametrize(
    ("before", "same_list", "trend"),
    [
        (None, None, None),
        (counts(), None, Trend.CANNOT_TELL),
        (counts(opened=4), None, Trend.CANNOT_TELL),
        (counts(soft_bounced=300), None, Trend.IMPROVING),
        (counts(soft_bounced=0, hard_bounced=0), None, Trend.DECLINING),
        (counts(soft_bounced=300), counts(hard_bounced=0, soft_bounced=0), Trend.DECLINING),
        # After a day more has arrived: that alone is no decline.
        (counts(is_early=False), None, Trend.CANNOT_TELL),
    ],
)
def test_the_trend_is_told_only_where_it_is_shown(before: Any, same_list: Any, trend: Trend | None) -> None:
    assert judge_send(figures(before, same_list)).trend is trend


def test_what_is_tried_again_after_half_an_hour_is_no_decline_against_the_day_after() -> None:
    day_after = figures(counts(is_early=False), deferred=400)
    assert judge_send(day_after).trend is Trend.CANNOT_TELL
    assert judge_send(figures(counts(), deferred=400)).trend is Trend.DECLINING


@pytest.mark.parametrize(
    ("rules", "asked", "final"),
    [
        (Grade.EXCELLENT, Grade.GOOD, Grade.GOOD),
        (Grade.EXCELLENT, Grade.POOR, Grade.GOOD),
        (Grade.GOOD, Grade.POOR, Grade.CONCERNING),
        (Grade.CONCERNING, Grade.POOR, Grade.CONCERNING),
        (Grade.POOR, Grade.EXCELLENT, Grade.POOR),
        (Grade.GOOD, Grade.EXCELLENT, Grade.GOOD),
        (Trend.IMPROVING, Trend.DECLINING, Trend.CANNOT_TELL),
        (Trend.CANNOT_TELL, Trend.DECLINING, Trend.CANNOT_TELL),
        (Trend.DECLINING, Trend.IMPROVING, Trend.DECLINING),
    ],
)
def test_an_opinion_is_one_step_worse_at_most_and_never_the_worst(
    rules: Verdict, asked: Verdict, final: Verdict
) -> None:
    assert with_opinion(rules, asked) is final


@given(any_figures())
def test_counters_that_contradict_each_other_are_judged_too(given_figures: FirstFigures) -> None:
    verdicts = judge_send(given_figures)
    assert not (runs_away(given_figures.counts) and verdicts.quality is not Grade.POOR)
    assert given_figures.counts.attempted or not (verdicts.quality.is_fine or verdicts.performance.is_fine)
    assert rank(verdicts.quality) in range(4)


# Statements


@given(any_figures())
def test_there_are_three_to_five_recommendations_whatever_the_figures(given_figures: FirstFigures) -> None:
    found = policy_assessment(Topic.RECOMMENDATION, given_figures).said[RECOMMENDATIONS]
    assert FEWEST_RECOMMENDATIONS <= len(found) <= MOST[RECOMMENDATIONS]
    urgent = urgent_recommendations(given_figures)
    assert set(found[: len(urgent)]) <= set(urgent)


@given(any_figures())
def test_every_part_has_at_most_its_sentences_and_no_name_of_a_campaign(given_figures: FirstFigures) -> None:
    for topic in topics(given_figures):
        assessment = policy_assessment(topic, given_figures)
        assert set(assessment.said) == set(PARTS[topic])
        assert all(len(texts) <= MOST[part] for part, texts in assessment.said.items())
        assert "Autumn Letter" not in str(assessment)


def test_the_summary_has_the_verdicts_what_is_urgent_and_what_was_found() -> None:
    summary = policy_report(figures(counts(), hard_bounced=500, sending=True)).summary
    assert summary.startswith("The list's quality is poor, the delivery poor; the trend is declining. Stop this send")
    assert "Bounces run away: more than 10 %" in summary
    quiet = policy_report(figures()).summary
    assert "quality is excellent and the delivery excellent; there is nothing to compare it with." in quiet
    assert "Stop" not in quiet


@given(any_figures())
def test_the_summary_says_nothing_that_the_assessments_do_not(given_figures: FirstFigures) -> None:
    report = policy_report(given_figures)
    catalogue = summary_statements(report.assessments, urgent_recommendations(given_figures))
    sentences = [each.text for each in catalogue.statements]
    assert left_over([report.summary], sentences) == []
    below = {text for each in report.assessments for text in each.sentences}
    assert {each.text for each in catalogue.of(SUMMARY)[1:]} <= below
    assert len(catalogue.unchosen.said(SUMMARY, MOST_SENTENCES)) <= MOST_SENTENCES


@given(any_figures())
def test_a_report_is_kept_whole(given_figures: FirstFigures) -> None:
    report = policy_report(given_figures)
    assert SendReport.of_json(report.as_json()) == report
    assert report.of(Topic.LIST_QUALITY) == report.assessments[0]
    assert (report.of(Topic.COMPARISON) is None) is (Topic.COMPARISON not in topics(given_figures))


def test_what_runs_away_stops_this_send_and_the_next() -> None:
    away = figures(hard_bounced=500, sending=True)
    assert {"stop_this", "stop_next", "check_new_contacts"} <= offered(Topic.RECOMMENDATION, away)
    assert "Take the campaign of 2026-11-27 09:00 UTC back" in said(Topic.RECOMMENDATION, away)
    ended = replace(away, is_sending=False, next_at=None)
    assert not {"stop_this", "stop_next"} & offered(Topic.RECOMMENDATION, ended)
    assert "keep_course" not in offered(Topic.RECOMMENDATION, ended)


def test_each_recommendation_stands_only_while_its_condition_is_true() -> None:
    assert "keep_course" in offered(Topic.RECOMMENDATION, figures())
    assert "check_soft" in offered(Topic.RECOMMENDATION, figures(soft_bounced=300))
    assert "check_bounces" in offered(Topic.RECOMMENDATION, figures(soft_bounced=120))
    assert "check_consent" in offered(Topic.RECOMMENDATION, figures(complained=30))
    assert "check_sender" in offered(Topic.RECOMMENDATION, figures(blocked=500))
    assert "let_maintenance" not in offered(Topic.RECOMMENDATION, figures(hard_bounced=0))
    assert "wait_for_open" in offered(Topic.RECOMMENDATION, figures(deferred=3))
    worse = figures(counts(opened=900))
    assert "check_worse:round_before" in offered(Topic.RECOMMENDATION, worse)
    assert "keep_course" not in offered(Topic.RECOMMENDATION, worse)
    better = figures(counts(opened=90))
    assert "keep_what_worked:round_before" in offered(Topic.RECOMMENDATION, better)
    same = figures(same_list=counts())
    assert "act_on_no_difference:same_list" in offered(Topic.RECOMMENDATION, same)
    assert "find_out_why_nothing" in offered(Topic.RECOMMENDATION, figures(queued=4_000))


def test_a_prediction_is_wider_than_the_rate_and_stays_possible() -> None:
    rate = Rate(20, 1_000)
    ends = predicted(rate)
    assert ends is not None
    assert rate.low is not None
    assert rate.high is not None
    assert ends[0] < rate.low < rate.high < ends[1]
    # Of a normal distribution of both rounds: 2 % +- 1.96 * sqrt(2) * 0.443 %, skewed as Wilson's interval is.
    assert ends == pytest.approx((1.00, 3.50), abs=0.02)
    assert predicted(Rate(0, 0)) is None


@given(st.integers(0, 300), st.integers(1, 300))
def test_a_prediction_lies_between_nothing_and_everything(count: int, of: int) -> None:
    ends = predicted(Rate(min(count, of), of))
    assert ends is not None
    assert 0 <= ends[0] <= 100 * min(count, of) / of <= ends[1] <= 100


def test_a_delivery_that_is_not_settled_is_not_predicted() -> None:
    assert "next_rate:delivery" in offered(Topic.RECOMMENDATION, figures())
    assert "next_rate:delivery" not in offered(Topic.RECOMMENDATION, figures(deferred=5))
    assert "next_rate:bounce" in offered(Topic.RECOMMENDATION, figures(deferred=5))


def test_differences_are_said_with_their_interval_and_to_which_side_they_are() -> None:
    text = said(Topic.COMPARISON, figures(counts(opened=200, hard_bounced=80), counts(clicked=200)))
    assert "Against the round before of this cycle: opened 5.0 points (3.9 to 6.2) higher, to the better." in text
    assert "hard bounces 1.8 points (1.4 to 2.3) lower, to the better." in text
    assert "Against the last send to the same list: clicked 4.2 points (3.5 to 5.0) lower, to the worse." in text


def test_a_rate_that_may_be_beyond_its_limit_is_offered_as_such() -> None:
    near = figures(processed=200, hard_bounced=5, soft_bounced=0)
    assert "may_be_beyond:hard_bounce_rate" in offered(Topic.LIST_QUALITY, near)
    assert "The hard bounce rate is 2.5 % (1.1 to 5.7 %): the true one may be above 2 %." in said(
        Topic.RECOMMENDATION, near
    )
    assert not {each for each in offered(Topic.LIST_QUALITY, figures()) if each.startswith("may_be_beyond")}


def test_reputation_is_told_by_the_grade_and_not_before_anything_was_tried() -> None:
    assert said(Topic.LIST_QUALITY, figures(hard_bounced=260)).startswith(IMPACT[Topic.LIST_QUALITY][Grade.POOR])
    assert said(Topic.DELIVERY, figures()).startswith(IMPACT[Topic.DELIVERY][Grade.EXCELLENT])
    assert said(Topic.DELIVERY, figures(queued=4_000)).startswith(UNKNOWN_IMPACT)


def test_most_bounces_are_called_hard_or_soft_only_where_that_is_sure() -> None:
    assert "mostly_hard" in offered(Topic.LIST_QUALITY, figures(hard_bounced=40, soft_bounced=10))
    assert "mostly_soft" in offered(Topic.LIST_QUALITY, figures(hard_bounced=10, soft_bounced=40))
    assert not {"mostly_hard", "mostly_soft"} & offered(Topic.LIST_QUALITY, figures(hard_bounced=12, soft_bounced=10))
    assert CLEAN.is_early
