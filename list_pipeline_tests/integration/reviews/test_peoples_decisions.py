"""What people decided stands: against a later sweep, against a run that judges at the same moment, and against a mode."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import IllegalTransitionError, RefusedError, StateChangedError
from list_pipeline.core.plans.gate import GateDecision, GateOutcome, GateRecord
from list_pipeline.core.plans.plan import PlanKind, PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import gates, workflow
from list_pipeline.operations.reports.maintenance_report import notify, write_report
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.operations.runs.run import current, due
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

LET_THROUGH = GateRecord(GateOutcome.APPROVED, alert=False, may_run=1, waiting=(), checks=())

pytestmark = pytest.mark.long

SUPPRESSED = (*HARD, COMPLAINED)


def test_a_plan_that_a_person_rejected_is_not_carried_out_by_a_later_sweep(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        reject(made.services, made.plan(PlanKind.SUPPRESSION).plan_id, by="ada")
        assert made.maintain(run_id="second").report.facts.status is RunStatus.REJECTED
        made.clock.advance(timedelta(hours=48))
        automatic = made.another(list_management_mode="auto")
        assert [one.campaign_key for one in due(automatic, sweep=Sweep.H72)] == [made.key]
        workflow.maintain(automatic, made.key, sweep=Sweep.H72, run_id="third", progress=quietly)
        # Nobody may be mailed after a complaint; the others were decided by a person.
        made.assert_suppressed(made.account.ids(COMPLAINED))
        suppressed = made.query("select contact_id from contact_suppression_history")
        assert suppressed == [(made.account.people[COMPLAINED],)]
        rules = made.query(
            "select i.contact_id, i.action, i.rule from plan_item i join plan p using (plan_id)"
            " where p.kind = 'suppression' and p.sweep = '72h' and i.contact_id = any(:ids)",
            ids=sorted(made.account.ids(*HARD)),
        )
        assert sorted(rules) == sorted((i, "keep", "rejected_by_person") for i in made.account.ids(*HARD))


def test_without_a_rejection_the_same_later_sweep_suppresses(install_small: Install) -> None:
    with install_small() as made:
        made.clock.advance(timedelta(hours=48))
        workflow.maintain(made.services, made.key, sweep=Sweep.H72, run_id="first", progress=quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))


@pytest.mark.parametrize("decided", [PlanStatus.APPROVED, PlanStatus.REJECTED])
def test_a_gate_that_saw_the_plan_before_a_person_decided_writes_nothing(
    install_small: Install, decided: PlanStatus
) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.decide_suppression()
        seen = made.plan(PlanKind.SUPPRESSION)
        if decided is PlanStatus.APPROVED:
            approve(made.services, seen.plan_id, by="ada", content_hash=seen.content_hash[:8])
        else:
            reject(made.services, seen.plan_id, by="ada")
        stands = made.plan(PlanKind.SUPPRESSION)
        assert (stands.status, stands.decided_by) == (decided, "ada")
        # The status as it was seen, and even the status as it is: what a person decided is no gate's any more.
        for stale in (seen, stands):
            with (
                pytest.raises((StateChangedError, IllegalTransitionError)),
                made.services.database.begin() as connection,
            ):
                plan_rows.set_gate(connection, stale, PlanStatus.APPROVED, LET_THROUGH, made.clock.now(), "gate")
        assert made.plan(PlanKind.SUPPRESSION) == stands


def test_a_gate_that_sees_the_plan_as_it_is_writes_its_decision(small: Installation) -> None:
    run = small.observe()
    seen = suppression.plan_suppression(small.services, run)
    with small.services.database.begin() as connection:
        plan_rows.set_gate(connection, seen, PlanStatus.APPROVED, LET_THROUGH, small.clock.now(), "gate")
    with pytest.raises(StateChangedError), small.services.database.begin() as connection:
        plan_rows.set_gate(connection, seen, PlanStatus.PENDING_REVIEW, LET_THROUGH, small.clock.now(), None)
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.APPROVED


def test_a_person_who_decides_while_another_run_judges_is_not_overruled(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, careful = small.observe(), small.another(list_management_mode="approval_required")
    real, busy = gates._decide_on_suppressions, []

    def decide(*arguments: Any) -> GateDecision:
        decision = real(*arguments)
        if not busy:
            busy.append(decision)
            waiting, _ = gates.judge_suppression_plan(careful, run)
            reject(careful, waiting.plan_id, by="ada")
        return decision

    monkeypatch.setattr(gates, "_decide_on_suppressions", decide)
    judged, decision = gates.judge_suppression_plan(small.services, run)
    assert busy[0].approved
    assert decision is None
    assert (judged.status, judged.decided_by) == (PlanStatus.REJECTED, "ada")
    before = small.control.digest()
    suppression.execute_suppressions(small.services, run, quietly)
    assert small.control.digest() == before


def test_a_plan_that_waits_is_not_judged_again_by_a_freer_mode(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        before = made.control.digest()
        again = made.maintain(made.another(list_management_mode="auto"), run_id="second")
        assert again.report.facts.status is RunStatus.PENDING_REVIEW
        assert made.plan(PlanKind.SUPPRESSION).decided_by is None
        assert made.control.digest() == before


def test_a_decision_needs_a_name_the_hash_that_was_shown_and_a_plan_that_waits(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.decide_suppression()
        plan = made.plan(PlanKind.SUPPRESSION)
        for by, shown in (("", plan.content_hash), ("gate", plan.content_hash), ("ada", "0" * 64), ("ada", "")):
            with pytest.raises(RefusedError):
                approve(made.services, plan.plan_id, by=by, content_hash=shown)
        assert made.plan(PlanKind.SUPPRESSION) == plan
        reject(made.services, plan.plan_id, by="ada")
        with pytest.raises(RefusedError, match="rejected"):
            approve(made.services, plan.plan_id, by="bob", content_hash=plan.content_hash)


@pytest.mark.parametrize("settings", [{"list_management_mode": "read_only"}, {"list_management_enabled": False}])
def test_what_was_only_looked_at_is_due_and_done_when_changes_are_allowed(
    install_small: Install, settings: dict[str, object]
) -> None:
    with install_small(**settings) as made:
        assert made.maintain().report.facts.status is RunStatus.READ_ONLY
        made.clock.advance(timedelta(hours=1))
        assert due(made.services) == []
        allowed = made.another(list_management_mode="auto", list_management_enabled=True)
        (one,) = due(allowed)
        assert one.campaign_key == made.key
        assert made.maintain(allowed, run_id=one.run_key).report.facts.status is RunStatus.SUCCESS
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert made.query("select attempt, status from list_maintenance_log") == [(1, "success")]
        assert due(allowed) == []


def test_a_campaign_without_anybody_to_suppress_is_rebalanced_once_changes_are_allowed(install_small: Install) -> None:
    with install_small(list_management_mode="read_only") as made:
        made.control.send(made.account.lists.campaign_1, "Letter 3", profile="clean")
        made.clock.advance(timedelta(hours=25))
        synchronise(made.services, progress=quietly)
        for _ in range(2):
            assert made.maintain().report.facts.status is RunStatus.READ_ONLY
        assert made.plan(PlanKind.SUPPRESSION).suppression_summary.suppress.total == 0
        assert made.query("select status from list_maintenance_log") == [("read_only",)]
        allowed = made.another(list_management_mode="auto")
        assert made.key in [one.campaign_key for one in due(allowed)]
        assert made.maintain(allowed, run_id="second").report.facts.status is RunStatus.SUCCESS
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.EXECUTED
        assert made.query("select attempt, status from list_maintenance_log") == [(1, "success")]


def test_what_was_stopped_a_second_time_is_due_at_once_when_changes_are_allowed_again(install_small: Install) -> None:
    with install_small(list_management_mode="read_only") as made:
        allowed, keys = made.another(list_management_mode="auto"), []
        for number in range(3):
            made.maintain(run_id=f"run {number}")
            (one,) = due(allowed)
            keys.append(one.run_key)
            # What is only reported anew was not stopped anew: no second run of the same stop is asked for.
            run = current(made.services, made.key)
            made.clock.advance(timedelta(minutes=5))
            notify(made.services, run, write_report(made.services, run))
            assert [again.run_key for again in due(allowed)] == [one.run_key]
        assert len(set(keys)) == 3
