"""The code location as Dagster runs it: sensors that ask for runs, runs that act, and what people see of both."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg

from list_pipeline_tests.e2e.dagster_runs import (
    ADDRESS,
    DagsterHome,
    failures,
    materialized,
    metadata,
    steps,
    strings_in,
)
from list_pipeline_tests.e2e.rehearsals import LIST_1, Rehearsal
from list_pipeline_tests.paths import CHECKOUT

ASSETS = {
    "membership_sync",
    "campaign_metrics",
    "bounce_data",
    "list_snapshot_before",
    "bounce_analysis",
    "list_health_assessments",
    "suppression_plan",
    "approved_suppression_plan",
    "suppression_result",
    "rebalancing_plan",
    "rebalancing_result",
    "list_snapshot_after",
    "cache_refreshed",
    "maintenance_report",
    "maintenance_notification",
    "list_states",
}
NOTHING_WRITTEN = """
    select (select count(*) from list_maintenance_log) + (select count(*) from plan) + (select count(*) from bounce_fetch)
         + (select count(*) from contact_suppression_history) + (select count(*) from notification) as written
"""
SYNCS = "select count(*) from sync_run"


# A run from the sensor to the message


def test_the_sensor_finds_the_campaign_and_one_run_does_all_of_its_maintenance(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    assert due.partition_key in home.instance.get_dynamic_partitions("campaigns")
    assert due.run_key == f"{due.partition_key}:24h:1"
    result = home.execute(due)
    assert result.success
    assert materialized(result) == ASSETS
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    known = home.defs.resolve_asset_graph().asset_check_keys
    assert checks.keys() == {check.name for check in known if check.asset_key.path[-1] in ASSETS}
    # The seed has a contact in two lists and a domain that failed, which shows in the rates of its list: the checks report
    # it and the run goes on.
    reported = {"nobody_is_in_two_lists", "moves_are_minimal", "incidents", "review_band"}
    reported |= {"no_list_is_critical", "every_list_is_healthy", "bounces_do_not_degrade"}
    assert {name for name, one in checks.items() if not one.passed} <= reported
    assert not checks["nobody_is_in_two_lists"].passed
    assert checks["suppressions_within_cap"].passed
    account = home.rehearsal
    (row,) = account.rows("select * from list_maintenance_log")
    assert row["status"] == "success"
    assert row["run_id"] == result.run_id
    assert row["contacts_suppressed"] == len(account.rows("select 1 from contact_suppression_history")) > 40
    assert [message["channel"] for message in account.slack_messages()] == ["C0TRACTION"]
    assert metadata(result, "maintenance_report")["status"] == "success"
    assert metadata(result, "maintenance_notification")["state"] == "sent"
    assert metadata(result, "suppression_result")["confirmed"] == row["contacts_suppressed"]
    assert metadata(result, "suppression_result")["state"] == "done"
    assert metadata(result, "approved_suppression_plan")["state"] == "goes on"
    assert steps(result, "STEP_SKIPPED") == set()
    assert checks["suppression_is_carried_out"].passed
    assert checks["rebalancing_is_carried_out"].passed
    assert home.requests() == []
    assert home.requests("maintenances_to_report") == []


def test_no_address_is_in_any_event_of_a_run(home: DagsterHome, due: dg.RunRequest) -> None:
    result = home.execute(due)
    found = {text[:200] for event in home.events() for text in strings_in(event) if ADDRESS.search(text)}
    found |= {text[:200] for event in result.all_events for text in strings_in(event) if ADDRESS.search(text)}
    assert found == set()
    # The search reaches the plan's rows, and it would know an address.
    contact = str(min(home.rehearsal.control.answers()["hard"]))
    assert any(contact in text for event in home.events() for text in strings_in(event))
    assert ADDRESS.search("to anna.adler7@company-001.example.")


def test_the_plan_shows_masked_addresses(home: DagsterHome, due: dg.RunRequest) -> None:
    found = metadata(home.execute(due), "suppression_plan")
    assert "`list-pipeline why CONTACT`" in found["why one contact"]
    rows = found["who and why"]
    assert len(re.findall(r"\| \S\*\*\*@\S\*\*\*\.[a-z]+ \|", rows.replace("\\", ""))) > 40
    assert "[address]" not in rows


def test_materializing_the_whole_partition_again_changes_nothing_and_tells_nobody(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    account = home.rehearsal
    assert home.execute(due).success
    digest, history = account.control.digest(), account.rows("select * from contact_suppression_history order by id")
    logs = account.rows("select * from list_maintenance_log")
    account.control.reset_requests()
    again = home.run(str(due.partition_key))
    assert again.success
    assert materialized(again) == ASSETS
    assert account.control.digest() == digest
    assert account.changing_requests() == {}
    assert account.rows("select * from contact_suppression_history order by id") == history
    assert account.rows("select * from list_maintenance_log") == logs
    assert len(account.slack_messages()) == 1


# The gate


def test_a_plan_that_waits_is_said_by_every_step_that_did_nothing_and_told_to_people(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    account = home.rehearsal
    digest = account.control.digest()
    home.settings = {"list_management_mode": "approval_required"}
    result = home.execute(due)
    assert failures(result) == {}
    assert result.success
    # A backfill counts what a successful run does not materialize as failed, so nothing is skipped.
    assert materialized(result) == ASSETS
    assert steps(result, "STEP_SKIPPED") == set()
    (plan,) = account.rows("select plan_id, status from plan")
    waits = f"Plan {plan['plan_id']} (suppression) waits for a person."
    for gate in ("approved_suppression_plan", "rebalancing_plan"):
        assert metadata(result, gate)["state"] == f"WAITS. {waits}"
    for step in ("suppression_result", "rebalancing_result", "list_snapshot_after", "cache_refreshed"):
        assert metadata(result, step) == {"state": f"NOTHING DONE. {waits}"}
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    for check in ("suppression_is_carried_out", "rebalancing_is_carried_out"):
        assert not checks[check].passed
        assert checks[check].severity is dg.AssetCheckSeverity.WARN
    assert "pending review" in str(checks["suppression_is_carried_out"].description)
    assert account.control.digest() == digest
    assert account.changing_requests() == {}
    (row,) = account.rows("select status from list_maintenance_log")
    assert (row["status"], plan["status"]) == ("pending_review", "pending_review")
    assert account.scalar("select count(*) from list_snapshot where phase = 'after'") == 0
    assert home.requests() == [], "a plan that waits is not due again"

    assert metadata(result, "maintenance_report")["status"] == "pending_review"
    (message,) = account.slack_messages()
    assert "review" in str(message).lower()
    assert home.requests("maintenances_to_report") == []


def test_a_result_materialized_alone_while_its_plan_waits_says_so_and_changes_nothing(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    account = home.rehearsal
    home.settings = {"list_management_mode": "approval_required"}
    home.execute(due)
    digest, logs = account.control.digest(), account.rows("select status, attempt from list_maintenance_log")
    for name in ("suppression_result", "rebalancing_result", "list_snapshot_after"):
        job = home.defs.resolve_implicit_global_asset_job_def()
        result = job.get_subset(asset_selection={dg.AssetKey(name)}).execute_in_process(
            instance=home.instance, partition_key=str(due.partition_key), raise_on_error=False
        )
        assert result.success
        assert str(metadata(result, name)["state"]).startswith("NOTHING DONE.")
    assert account.control.digest() == digest
    assert account.changing_requests() == {}
    assert account.rows("select status, attempt from list_maintenance_log") == logs


def test_read_only_changes_nothing_and_says_what_it_would_have_done(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    digest = account.control.digest()
    home.settings = {"list_management_mode": "read_only"}
    assert home.execute(due).success
    assert account.control.digest() == digest
    assert account.changing_requests() == {}
    assert account.scalar("select count(*) from plan_item where action = 'suppress'") > 40
    assert account.scalar("select status from list_maintenance_log") == "read_only"


def test_a_read_only_maintenance_is_reported_to_people(home: DagsterHome, due: dg.RunRequest) -> None:
    home.settings = {"list_management_mode": "read_only"}
    result = home.execute(due)
    assert "only looked at" in metadata(result, "suppression_result")["state"]
    assert metadata(result, "maintenance_report")["status"] == "read_only"
    assert len(home.rehearsal.slack_messages()) == 1
    assert home.requests("maintenances_to_report") == []


def test_switched_off_nothing_is_changed(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    digest = account.control.digest()
    home.settings = {"list_management_enabled": False}
    home.execute(due)
    assert account.control.digest() == digest
    assert account.changing_requests() == {}


# Launches that ought not to be


def test_an_unknown_partition_launched_past_the_ui_is_refused_in_words_before_anything_is_read(
    home: DagsterHome,
) -> None:
    account = home.rehearsal
    digest, written, synced = account.control.digest(), account.scalar(NOTHING_WRITTEN), account.scalar(SYNCS)
    result = home.run_past_the_ui("2026-01-01-r1-1")
    assert not result.success
    said = failures(result)
    assert set(said) == {"membership_sync"}
    assert "no campaign has this key" in said["membership_sync"]
    assert materialized(result) == set()
    assert account.control.requests() == {}
    assert account.control.digest() == digest
    assert account.scalar(NOTHING_WRITTEN) == written
    assert account.scalar(SYNCS) == synced
    assert account.slack_messages() == []


def test_a_campaign_without_a_mailjet_id_is_refused_in_words(home: DagsterHome) -> None:
    account = home.rehearsal
    with account.services.database.begin() as connection:
        connection.exec_driver_sql(
            "insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,"
            " list_name, list_id, status, created_at, updated_at) values ('planned-1', 'Planned', 1, '2026-11-25',"
            f" '08:00', 'campaign_1', {LIST_1}, 'SCHEDULED', '2026-11-20 09:00Z', '2026-11-20 09:00Z')"
        )
    home.ask()
    assert "planned-1" in home.instance.get_dynamic_partitions("campaigns")
    result = home.run("planned-1")
    assert not result.success
    said = failures(result)
    assert set(said) == {"membership_sync"}
    assert "no Mailjet campaign id" in said["membership_sync"]
    assert account.changing_requests() == {}
    assert account.rows("select 1 from list_maintenance_log") == []


# Configuration


def test_the_look_of_the_launchpad_counts_and_one_that_contradicts_the_tag_is_refused_before_anything_is_read(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    account = home.rehearsal
    account.control.reset_requests()
    job = home.defs.resolve_job_def("post_campaign_maintenance").get_subset(
        asset_selection={dg.AssetKey("membership_sync")}
    )

    def start(tag: str) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=home.instance,
            run_config={"resources": {"maintenance": {"config": {"sweep": "H72"}}}},
            tags={"dagster/partition": str(due.partition_key), "list_pipeline/sweep": tag},
            raise_on_error=False,
        )

    refused = start("24h")
    assert "configuration says 72h" in failures(refused)["membership_sync"]
    assert account.control.requests() == {}
    assert account.rows("select 1 from list_maintenance_log") == []
    assert start("72h").success
    assert account.rows("select sweep, status from list_maintenance_log") == [{"sweep": "72h", "status": "running"}]


def _child(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter with nothing of ours in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env={**kept, "DAGSTER_HOME": str(home), "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


MATERIALIZE = """
import dagster as dg
from list_pipeline.definitions import defs
with dg.DagsterInstance.ephemeral() as instance:
    result = defs.resolve_job_def("membership_sync_job").execute_in_process(instance=instance, raise_on_error=False)
    print("ended", result.success)
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE":
            print(event.step_failure_data.error.to_string())
