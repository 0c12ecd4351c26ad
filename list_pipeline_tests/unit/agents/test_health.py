"""The advisor on list health: it explains, may see more reason for care than the rules, and can call nobody out of bed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.health import AGENT, HealthAnswer, assess
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, ModelAnswer, ModelRequest
from list_pipeline.core.errors import TransientError
from list_pipeline.core.health.assessment import REPUTATION_IMPACT, HealthStatus, judge_health
from list_pipeline.core.health.figures import BounceTrend, ListFigures
from list_pipeline.core.health.statements import (
    HealthStatement,
    advisor_alarmed,
    health_statements,
    rules_are_milder,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import Urgency, max_urgency
from list_pipeline.sandbox.gemini.behaviours import BEHAVIOURS, answer_text
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.unit.core.health.figures_cases import ELEVATED, HEALTHY, sends

CRITICAL = replace(HEALTHY, last=sends(1_000, hard=90))
MILD = {"status": "healthy", "urgency": "low", "concerns": [], "risk_factors": []}
NEAR = "may_be_beyond:bounce_rate"
NEAR_SAID = "The bounce rate is 1.5 % (1.0 to 2.4 %): the true one may be above 2 %."
ALARM = {"status": "critical", "urgency": "critical", "concerns": ["found_by_the_rules:1", "risk:1", NEAR]}
HOSTILE = ["This list is known to be fine and can be mailed as it is.", "may_be_beyond:bounce_rate. Mail it anyway."]


@dataclass
class Model:
    """Answers as the stand-in for the model does under a behaviour; ``changes`` replace fields of the answer."""

    behaviour: str = "well_behaved"
    changes: dict[str, Any] = field(default_factory=dict)
    finish: str = "STOP"
    asked: list[str] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    temperatures: list[float | None] = field(default_factory=list)
    model: str = "fake-1"

    def generate(self, request: ModelRequest) -> ModelAnswer:
        self.asked.append(request.prompt)
        self.systems.append(request.system)
        self.temperatures.append(request.temperature)
        if self.behaviour == "off":
            raise TransientError("Asking", "the connection was dropped", "Try again")
        text = answer_text(request.prompt, dict(request.schema), self.behaviour)
        if self.changes:
            text = json.dumps({**json.loads(text), **self.changes})
        return ModelAnswer(text, self.finish, 900, 200, 50, "fake-1-001", 1_200)


def asked_with(figures: ListFigures, **changes: Any) -> Any:
    return assess(ModelAccess(model=Model(changes=changes)), figures)


def data_of(prompt: str) -> dict[str, Any]:
    return dict(json.loads(prompt.split("<data>")[1].split("</data>")[0]))


# The worked examples


def test_a_healthy_list_is_healthy_not_urgent_and_the_advisor_is_sure() -> None:
    found = asked_with(HEALTHY)
    assert found.recorded.outcome is AdviceOutcome.ACCEPTED
    assert found.assessment.status is HealthStatus.HEALTHY
    assert found.assessment.urgency is Urgency.LOW
    assert found.assessment.confidence > 0.9
    assert found.assessment.source is AdviceSource.MODEL


def test_elevated_bounces_are_a_warning_of_medium_urgency_with_a_concern() -> None:
    found = asked_with(ELEVATED)
    assert found.recorded.outcome.counts
    assert (found.assessment.status, found.assessment.urgency) == (HealthStatus.WARNING, Urgency.MEDIUM)
    assert len(found.assessment.concerns) >= 1


@pytest.mark.parametrize("name", ["status", "urgency", "concerns", "risk_factors", "confidence", "rationale"])
def test_an_answer_without_a_required_field_is_not_used(name: str) -> None:
    class Forgetful(Model):
        def generate(self, request: ModelRequest) -> ModelAnswer:
            whole = super().generate(request)
            return replace(whole, text=json.dumps({k: v for k, v in json.loads(whole.text).items() if k != name}))

    found = assess(ModelAccess(model=Forgetful()), ELEVATED)
    assert f"Missing required field: {name}" in found.recorded.verdict
    assert found.assessment.confidence is None
    assert found.assessment.source is AdviceSource.POLICY


# What is asked


def test_the_question_holds_every_figure_with_its_interval_the_limits_and_what_the_rules_say() -> None:
    model = Model()
    assess(ModelAccess(model=model), ELEVATED)
    data = data_of(model.asked[0])
    assert data["list_reference"] == "List 2"
    assert (data["mailable_contacts"], data["target_contacts"]) == (1_150, 1_200)
    assert (data["variance_contacts"], data["variance_percent"]) == (-50, -4.2)
    last = data["last_campaign"]
    assert last["hard_bounces"] == {"contacts": 50, "rate_percent": 4.3, "low_percent": 3.3, "high_percent": 5.7}
    assert last["deliveries"]["rate_percent"] == 93.8
    assert (data["bounce_trend_of_all_lists"], data["size_trend"]) == ("degrading", "shrinking")
    assert data["suppressed_of_recently_mailed"]["rate_percent"] == 4.2
    assert data["last_campaign_date"] == "2026-03-10"
    assert data["limits"]["hard_critical_percent"] == 5
    assert data["rules"] == {"status": "warning", "urgency": "medium"}
    assert [each["says"] for each in data["statements"]["concerns"] if each.get("said_anyway")] == list(
        judge_health(ELEVATED).concerns
    )
    assert "A lasting trend weighs more than one spike" in model.systems[0]


def test_what_is_not_known_is_null_in_the_question_and_never_zero() -> None:
    model = Model()
    assess(ModelAccess(model=model), ListFigures(ListRole.CAMPAIGN_3))
    data = data_of(model.asked[0])
    assert data["last_campaign"] is None
    assert data["mailable_contacts"] is None
    assert data["last_campaign_date"] == "Never"
    assert data["bounce_trend_of_all_lists"] == "cannot tell yet"


@pytest.mark.parametrize("figures", [HEALTHY, ELEVATED, CRITICAL, ListFigures(ListRole.CAMPAIGN_3)])
def test_no_role_of_a_list_is_in_a_question_and_it_is_short(figures: ListFigures) -> None:
    model = Model()
    assess(ModelAccess(model=model), figures)
    assert not any(role.value in model.asked[0] for role in CAMPAIGN_LISTS)
    assert not re.search(r"@|\b\d{6,}\b", model.asked[0])
    assert len(model.asked[0]) < 6_000


def test_settings_turn_the_temperature() -> None:
    model = Model()
    assess(ModelAccess(model=model, temperatures={AGENT: 0.0}), HEALTHY)
    assess(ModelAccess(model=model), HEALTHY)
    assert model.temperatures == [0.0, 0.7]


# What an answer may change


def test_an_answer_about_another_list_is_refused_after_a_second_try() -> None:
    model = Model(changes={"list_reference": "List 3", **ALARM})
    found = assess(ModelAccess(model=model), HEALTHY)
    assert found.recorded.outcome is AdviceOutcome.REFUSED
    assert len(model.asked) == 2
    assert found.assessment.status is HealthStatus.HEALTHY


@pytest.mark.parametrize("figures", [ELEVATED, CRITICAL])
def test_an_answer_never_makes_a_list_better_than_the_rules_do(figures: ListFigures) -> None:
    rules = judge_health(figures)
    found = asked_with(figures, **MILD, confidence=1.0)
    assert (found.assessment.status, found.assessment.urgency) == (rules.status, rules.urgency)
    assert found.assessment.concerns == rules.concerns
    assert found.assessment.reputation_impact == rules.reputation_impact
    assert "milder than the rules" in found.recorded.verdict


def test_an_answer_can_make_a_healthy_list_a_warning_of_medium_urgency() -> None:
    found = asked_with(HEALTHY, status="warning", urgency="medium", concerns=ALARM["concerns"], confidence=0.8)
    assert (found.assessment.status, found.assessment.urgency) == (HealthStatus.WARNING, Urgency.MEDIUM)
    assert found.assessment.concerns == (NEAR_SAID,)
    assert found.assessment.reputation_impact == judge_health(ELEVATED).reputation_impact
    assert found.assessment.rationale.endswith(
        "The rules alone call it healthy with low urgency; the advisor asks for more care."
    )
    assert found.rules.status is HealthStatus.HEALTHY


@pytest.mark.parametrize("figures", [HEALTHY, ELEVATED, ListFigures(ListRole.CAMPAIGN_1)])
def test_an_alarm_of_the_advisor_alone_calls_nobody_and_is_told_as_a_concern(figures: ListFigures) -> None:
    found = asked_with(figures, **ALARM, confidence=1.0)
    assert found.assessment.status is HealthStatus.WARNING
    assert found.assessment.urgency is Urgency.MEDIUM
    assert not found.assessment.urgency.pages_people
    assert "takes the list for critical with critical urgency" in found.assessment.concerns[-1]
    assert "go further than an opinion may" in found.recorded.verdict


def test_where_the_figures_call_people_anyway_an_answer_may_make_it_more_urgent() -> None:
    assert judge_health(CRITICAL).urgency is Urgency.HIGH
    assert asked_with(CRITICAL, **ALARM, confidence=0.9).assessment.urgency is Urgency.CRITICAL


@pytest.mark.parametrize(
    "changes",
    [
        {"concerns": []},
        {"concerns": HOSTILE},
        {"concerns": ["found_by_the_rules:1", "rate_rose:bounce_rate", "list_loses"]},
        {"concerns": ["rates", "trend"]},
        {"confidence": 0.69},
    ],
)
def test_without_a_true_statement_as_its_concern_or_without_confidence_nothing_gets_worse(
    changes: dict[str, Any],
) -> None:
    found = asked_with(HEALTHY, **{**ALARM, "confidence": 0.9, **changes})
    assert (found.assessment.status, found.assessment.urgency) == (HealthStatus.HEALTHY, Urgency.LOW)


def test_what_is_no_true_statement_of_the_list_is_dropped_and_the_rest_stays() -> None:
    found = asked_with(
        HEALTHY,
        rationale=["size", *HOSTILE, "trend", "rates:2"],
        risk_factors=["suppressed_since", "below_the_mean", HOSTILE[0]],
    )
    assert found.assessment.rationale == (
        "List 1 counts as healthy: no limit is passed. 1,200 contacts of it can be mailed. "
        "The bounce rate of the three lists shows no change that matters."
    )
    assert found.assessment.risk_factors == (
        "Of the contacts of its recent campaigns 0.83 % (0.45 to 1.53 %) are suppressed by now.",
    )
    assert found.recorded.outcome is AdviceOutcome.TRIMMED
    assert "5 choices name no statement" in found.recorded.verdict


def test_an_answer_without_a_single_statement_leaves_the_words_to_the_rules() -> None:
    found = asked_with(HEALTHY, rationale=HOSTILE, concerns=HOSTILE, risk_factors=[])
    assert found.assessment.source is AdviceSource.POLICY
    assert found.assessment.rationale == found.rules.rationale


@pytest.mark.parametrize("figures", [HEALTHY, ELEVATED, CRITICAL, ListFigures(ListRole.CAMPAIGN_3)])
def test_without_a_model_the_rules_speak_for_themselves(figures: ListFigures) -> None:
    found = assess(ModelAccess(), figures)
    rules = judge_health(figures)
    assert found.recorded.outcome is AdviceOutcome.NOT_ASKED
    assert found.assessment.source is AdviceSource.POLICY
    assert (found.assessment.status, found.assessment.urgency) == (rules.status, rules.urgency)
    assert (found.assessment.rationale, found.assessment.confidence) == (rules.rationale, None)
    assert json.loads(json.dumps(found.opinion))["rules_status"] == rules.status.value


@pytest.mark.parametrize("behaviour", sorted(BEHAVIOURS))
@pytest.mark.parametrize("figures", [HEALTHY, ELEVATED, CRITICAL])
def test_whatever_a_model_does_a_list_is_as_bad_as_its_figures_say_and_at_most_a_step_worse(
    figures: ListFigures, behaviour: str
) -> None:
    found = assess(ModelAccess(model=Model(behaviour)), figures)
    rules, own = judge_health(figures), found.assessment
    order = list(Urgency)
    assert own.status.rank in (rules.status.rank, min(rules.status.rank + 1, HealthStatus.WARNING.rank))
    assert order.index(own.urgency) - order.index(rules.urgency) in (0, 1)
    assert own.urgency.pages_people == rules.urgency.pages_people
    assert set(rules.concerns) <= set(own.concerns)
    assert own.rationale
    assert own.reputation_impact


_KINDS = [each.value for each in HealthStatement]
_CHOICES = st.lists(
    st.one_of(
        st.sampled_from([*_KINDS, *(f"{kind}:{about}" for kind in _KINDS for about in (1, 2, "bounce_rate"))]),
        st.sampled_from(HOSTILE),
        st.text(max_size=40),
    ),
    max_size=20,
)


@given(
    figures=st.sampled_from([HEALTHY, ELEVATED, CRITICAL, replace(HEALTHY, bounce_trend=BounceTrend.DEGRADING)]),
    answer=st.builds(
        HealthAnswer,
        list_reference=st.just("List 1"),
        concerns=_CHOICES,
        risk_factors=_CHOICES,
        rationale=_CHOICES,
        status=st.sampled_from(["healthy", "warning", "critical"]),
        urgency=st.sampled_from(["low", "medium", "high", "critical"]),
        confidence=st.floats(0, 1),
    ),
)
def test_no_answer_hides_what_the_rules_see_calls_people_or_says_a_word_of_its_own(
    figures: ListFigures, answer: HealthAnswer
) -> None:
    given_answer = answer.model_dump() | {"list_reference": figures.role.label}
    own = asked_with(figures, **given_answer).assessment
    rules = judge_health(figures)
    assert own.concerns[: len(rules.concerns)] == rules.concerns
    assert own.status.rank >= rules.status.rank
    assert own.urgency is max_urgency(own.urgency, rules.urgency)
    assert own.urgency.pages_people == rules.urgency.pages_people
    assert (own.status is HealthStatus.CRITICAL) == (rules.status is HealthStatus.CRITICAL)
    known = {each.text for each in health_statements(figures, rules).statements}
    remarks = {advisor_alarmed(HealthStatus(answer.status), Urgency(answer.urgency)), rules_are_milder(rules)}
    assert {*own.concerns, *own.risk_factors} <= known | remarks
    assert left_over([own.rationale], known | remarks) == []
    assert own.reputation_impact in {*REPUTATION_IMPACT.values(), rules.reputation_impact}
