"""The advisors on a wrap-up: they choose what is said, may be more careful than the rules by one step, and write nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.wrapup import AGENTS, FORMATTING, SendAssessed, assess_send, summarise
from list_pipeline.core.advice import AdviceOutcome, AdviceSource
from list_pipeline.core.campaign_stages.assessment import FirstFigures, Grade, Trend, judge_send, rank
from list_pipeline.core.campaign_stages.assessment_report import (
    policy_assessment,
    policy_report,
    topics,
)
from list_pipeline.core.campaign_stages.assessment_statements import CONCERNS, RECOMMENDATIONS, Topic
from list_pipeline.sandbox.gemini.behaviours import ADVISORS, BEHAVIOURS, HOSTILE_SENTENCES
from list_pipeline_tests.unit.agents.test_health import Model, data_of
from list_pipeline_tests.unit.core.campaign_stages.send_cases import NEXT, any_figures, counts, figures

GOOD = figures(processed=200, hard_bounced=5, soft_bounced=0)
"""A send whose hard bounce rate may be beyond its limit."""
NEAR = "may_be_beyond:hard_bounce_rate"
_VERDICTS = {Topic.LIST_QUALITY: Grade, Topic.DELIVERY: Grade, Topic.COMPARISON: Trend}


def asked(topic: Topic, given_figures: FirstFigures, **changes: Any) -> SendAssessed:
    return assess_send(ModelAccess(model=Model(changes=changes)), topic, given_figures)


def test_an_opinion_with_a_concern_makes_a_verdict_one_step_worse_and_says_so() -> None:
    found = asked(Topic.LIST_QUALITY, GOOD, quality="concerning", concerns=[NEAR], confidence=0.9)
    assert (found.assessment.verdict, found.assessment.rules_verdict) == ("concerning", "good")
    assert "The rules alone call the list's quality good; the advisor asks for more care." in found.assessment.sentences
    assert found.recorded.outcome is AdviceOutcome.ACCEPTED
    assert found.assessment.confidence == 0.9


def test_an_opinion_that_goes_further_is_told_as_a_remark_and_counts_by_one_step() -> None:
    found = asked(Topic.LIST_QUALITY, GOOD, quality="poor", concerns=[NEAR], confidence=0.9)
    assert found.assessment.verdict == "concerning"
    assert (
        "The advisor takes the list's quality for poor; the figures alone do not carry that."
        in found.assessment.sentences
    )
    assert "poor goes further than an opinion may" in found.recorded.verdict


@pytest.mark.parametrize("changes", [{"concerns": []}, {"confidence": 0.69}, {"concerns": ["beyond:99"]}])
def test_an_opinion_without_a_concern_or_without_confidence_changes_no_verdict(changes: dict[str, Any]) -> None:
    wanted = {"quality": "concerning", "concerns": [NEAR], "confidence": 0.9, **changes}
    assert asked(Topic.LIST_QUALITY, GOOD, **wanted).assessment.verdict == "good"


def test_poor_and_declining_rest_on_figures_alone() -> None:
    bad = figures(hard_bounced=110)
    assert (
        asked(Topic.LIST_QUALITY, bad, quality="poor", concerns=["beyond:hard_bounce_rate"]).assessment.verdict
        == "concerning"
    )
    same = figures(counts(opened=900))
    found = asked(Topic.COMPARISON, same, trend="declining", concerns=["worse:round_before_open"], confidence=1.0)
    assert found.assessment.verdict == "cannot tell"
    better = figures(counts(soft_bounced=300, opened=900))
    found = asked(Topic.COMPARISON, better, trend="declining", concerns=["worse:round_before_open"], confidence=1.0)
    assert found.assessment.verdict == "cannot tell"


@pytest.mark.parametrize(
    ("topic", "field", "best"),
    [
        (Topic.LIST_QUALITY, "quality", "excellent"),
        (Topic.DELIVERY, "performance", "excellent"),
        (Topic.COMPARISON, "trend", "improving"),
    ],
)
def test_no_opinion_is_milder_than_the_rules(topic: Topic, field: str, best: str) -> None:
    bad = figures(counts(), hard_bounced=300, blocked=300)
    found = asked(topic, bad, **{field: best, "confidence": 1.0})
    assert found.assessment.verdict == policy_assessment(topic, bad).verdict
    assert "milder than the rules" in found.recorded.verdict


@given(any_figures(), st.sampled_from(sorted(BEHAVIOURS)))
def test_whatever_a_model_does_no_verdict_is_better_and_nothing_of_the_rules_is_missing(
    given_figures: FirstFigures, behaviour: str
) -> None:
    for topic in topics(given_figures):
        own = policy_assessment(topic, given_figures)
        found = assess_send(ModelAccess(model=Model(behaviour)), topic, given_figures).assessment
        if topic in _VERDICTS:
            steps = rank(_VERDICTS[topic](found.verdict)) - rank(_VERDICTS[topic](own.verdict))
            assert steps in (0, 1)
        assert found.rules_verdict == own.verdict
        assert not [said for said in HOSTILE_SENTENCES if said in " ".join(found.sentences)]


def test_urgent_recommendations_stay_first_whatever_is_chosen() -> None:
    away = figures(hard_bounced=500, sending=True)
    found = asked(Topic.RECOMMENDATION, away, recommendations=["day_after", "keep_comparable"]).assessment
    own = policy_assessment(Topic.RECOMMENDATION, away)
    assert found.said[RECOMMENDATIONS][0] == own.said[RECOMMENDATIONS][0]
    assert set(found.said[RECOMMENDATIONS]) >= {
        each for each in own.said[RECOMMENDATIONS] if "Stop" in each or "Take" in each
    }


def test_of_too_few_recommendations_that_were_chosen_the_rules_own_make_three() -> None:
    found = asked(Topic.RECOMMENDATION, figures(), recommendations=["keep_comparable"]).assessment.said[RECOMMENDATIONS]
    assert found[0].startswith("Keep subject and content")
    assert len(found) == len(set(found)) == 3
    assert len(asked(Topic.RECOMMENDATION, figures(), recommendations=[]).assessment.said[RECOMMENDATIONS]) >= 3


def test_the_question_holds_figures_with_their_intervals_and_no_name() -> None:
    model = Model()
    assess_send(ModelAccess(model=model), Topic.COMPARISON, figures(counts(opened=90), counts(is_early=False)))
    data = data_of(model.asked[0])
    assert data["this_send"]["tried"] == 4_000
    assert data["this_send"]["hard_bounce_rate"] == {
        "contacts": 8,
        "rate_percent": 0.2,
        "low_percent": 0.1,
        "high_percent": 0.39,
    }
    before, same_list = data["earlier_sends"]
    assert (before["which"], same_list["counted"]) == ("the round before of this cycle", "a day after it or later")
    opened = next(each for each in before["differences_in_percentage_points"] if each["figure"] == "open")
    assert opened["shows"] == "higher"
    assert opened["low"] < opened["points"] < opened["high"]
    assert data["rules"] == {"quality": "excellent", "performance": "excellent", "trend": "cannot tell"}
    assert data["next_campaign_at"] == f"{NEXT:%Y-%m-%d %H:%M} UTC"
    assert "Autumn Letter" not in model.asked[0]


def test_only_comparison_and_recommendation_are_told_of_earlier_sends() -> None:
    model = Model()
    for topic in Topic:
        assess_send(ModelAccess(model=model), topic, figures(counts()))
    assert [bool(data_of(prompt)["earlier_sends"]) for prompt in model.asked] == [False, False, True, True]
    assert model.temperatures == [0.7] * 4
    assert len({system.partition(". ")[0] for system in model.systems}) == 4


def test_an_answer_about_another_list_is_refused() -> None:
    found = asked(Topic.DELIVERY, GOOD, list_reference="List 9")
    assert found.recorded.outcome is AdviceOutcome.REFUSED
    assert found.assessment == policy_assessment(Topic.DELIVERY, GOOD)


def test_without_a_model_the_rules_speak() -> None:
    found = assess_send(ModelAccess(), Topic.LIST_QUALITY, GOOD)
    assert found.assessment == policy_assessment(Topic.LIST_QUALITY, GOOD)
    assert found.recorded.outcome is AdviceOutcome.NOT_ASKED
    summary = summarise(ModelAccess(), GOOD, policy_report(GOOD).assessments)
    assert summary.report == policy_report(GOOD)


def test_the_summary_is_made_of_what_was_assessed_and_begins_with_the_verdicts() -> None:
    worse = asked(Topic.LIST_QUALITY, GOOD, quality="concerning", concerns=[NEAR], confidence=0.9).assessment
    assessments = [worse, *policy_report(GOOD).assessments[1:]]
    model = Model(changes={"executive_summary": ["recommended:1", "expected:1", "all_fine"]})
    found = summarise(ModelAccess(model=model), GOOD, assessments)
    assert found.report.summary.startswith("The list's quality is concerning and the delivery")
    assert assessments[-1].said[RECOMMENDATIONS][0] in found.report.summary
    assert found.report.source is AdviceSource.MODEL
    assert found.recorded.outcome is AdviceOutcome.TRIMMED
    told = data_of(model.asked[0])["assessments"]
    assert [each["verdict"] for each in told[:2]] == ["concerning", assessments[1].verdict]
    assert worse.said[CONCERNS][0] in told[0]["says"]


def test_the_sandbox_knows_every_advisor() -> None:
    assert set(AGENTS) <= set(ADVISORS)
    assert AGENTS[-1] == FORMATTING
    assert json.dumps(list(AGENTS)).count(",") == 4
    assert judge_send(GOOD).trend is None