"""


def test_without_any_variable_the_code_location_loads_and_a_run_names_what_is_missing(tmp_path: Path) -> None:
    result = _child("-c", MATERIALIZE, home=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "ended False" in result.stdout
    assert "is not set" in result.stdout or "are not set" in result.stdout
    assert ".env.example" in result.stdout
    assert "MAILJET_API_KEY" in result.stdout


def test_the_missing_list_ids_are_named_all_at_once(tmp_path: Path, account: Rehearsal) -> None:
    secret = account.settings.database_url
    assert secret is not None
    result = _child(
        "-c",
        MATERIALIZE,
        home=tmp_path,
        DATABASE_URL=secret.get_secret_value(),
        MAILJET_API_KEY="sandbox-key",
        MAILJET_SECRET_KEY="sandbox-secret",
        MAILJET_BASE_URL=account.server.url,
    )
    assert result.returncode == 0, result.stderr
    for name in ("MASTER", "CAMPAIGN_LIST_1", "CAMPAIGN_LIST_2", "CAMPAIGN_LIST_3", "SUPPRESSION"):
        assert f"MAILJET_{name}" in result.stdout, result.stdout[-2000:]


def test_dagster_accepts_the_definitions_without_any_variable(tmp_path: Path) -> None:
    result = _child("-m", "dagster", "definitions", "validate", home=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
