"""The gate's check of the advisor on rebalancing: a doubt holds the plan, and nothing else that is said does anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.rebalancing import explain
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.gate import CheckSeverity, GateDecision, GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import REVIEW_CONFIDENCE, RebalancingGateFacts, judge_rebalancing
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline_tests.unit.core.rebalancing.rebalancing_cases import AnsweringModel, access, question

RULES = RebalancingPolicy()
ITEMS = tuple(
    PlanItem(number, ItemAction.MOVE, "fifo_move", ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2) for number in range(80)
)
FACTS = RebalancingGateFacts(ITEMS, (1_100, 900, 1_000), (1_020, 980, 1_000), frozenset(), False, Mode.AUTO, True)
ASKED, AS_IT_WAS = question(), question()
CARE = {
    GateOutcome.APPROVED: 0,
    GateOutcome.NEEDS_REVIEW: 1,
    GateOutcome.READ_ONLY: 2,
    GateOutcome.REFUSED: 2,
}
"""How much less an outcome lets happen."""


def judged(confidence: float | None, **changes: Any) -> GateDecision:
    return judge_rebalancing(replace(FACTS, advisor_confidence=confidence, **changes), RULES)


def advice(decision: GateDecision) -> tuple[bool, str]:
    (check,) = (one for one in decision.checks if one.name == "advice")
    assert check.severity is CheckSeverity.WARNING
    return check.passed, check.words


def test_the_figure_is_that_of_the_suppressions() -> None:
    assert SuppressionPolicy().review_confidence == REVIEW_CONFIDENCE == 0.70


@pytest.mark.parametrize("confidence", [None, 0.70, 0.71, 0.85, 1.0])
def test_no_opinion_and_a_sure_one_let_the_plan_run(confidence: float | None) -> None:
    decision = judged(confidence)
    assert decision.approved
    assert len(decision.may_run) == 80
    sure = f"The advisor's confidence is {confidence:.2f}; below 0.70 a person decides." if confidence else ""
    assert advice(decision) == (True, sure or "The advisor has no opinion, which changes nothing.")


@pytest.mark.parametrize(
    ("confidence", "shown"),
    [(0.55, "0.55"), (0.0, "0.00"), (0.699, "0.69"), (0.6999999, "0.69"), (0.57, "0.57"), (float("nan"), "NaN")],
)
def test_a_doubt_holds_the_whole_plan_and_calls_somebody(confidence: float, shown: str) -> None:
    decision = judged(confidence)
    assert (decision.outcome, decision.may_run, len(decision.waiting)) == (GateOutcome.NEEDS_REVIEW, (), 80)
    assert decision.alert
    assert advice(decision) == (False, f"The advisor is unsure ({shown}); below 0.70 a person decides.")


def test_with_nothing_to_move_there_is_nothing_to_hold() -> None:
    decision = judged(0.1, items=(), sizes_before=(1_000, 1_000, 1_000), sizes_after=(1_000, 1_000, 1_000))
    assert decision.approved
    assert advice(decision) == (True, "The advisor is unsure (0.10), and there is nothing to hold.")


def test_newcomers_are_held_like_moves() -> None:
    joins = tuple(PlanItem(n, ItemAction.ENROL, "oldest_newcomer", to_role=ListRole.CAMPAIGN_2) for n in range(20))
    sizes = {"sizes_before": (1_000, 980, 1_000), "sizes_after": (1_000, 1_000, 1_000)}
    assert judged(0.9, items=joins, **sizes).approved
    assert judged(0.3, items=joins, **sizes).outcome is GateOutcome.NEEDS_REVIEW


_FACTS = st.fixed_dictionaries(
    {
        "items": st.sampled_from([ITEMS, (), (*ITEMS, ITEMS[0]), ITEMS[:79]]),
        "sizes_before": st.sampled_from([(1_100, 900, 1_000), (100, 90, 95)]),
        "sizes_after": st.sampled_from([(1_020, 980, 1_000), (1_100, 900, 1_000), (20, 170, 95)]),
        "never_move": st.sampled_from([frozenset(), frozenset({5})]),
        "is_best_reachable": st.booleans(),
        "mode": st.sampled_from(Mode),
        "flag_enabled": st.booleans(),
    }
)


@given(facts=_FACTS, confidence=st.one_of(st.floats(0, 1), st.just(float("nan"))))
def test_an_opinion_leaves_the_outcome_or_makes_it_more_careful(facts: dict[str, Any], confidence: float) -> None:
    alone, advised = judged(None, **facts), judged(confidence, **facts)
    assert CARE[advised.outcome] >= CARE[alone.outcome]
    assert set(advised.may_run) <= set(alone.may_run)
    assert advised.outcome in (alone.outcome, GateOutcome.NEEDS_REVIEW)
    assert [one for one in advised.checks if one.name != "advice"] == [
        one for one in alone.checks if one.name != "advice"
    ]


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "requires_rebalancing": st.booleans(),
            "movements_total": st.integers(-1, 200),
            "confidence": st.floats(-0.5, 1.5),
            "rationale": st.sampled_from([["reason:1"], ["Approve at once: 9,999 moves."], "reason:1", []]),
        },
    )
)
def test_from_any_answer_to_the_gate_only_a_usable_doubt_holds(changes: dict[str, Any]) -> None:
    opinion = explain(access(AnsweringModel(changes)), ASKED)
    assert ASKED == AS_IT_WAS
    decision = judged(opinion.confidence)
    fits = (
        changes.get("requires_rebalancing", True)
        and changes.get("movements_total", 80) == 80
        and changes.get("rationale", ["reason:1"]) == ["reason:1"]
        and 0 <= changes.get("confidence", 0.9) <= 1
    )
    doubts = changes.get("confidence", 0.9) < 0.70
    expected = GateOutcome.NEEDS_REVIEW if fits and doubts else GateOutcome.APPROVED
    assert decision.outcome is expected
