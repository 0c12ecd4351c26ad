"""Deciding in Dagster: a person fills in a job's form, and sensors do the rest. What the gate saw stands beside its asset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import pytest

from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, judge_rebalancing
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.gate import SuppressionGateFacts, judge_suppression
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.defs.maintenance.gate_checks import REBALANCING_RULES, SUPPRESSION_RULES
from list_pipeline_tests.e2e.dagster_runs import (
    ADDRESS,
    DagsterHome,
    failures,
    metadata,
    strings_in,
)
from list_pipeline_tests.e2e.rehearsals import SUPPRESSION, Rehearsal
from list_pipeline_tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.long

PLANS = "select plan_id, kind, status, decided_by, content_hash from plan order by plan_id"
LATE = "decisions_to_carry_out"


def decide(home: DagsterHome, job: str, op: str, **config: Any) -> dg.ExecuteInProcessResult:
    """What the Launchpad does with a filled-in form."""
    return home.defs.resolve_job_def(job).execute_in_process(
        instance=home.instance, run_config={"ops": {op: {"config": config}}}, raise_on_error=False
    )


def decide_plan(home: DagsterHome, **config: Any) -> dg.ExecuteInProcessResult:
    return decide(home, "decide_plan", "write_plan_decision", **config)


def decide_item(home: DagsterHome, **config: Any) -> dg.ExecuteInProcessResult:
    return decide(home, "decide_review_item", "write_item_decision", **config)


def carry_out(home: DagsterHome, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """The run that the sensor asks for."""
    return home.defs.resolve_job_def("carry_out_approved_items").execute_in_process(
        instance=home.instance, run_config=dict(request.run_config), raise_on_error=False
    )


def gate_checks(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, tuple[bool, str]]:
    """Per rule of a gate whether it passed, and its words; other checks of the same asset are left out."""
    return {
        one.check_name: (one.passed, str(one.description))
        for one in result.get_asset_check_evaluations()
        if one.asset_key.path[-1] == asset and one.check_name in {**SUPPRESSION_RULES, **REBALANCING_RULES}
    }


def test_the_checks_are_the_rules_of_both_gates() -> None:
    suppression = judge_suppression(SuppressionGateFacts(0, 0, (), True, Mode.AUTO, True), SuppressionPolicy())
    rebalancing = judge_rebalancing(
        RebalancingGateFacts((), (1, 1, 1), (1, 1, 1), frozenset(), True, Mode.AUTO, True), RebalancingPolicy()
    )
    assert [check.name for check in suppression.checks] == list(SUPPRESSION_RULES)
    assert [check.name for check in rebalancing.checks] == list(REBALANCING_RULES)


def test_what_a_send_is_and_who_wants_mail_again_can_be_said_in_dagster(home: DagsterHome, due: dg.RunRequest) -> None:
    account, key = home.rehearsal, str(due.partition_key)
    assert not decide(home, "rule_on_round", "write_ruling", campaign_key=key, ruling="NOT_A_ROUND", by="").success
    assert decide(home, "rule_on_round", "write_ruling", campaign_key=key, ruling="NOT_A_ROUND", by="ada").success
    (ruled,) = account.rows("select round_ruling, round_ruled_by from campaign_schedule where round_ruling is not null")
    assert dict(ruled) == {"round_ruling": "not_a_round", "round_ruled_by": "ada"}
    ((left),) = account.rows(
        "insert into kept_unsubscription (contact_id, list_role, kept_at)"
        " select contact_id, 'campaign_1', now() from contact_list_membership limit 1 returning contact_id"
    )
    said = {"contact_id": left["contact_id"], "by": "ada"}
    assert not decide(home, "take_back_unsubscription", "note_wish_for_mail", **said, note=" ").success
    assert decide(home, "take_back_unsubscription", "note_wish_for_mail", **said, note="wrote to us").success
    assert account.scalar("select taken_back_by from kept_unsubscription") == "ada"


def test_a_mass_change_is_decided_in_dagster(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    account.rows(
        "insert into mass_change (matter, list_role, kind, found_at, seen_at, contacts, size_before, ordinary)"
        " values (1, 'campaign_2', 'came', now(), now(), 300, 900, 45) returning 1"
    )
    job, said = ("decide_mass_change", "write_mass_change_decision"), {"number": 1, "by": "ada", "note": "an import"}
    assert not decide(home, *job, **said, decision="repair").success
    assert not decide(home, *job, **{**said, "note": " "}, decision="accept").success
    assert decide(home, *job, **said, decision="accept").success
    assert account.scalar("select closed_by from mass_change where status = 'accepted'") == "ada"
    assert home.execute(due).success


def test_a_cycle_and_a_finding_are_closed_in_dagster(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    ((made),) = account.rows(
        "insert into review_item (kind, summary, created_at) values ('finding', 'odd', now()) returning review_id"
    )
    said = {"review_id": made["review_id"], "by": "ada"}
    assert not decide(home, "close_finding", "write_finding_closed", **said, note=" ").success
    assert decide(home, "close_finding", "write_finding_closed", **said, note="looked at it").success
    assert account.scalar("select status from review_item where summary = 'odd'") == "resolved"
    # The latest cycle without its last round.
    account.rows(
        "update campaign_schedule set cycle_id = null where id = (select max(id) from campaign_schedule where cycle_id ="
        " (select cycle_id from cycle order by opened_at desc limit 1)) returning 1"
    )
    account.rows(
        "update cycle set closed_at = null, closed_reason = null"
        " where opened_at = (select max(opened_at) from cycle) returning 1"
    )
    assert not decide(home, "close_cycle", "write_closing", by="ada", note="").success
    assert account.rows("select 1 from cycle_closing") == []
    assert decide(home, "close_cycle", "write_closing", by="ada", note="no more rounds").success
    assert account.scalar("select closed_by from cycle_closing where reopened_at is null") == "ada"
    assert decide(home, "close_cycle", "write_closing", by="ada", note="they come", reopen=True).success
    assert account.rows("select 1 from cycle_closing where reopened_at is null") == []


def test_the_five_lists_are_confirmed_in_dagster_and_what_waited_goes_on(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    account.rows("delete from list_confirmation returning 1")
    assert home.execute(due).success
    assert account.changing_requests() == {}
    assert home.requests("maintenances_to_resume") == []
    assert not decide(home, "confirm_lists", "write_confirmation", by="").success
    assert decide(home, "confirm_lists", "write_confirmation", by="A. Person").success
    (request,) = home.requests("maintenances_to_resume")
    assert home.execute(request).success
    assert account.changing_requests() != {}


def test_a_plan_approved_in_dagster_goes_on_through_the_sensor(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    home.settings = {"list_management_mode": "approval_required"}
    result = home.execute(due)
    seen = gate_checks(result, "approved_suppression_plan")
    assert seen.keys() == SUPPRESSION_RULES.keys()
    assert seen["mode"] == (False, "Every plan that changes something waits for a person.")
    assert seen["cap"][0]
    assert "recipients" in seen["cap"][1]
    assert home.requests() == []
    digest = account.control.digest()

    (plan,) = account.rows(PLANS)
    wrong = decide_plan(home, plan_id=plan["plan_id"], decision="approve", by="A. Person", content_hash="0" * 12)
    assert "hash" in failures(wrong)["write_plan_decision"]
    assert account.rows(PLANS) == [plan]
    shown = plan["content_hash"][:12]
    done = decide_plan(
        home, plan_id=plan["plan_id"], decision="approve", by="A. Person", content_hash=shown, note="seen"
    )
    assert done.success
    assert account.control.digest() == digest
    # This sensor looks ten times as often as the other: a decision is no end, and it reports none.
    assert home.requests("maintenances_to_report") == []
    (request,) = home.requests()
    result = home.execute(request)
    assert result.success
    assert metadata(result, "suppression_result")["confirmed"] > 40
    # The gate's words stand there as it said them, and the rebalancing's beside its own plan.
    assert gate_checks(result, "approved_suppression_plan") == seen
    assert gate_checks(result, "rebalancing_plan").keys() == REBALANCING_RULES.keys()
    assert metadata(result, "rebalancing_plan")["state"].startswith("WAITS. Plan ")
    assert metadata(result, "rebalancing_result")["state"].startswith("NOTHING DONE. Plan ")

    # Whom the plan holds is in quarantine by the same approval.
    _, kept, second = account.rows(PLANS)
    assert (kept["kind"], kept["status"]) == ("quarantine", "executed")
    assert (second["kind"], second["status"]) == ("rebalancing", "pending_review")
    digest = account.control.digest()
    assert decide_plan(home, plan_id=second["plan_id"], decision="expire", by="A. Person").success
    (request,) = home.requests()
    result = home.execute(request)
    assert metadata(result, "maintenance_report")["status"] == "success"
    assert account.control.digest() == digest
    assert {row["decided_by"] for row in account.rows(PLANS)} == {"A. Person"}


def test_a_plan_rejected_in_dagster_changes_nothing(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    home.settings = {"list_management_mode": "approval_required", "list_reviewers": "A. Person"}
    home.execute(due)
    digest = account.control.digest()
    (plan,) = account.rows(PLANS)
    refused = decide_plan(home, plan_id=plan["plan_id"], decision="reject", by="Somebody")
    assert "LIST_REVIEWERS" in failures(refused)["write_plan_decision"]
    assert decide_plan(home, plan_id=plan["plan_id"], decision="reject", by="a. person").success
    assert account.rows(PLANS)[0]["status"] == "rejected"
    (request,) = home.requests()
    home.execute(request)
    assert account.control.digest() == digest


def test_while_the_suppression_waits_the_rebalancing_says_that_it_was_not_judged(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    home.settings = {"suppression_cap_percent": 0.1}
    result = home.execute(due)
    assert failures(result) == {}
    assert not gate_checks(result, "approved_suppression_plan")["cap"][0]
    seen = gate_checks(result, "rebalancing_plan")
    assert seen.keys() == REBALANCING_RULES.keys()
    assert {passed for passed, _ in seen.values()} == {False}
    assert all("Not judged" in words for _, words in seen.values())


def test_an_incident_approved_in_dagster_is_carried_out_by_the_sensor_once(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    account = home.rehearsal
    assert home.execute(due).success
    held = set(account.control.answers()["incident_domain"])
    assert held
    assert not held & account.members(SUPPRESSION).keys()
    questions = account.rows(
        "select r.review_id, p.content_hash from review_item r join plan p using (plan_id) where r.kind = 'incident'"
    )
    assert isinstance(home.ask(LATE), dg.SkipReason)
    for one in questions:
        done = decide_item(home, review_id=one["review_id"], decision="approve", by="A. Person",
                           content_hash=one["content_hash"][:8])  # fmt: skip
        assert done.success
    (request,) = home.requests(LATE)
    assert home.requests(LATE) == [request]
    assert carry_out(home, request).success
    assert held <= account.members(SUPPRESSION).keys()
    digest = account.control.digest()
    assert isinstance(home.ask(LATE), dg.SkipReason)
    assert carry_out(home, request).success
    assert account.control.digest() == digest
    found = {text[:200] for event in home.events() for text in strings_in(event) if ADDRESS.search(text)}
    assert found == set()


def test_a_rejected_incident_is_never_carried_out(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    assert home.execute(due).success
    (question, *_) = account.rows("select review_id from review_item where kind = 'incident'")
    digest = account.control.digest()
    assert decide_item(home, review_id=question["review_id"], decision="reject", by="A. Person").success
    assert isinstance(home.ask(LATE), dg.SkipReason)
    assert account.control.digest() == digest
    again = decide_item(home, review_id=question["review_id"], decision="approve", by="B. Person", content_hash="0" * 8)
    assert "rejected" in failures(again)["write_item_decision"]


def test_a_plan_that_the_gate_refuses_shows_what_the_gate_saw_beside_the_failure(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    account = home.rehearsal
    home.settings = {"list_management_mode": "read_only"}
    home.execute(due)
    with account.services.database.begin() as connection:
        connection.exec_driver_sql(
            "update plan_item set evidence = '[]', has_evidence = false where action = 'suppress'"
        )
    home.settings = {}
    (request,) = home.requests()
    digest = account.control.digest()
    result = home.execute(request)
    assert set(failures(result)) == {"approved_suppression_plan"}
    seen = gate_checks(result, "approved_suppression_plan")
    assert not seen["evidence"][0]
    assert seen["fetch"][0]
    assert account.control.digest() == digest


def test_the_sensor_lets_lapse_what_nobody_decided_on(home: DagsterHome, due: dg.RunRequest) -> None:
    account: Rehearsal = home.rehearsal
    hours = 72
    home.settings = {"list_management_mode": "approval_required"}
    home.execute(due)
    assert isinstance(account.clock, VirtualClock)
    asked: datetime = account.scalar("select created_at from review_item where kind = 'plan'")
    account.pass_time(seconds=hours * 3600 - (account.clock.now() - asked).total_seconds())
    home.ask(LATE)
    assert account.rows(PLANS)[0]["status"] == "pending_review"
    account.pass_time(seconds=1)
    home.ask(LATE)
    plan = account.rows(PLANS)[0]
    assert (plan["status"], plan["decided_by"]) == ("expired", "nobody")
    assert due.partition_key in {request.partition_key for request in home.requests()}


def test_an_unknown_plan_is_said_in_words(home: DagsterHome) -> None:
    said = failures(decide_plan(home, plan_id=4711, decision="reject", by="A. Person"))
    assert "there is no such plan" in said["write_plan_decision"]
