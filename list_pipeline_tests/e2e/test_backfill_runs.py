"""A backfill in Dagster: one run for each past partition, and not one of them changes a list without a person."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus

from list_pipeline.defs.partitions import partition_of
from list_pipeline_tests.e2e.code_location import IN_THIS_PROCESS, assets_of, partition_set_of, ui
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures, metadata
from list_pipeline_tests.e2e.rehearsals import Rehearsal

JOB = "post_campaign_maintenance"


@pytest.mark.parametrize("started_on", ["the assets", "the job"])
def test_a_backfill_started_in_the_ui_over_campaigns_whose_plans_wait_ends_as_completed(
    account: Rehearsal, started_on: str
) -> None:
    with dg.instance_for_test(overrides=IN_THIS_PROCESS) as instance:
        _backfill_as_in_the_ui(account, DagsterHome(account, instance), started_on)


def checks_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.AssetCheckEvaluation]:
    """What the checks of a run saw."""
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    events = [record.event_log_entry.dagster_event for record in records]
    return [event.asset_check_evaluation_data for event in events if event is not None]


def _backfill_as_in_the_ui(account: Rehearsal, home: DagsterHome, started_on: str) -> None:
    account.pass_time(days=20)
    assert isinstance(home.ask(), dg.SensorResult)
    past = [row["campaign_key"] for row in account.rows("select campaign_key from campaign_schedule order by 1")][-3:-1]
    places = account.places()
    with ui(home.instance, home.defs) as browser:
        target = (
            {"assetSelection": assets_of(JOB, home.defs)}
            if started_on == "the assets"
            else {"selector": partition_set_of(JOB)}
        )
        backfill = browser.backfill(partitionNames=past, **target)
    runs = home.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill.backfill_id}))
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert {partition_of(run) for run in runs} - {None} == set(past)
    judged = [
        (partition_of(run), {name: value.value for name, value in check.metadata.items()})
        for run in runs
        for check in checks_of(home.instance, run)
    ]
    # Also in a backfill a check judges the campaign of its own run.
    assert {key for key, shown in judged if "campaign" in shown} == set(past)
    assert all(shown == {"campaign": key} for key, shown in judged if "campaign" in shown)
    assert backfill.status is BulkActionStatus.COMPLETED_SUCCESS
    plans = account.rows("select kind, status from plan where kind <> 'repair'")
    assert [plan["kind"] for plan in plans] == ["suppression"] * len(past)
    # One that has nobody to suppress waits for nobody.
    assert "pending_review" in {plan["status"] for plan in plans} <= {"pending_review", "executed"}
    assert account.places() == places
    assert account.changing_requests() == {}


@pytest.mark.long
def test_a_backfill_over_past_partitions_plans_and_reports_and_changes_nothing(
    account: Rehearsal, home: DagsterHome
) -> None:
    account.pass_time(days=20)
    assert isinstance(home.ask(), dg.SensorResult)
    past = [row["campaign_key"] for row in account.rows("select campaign_key from campaign_schedule order by 1")][-3:]
    places = account.places()
    account.control.reset_requests()
    for key in past:
        result = home.run(key, **{"dagster/backfill": "past"})
        assert failures(result) == {}
        assert metadata(result, "rebalancing_result")["state"].startswith("NOTHING DONE.")
    assert account.changing_requests() == {}
    assert account.places() == places
    # After so long an absence the lists were compared too, which may ask a person about a repair.
    plans = account.rows("select kind, summary ->> 'is_backfill' as is_backfill from plan where kind <> 'repair'")
    assert [(plan["kind"], plan["is_backfill"]) for plan in plans] == [("suppression", "true")] * 3
    for request in home.requests("maintenances_to_report"):
        home.execute(request, "maintenance_reporting")
    assert all(len([one for one in account.slack_messages() if key in str(one)]) == 1 for key in past)


@pytest.mark.long
def test_while_the_run_of_an_older_campaign_is_on_its_way_no_younger_one_is_asked_for(
    account: Rehearsal, home: DagsterHome
) -> None:
    account.control.send(account.campaign_lists[0], "Client letter 4", profile="clean")
    account.pass_time(hours=25)
    account.synchronise()
    (first,) = home.requests()
    job = home.defs.resolve_job_def("post_campaign_maintenance")
    queued = home.instance.create_run_for_job(job, tags={"dagster/run_key": str(first.run_key)})
    assert home.requests() == []
    # It ended before it wrote a word: its key is used up, and nobody waits for it.
    home.instance.report_run_failed(queued)
    (second,) = home.requests()
    assert second.partition_key != first.partition_key
