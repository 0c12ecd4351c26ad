"""A report meets another run: what is at work is not ended by it."""

from __future__ import annotations

import uuid

import dagster as dg
import pytest

from list_pipeline.operations.runs.run import begin
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, metadata
from list_pipeline_tests.e2e.rehearsals import Rehearsal

STATES = "select attempt, status from list_maintenance_log order by id"


@pytest.fixture
def report(account: Rehearsal, home: DagsterHome, due: dg.RunRequest) -> dg.RunRequest:
    """The first attempt failed, and its report waits in the queue while a command has begun the second."""
    account.control.add_fault("short_page", path="REST/message$", rows=3, count=None)
    assert not home.execute(due).success
    account.control.clear_faults()
    (asked,) = home.requests("maintenances_to_report")
    account.pass_time(minutes=16)
    begin(account.services, str(due.partition_key))
    return asked


def test_a_report_of_a_failed_attempt_does_not_end_the_one_that_began_since(
    account: Rehearsal, home: DagsterHome, report: dg.RunRequest
) -> None:
    result = home.execute(report, "maintenance_reporting")

    assert result.success
    for asset in ("maintenance_report", "maintenance_notification"):
        assert str(metadata(result, asset)["state"]).startswith("NOTHING DONE. Attempt 2 is at work in another run")
    assert [tuple(row.values()) for row in account.rows(STATES)] == [(1, "failed"), (2, "running")]
    assert account.slack_messages() == []

    # The attempt goes on, comes to its end, and reports that once.
    assert home.run(str(report.partition_key)).success
    assert [tuple(row.values()) for row in account.rows(STATES)] == [(1, "failed"), (2, "success")]
    assert len(account.slack_messages()) == 1


@pytest.mark.parametrize(
    ("status", "ends"), [(dg.DagsterRunStatus.STARTED, False), (dg.DagsterRunStatus.FAILURE, True)]
)
def test_a_report_by_hand_ends_an_attempt_only_when_no_run_is_at_work_on_it(
    account: Rehearsal, home: DagsterHome, report: dg.RunRequest, status: dg.DagsterRunStatus, ends: bool
) -> None:
    key, owner = str(report.partition_key), str(uuid.uuid4())
    begin(account.services, key, run_id=owner)
    home.instance.add_run(dg.DagsterRun("post_campaign_maintenance", run_id=owner, status=status))

    assert home.run(key, "maintenance_reporting").success

    states = [tuple(row.values()) for row in account.rows(STATES)]
    assert (states[-1] != (2, "running")) is ends
