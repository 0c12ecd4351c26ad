"""What people see of the advice beside the rebalancing plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from list_pipeline.core.advice import AdviceOutcome, AdviceSource, ConsultationSummary
from list_pipeline.core.lists import ListRole
from list_pipeline.core.rebalancing.balance import RebalancingSummary
from list_pipeline.defs.maintenance.rebalancing import advice_metadata, flow_metadata

ADVICE = ConsultationSummary(
    outcome=AdviceOutcome.TRIMMED,
    verdict="accepted: 1 sentences without ground in the input were dropped",
    model="fake-1-001",
    prompt_version="rebalancing-1",
    tokens={"prompt": 900, "output": 200, "thought": 50},
    cost_usd=0.0021,
    latency_ms=1_200,
    is_recalled=False,
)
UNEXPLAINED = RebalancingSummary(
    required=False,
    triggered=False,
    sizes=(20, 20, 20),
    target_sizes=(20, 20, 20),
    moves={},
    enrolments={},
    deferred_moves={},
    deferred_enrolments={},
    deviation_before_percent=0.0,
    deviation_after_percent=0.0,
    is_repaired=False,
    certificate="none",
    lower_bound=0,
    restriction=None,
    reasons=(),
    sent_in_open_cycle=(),
    frozen=(),
)
SUMMARY = replace(
    UNEXPLAINED,
    rationale="The plan makes 2 moves.",
    expected_impact="Every round reaches about as many people.",
    alternatives_considered=("Leaving the lists alone.", "Fewer moves."),
    advised_by=AdviceSource.MODEL,
    advisor_confidence=0.55,
    advice=ADVICE,
)


def shown(summary: RebalancingSummary) -> dict[str, Any]:
    return {name: one.value for name, one in advice_metadata(summary).items()}


def test_the_words_who_wrote_them_and_what_they_cost_stand_beside_the_plan() -> None:
    values = shown(SUMMARY)
    assert values["rationale"] == SUMMARY.rationale
    assert values["expected impact"] == SUMMARY.expected_impact
    assert values["alternatives considered"] == "- Leaving the lists alone.\n- Fewer moves."
    assert values["concerns"] == "none"
    assert values["explained by"] == "the model fake-1-001"
    assert "1 sentences" in values["verdict on the answer"]
    assert (values["advisor_confidence"], values["advisor_tokens"]) == (0.55, 1_150)
    assert (values["advisor_cost_usd"], values["advisor_latency_ms"]) == (0.0021, 1_200)


def test_without_an_answer_the_policy_is_named_and_no_figure_of_a_model_is_shown() -> None:
    silent = replace(ADVICE, verdict="not used: no model is configured", cost_usd=None, latency_ms=None)
    values = shown(replace(SUMMARY, advised_by=AdviceSource.POLICY, advisor_confidence=None, advice=silent))
    assert values["explained by"] == "the policy"
    assert not values.keys() & {"advisor_confidence", "advisor_cost_usd", "advisor_latency_ms"}


def test_a_plan_made_before_plans_were_explained_is_shown_without() -> None:
    assert shown(UNEXPLAINED) == {}


def test_lists_are_called_by_their_names() -> None:
    plan = replace(SUMMARY, moves={"campaign_1->campaign_3": 1_014}, enrolments={ListRole.CAMPAIGN_3: 40})
    found = {name: str(value.value) for name, value in flow_metadata(plan).items()}
    assert "| List 1 | List 3 | 1,014 |" in found["moves by list"]
    assert "| List 3 | 40 |" in found["enrolments by list"]
