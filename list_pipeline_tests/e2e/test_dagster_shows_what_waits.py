"""What waits shows itself in Dagster, and is decided there: from the plan to a launchpad filled in, to the run of its job."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import pytest
import yaml

from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline_tests.e2e.dagster_runs import ADDRESS, DagsterHome, failures, metadata

pytestmark = pytest.mark.long

PLANS = "select plan_id, kind, status, decided_by, content_hash from plan order by plan_id"


def launch(home: DagsterHome, job: str, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    return home.defs.resolve_job_def(job).execute_in_process(
        instance=home.instance, run_config=config, raise_on_error=False
    )


def filled_in(url: str) -> tuple[str, dict[str, Any]]:
    """The job that a link leads to, and the configuration that stands in its launchpad."""
    at = urlsplit(url)
    location, job = at.path.removeprefix("/locations/").removesuffix("/playground/setup").split("/jobs/")
    assert location == "list_pipeline.definitions"
    return job, yaml.safe_load(parse_qs(at.query)["config"][0])


def decided(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        one.asset_key.to_user_string(): one
        for one in result.get_asset_check_evaluations()
        if one.check_name == "decided"
    }


def test_a_plan_that_waits_warns_at_its_gate_and_leads_to_the_form_that_decides_it(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    home.settings = {"list_management_mode": "approval_required"}
    result = home.execute(due)
    (plan,) = home.rehearsal.rows(PLANS)
    seen = decided(result)
    gate = seen["approved_suppression_plan"]
    assert (gate.passed, gate.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert gate.description == f"Plan {plan['plan_id']} waits for a person."
    assert seen["rebalancing_plan"].passed
    for asset in ("suppression_plan", "approved_suppression_plan", "maintenance_report", "maintenance_notification"):
        shown = metadata(result, asset)
        assert shown["plan"].startswith(f"{plan['plan_id']} (suppression, ")
        assert shown["content hash"] == plan["content_hash"][:12]
    url = metadata(result, "approved_suppression_plan")[f"decide on plan {plan['plan_id']}"]
    assert metadata(result, "maintenance_notification")[f"decide on plan {plan['plan_id']}"] == url
    assert not ADDRESS.search(str(url))

    job, config = filled_in(str(url))
    assert job == "decide_plan"
    # Nobody's name is filled in, so nothing is decided by a click alone.
    assert not launch(home, job, config).success
    config["ops"]["write_plan_decision"]["config"]["by"] = "A. Person"
    assert launch(home, job, config).success
    (request,) = home.requests("maintenances_to_resume")
    second = home.execute(request)
    assert failures(second) == {}
    assert decided(second)["approved_suppression_plan"].passed
    assert not decided(second)["rebalancing_plan"].passed


def test_questions_about_single_contacts_lead_to_their_form_and_every_contact_is_shown(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    result = home.execute(due)
    account = home.rehearsal
    asked = account.rows("select review_id from review_item where status = 'open' and plan_id is not null order by 1")
    assert asked
    shown = metadata(result, "approved_suppression_plan")
    assert decided(result)["approved_suppression_plan"].passed
    for one in asked:
        assert f"question {one['review_id']}, " in shown["waits for a person"]
        job, config = filled_in(str(shown[f"decide on question {one['review_id']}"]))
        config["ops"]["write_item_decision"]["config"] |= {"by": "A. Person", "decision": "reject"}
        assert launch(home, job, config).success
    assert account.scalar("select count(*) from review_item where status = 'open' and plan_id is not null") == 0

    rows = "".join(
        str(value) for name, value in metadata(result, "suppression_plan").items() if name.startswith("who and why")
    )
    people = account.rows("select contact_id from plan_item join plan using (plan_id) where action = 'suppress'")
    assert people
    assert [one for one in people if f"| {one['contact_id']} |" not in rows] == []
    moved = "".join(
        str(value) for name, value in metadata(result, "rebalancing_plan").items() if name.startswith("who and where")
    )
    moves = account.rows("select contact_id from plan_item join plan using (plan_id) where kind = 'rebalancing'")
    assert [one for one in moves if f"| {one['contact_id']} |" not in moved] == []
    assert not ADDRESS.search(rows + moved)


def test_the_mode_is_set_in_dagster(home: DagsterHome) -> None:
    def choose(**config: str) -> bool:
        return launch(home, "set_mode", {"ops": {"write_mode": {"config": config}}}).success

    services = home.rehearsal.services
    assert not choose(mode="read_only", by="")
    assert choose(mode="read_only", by="ada", note="a bad day")
    assert operating_mode(services) is Mode.READ_ONLY
    assert choose(mode="graduated", by="ada")
    assert operating_mode(services) is Mode.AUTO
    with pytest.raises(dg.DagsterInvalidConfigError):
        choose(mode="whatever", by="ada")


def test_a_blocked_campaign_is_let_go_in_dagster_only_by_who_is_sure(home: DagsterHome) -> None:
    said = {"campaign_key": "2026-01-01-r1-none", "by": "ada", "note": "it is fine"}

    def unblock(**more: Any) -> str:
        done = launch(home, "unblock_campaign", {"ops": {"write_unblocking": {"config": {**said, **more}}}})
        assert not done.success
        return str(failures(done))

    assert "is_sure is not set" in unblock()
    assert "is_sure" not in unblock(is_sure=True)
