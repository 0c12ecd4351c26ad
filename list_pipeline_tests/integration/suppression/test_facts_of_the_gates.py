"""The gates are told what is so. The rules themselves are tested with ``core``; what does not reach them guards nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.maintenance import gates
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install


def test_suppressions_of_earlier_sweeps_and_who_was_no_recipient_reach_the_gate(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    real = gates.judge_suppression

    def judge(facts: Any, policy: Any) -> Any:
        told.append(facts)
        return real(facts, policy)

    monkeypatch.setattr(gates, "judge_suppression", judge)
    monkeypatch.setattr(gates.earlier_looks, "suppressed_in_sweeps", lambda *_: 7)
    run = small.observe()
    suppression.plan_suppression(small.services, run)
    stranger = small.account.people[HARD[0]]
    small.query("delete from campaign_recipient where contact_id = :id returning 1", id=stranger)
    plan, _ = gates.judge_suppression_plan(small.services, run)
    (facts,) = told
    assert facts.executed_before == 7
    assert {item.contact_id for item in facts.items if not item.was_recipient} == {stranger}
    assert (facts.mode, facts.flag_enabled, facts.fetch_complete) == (Mode.AUTO, True, True)
    assert plan.status is PlanStatus.PLANNED


def test_who_may_not_move_since_the_plan_was_made_reaches_the_gate(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, quietly)
    real = gates.plan_rebalancing

    def then_unsubscribed(*given: Any) -> Any:
        plan = real(*given)
        small.query(
            "update contact_list_membership set is_unsubscribed = true where contact_id ="
            " (select min(contact_id) from plan_item where plan_id = :plan) returning 1",
            plan=plan.plan_id,
        )
        return plan

    monkeypatch.setattr(gates, "plan_rebalancing", then_unsubscribed)
    plan, decision = gates.judge_rebalancing_plan(small.services, run)
    assert decision is not None
    assert decision.refused
    assert plan.status is PlanStatus.PLANNED


@pytest.mark.parametrize("kind", [PlanKind.SUPPRESSION, PlanKind.REBALANCING])
def test_a_campaign_outside_its_age_is_left_to_a_person(install_small: Install, kind: PlanKind) -> None:
    with install_small() as made:
        if kind is PlanKind.SUPPRESSION:
            made.clock.advance(timedelta(days=30))
            made.decide_suppression()
        else:
            run = made.decide_suppression()
            suppression.execute_suppressions(made.services, run, quietly)
            made.clock.advance(timedelta(days=30))
            gates.judge_rebalancing_plan(made.services, run)
        assert made.plan(kind).status is PlanStatus.PENDING_REVIEW


def test_a_plan_that_waits_or_that_a_person_approved_is_not_judged_again_by_a_freer_mode(
    install_small: Install,
) -> None:
    with install_small(list_management_mode="approval_required") as made:
        run, freer = made.decide_suppression(), made.another(list_management_mode="auto")
        waiting, decision = gates.judge_suppression_plan(freer, run)
        assert (waiting.status, decision) == (PlanStatus.PENDING_REVIEW, None)
        approve(made.services, waiting.plan_id, by="ada", content_hash=waiting.content_hash)
        approved, decision = gates.judge_suppression_plan(made.another(list_management_mode="read_only"), run)
        assert (approved.status, approved.decided_by, decision) == (PlanStatus.APPROVED, "ada", None)
