"""Every asset check started alone, as its button in the UI does: a run of that check only, without a partition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from list_pipeline.defs.build import build_defs
from list_pipeline_tests.e2e.conftest import SMALL
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures
from list_pipeline_tests.e2e.rehearsals import Templates

GRAPH = build_defs().resolve_asset_graph()
CHECKS = sorted(GRAPH.asset_check_keys)
OF_GATES = [key for key in CHECKS if len(GRAPH.get_execution_set_asset_and_check_keys(key)) > 1]
ALONE = [key for key in CHECKS if key not in OF_GATES]
PARTITIONED = [key for key in ALONE if GRAPH.get(key.asset_key).is_partitioned]


def name(key: dg.AssetCheckKey) -> str:
    return f"{key.asset_key.to_user_string()}:{key.name}"


def start_alone(home: DagsterHome, key: dg.AssetCheckKey) -> dg.ExecuteInProcessResult:
    job = home.defs.resolve_implicit_global_asset_job_def()
    return job.get_subset(asset_selection=set(), asset_check_selection={key}).execute_in_process(
        instance=home.instance, raise_on_error=False
    )


@pytest.fixture(scope="module")
def worked(templates: Templates) -> Iterator[DagsterHome]:
    """An account whose newest campaign, scheduled campaign, week and day were worked on, an older campaign after the newest."""
    with templates.rehearsal(seed=SMALL) as account, dg.DagsterInstance.ephemeral() as instance:
        home = DagsterHome(account, instance)
        (due,) = home.requests()
        today = account.clock.now().date()
        home.requests("campaigns_to_validate")
        scheduled = account.rows("select campaign_key from campaign_schedule where mailjet_campaign_id is null")
        sent = account.rows(
            "select campaign_key from campaign_schedule where mailjet_campaign_id is not null order by 1 desc"
        )
        assert sent[0]["campaign_key"] == due.partition_key
        monday = (today - timedelta(days=today.weekday())).isoformat()
        runs = [
            home.execute(due),
            home.run(sent[1]["campaign_key"]),
            home.run(scheduled[0]["campaign_key"], "pre_campaign_validation_job"),
            home.run(monday, "weekly_health_check"),
            home.run((today - timedelta(days=1)).isoformat(), "decision_review_job"),
        ]
        for result in runs:
            assert result.success, failures(result)
        reconciled = home.defs.resolve_job_def("list_reconciliation_job").execute_in_process(instance=instance)
        assert reconciled.success
        yield home


def test_there_are_checks_of_campaigns_weeks_and_days() -> None:
    assert {"list_snapshot_after", "list_health_check", "decision_review", "pre_campaign_validation"} <= {
        key.asset_key.to_user_string() for key in PARTITIONED
    }


@pytest.mark.parametrize("key", ALONE, ids=name)
def test_a_check_started_alone_judges_the_newest_partition(worked: DagsterHome, key: dg.AssetCheckKey) -> None:
    result = start_alone(worked, key)
    assert failures(result) == {}
    (found,) = result.get_asset_check_evaluations()
    assert found.asset_check_key == key
    assert found.description
    if key in PARTITIONED:
        shown = {label: value.value for label, value in found.metadata.items()}
        words = str(shown.pop("judged"))
        (noun,) = shown
        assert words == f"the newest {noun}, because the check was started alone"
        assert shown[noun] == max(worked.instance.get_materialized_partitions(key.asset_key))


@pytest.mark.parametrize("key", PARTITIONED, ids=name)
def test_a_check_without_any_partition_says_so(home: DagsterHome, key: dg.AssetCheckKey) -> None:
    (said,) = failures(start_alone(home, key)).values()
    assert f"of {key.asset_key.to_user_string()} was materialized yet" in said
    assert "Materialize one" in said


@pytest.mark.parametrize("key", OF_GATES, ids=name)
def test_a_check_that_a_gate_yields_is_refused_before_it_starts(home: DagsterHome, key: dg.AssetCheckKey) -> None:
    # The UI shows its button as disabled: "This check cannot execute without materializing the asset."
    with pytest.raises(dg.DagsterInvalidSubsetError):
        start_alone(home, key)
