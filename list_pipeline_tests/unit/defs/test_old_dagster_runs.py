"""Old runs of Dagster go with their events; the newest of each job, those of partitions, and what is under way stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from list_pipeline.core.retention import RETENTION
from list_pipeline.defs.retention.dagster_runs import delete_runs, old_runs, runs_that_name_somebody

MONTH = timedelta(days=30)
KEEPING_ONE = replace(RETENTION, newest_runs=1)


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def some_job() -> None:
    nothing()


@dg.job
def other_job() -> None:
    nothing()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(instance: dg.DagsterInstance, job: dg.JobDefinition = some_job, partition: str | None = None) -> str:
    tags = {"dagster/partition": partition} if partition else {}
    return job.execute_in_process(instance=instance, tags=tags).run_id


def after(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_runs_go_with_their_events_and_the_newest_of_each_job_stays(instance: dg.DagsterInstance) -> None:
    first, second, newest = (run(instance) for _ in range(3))
    other = run(instance, other_job)
    found = old_runs(instance, after(31), MONTH, KEEPING_ONE)
    assert found == [first, second]
    delete_runs(instance, found)
    assert {one.run_id for one in instance.get_runs()} == {newest, other}
    assert instance.all_logs(first) == []
    assert instance.all_logs(newest) != []
    assert old_runs(instance, after(31), MONTH, KEEPING_ONE) == []


def test_young_runs_and_those_under_way_stay(instance: dg.DagsterInstance) -> None:
    run(instance)
    under_way = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED)
    run(instance)
    assert old_runs(instance, after(29), MONTH, KEEPING_ONE) == []
    assert under_way.run_id not in old_runs(instance, after(400), MONTH, KEEPING_ONE)


def test_a_run_of_a_partition_is_kept_for_a_year(instance: dg.DagsterInstance) -> None:
    of_campaign = run(instance, partition="2026-11-20-r3-7")
    run(instance)
    assert old_runs(instance, after(300), MONTH, KEEPING_ONE) == []
    assert old_runs(instance, after(366), MONTH, KEEPING_ONE) == [of_campaign]


def test_one_clean_up_takes_a_bounded_number(instance: dg.DagsterInstance) -> None:
    runs = [run(instance) for _ in range(4)]
    assert old_runs(instance, after(31), MONTH, replace(KEEPING_ONE, runs_at_once=2)) == runs[:2]


@dg.op(config_schema={"note": str})
def decide() -> None:
    """Takes a note."""


@dg.job
def decision() -> None:
    decide()


def test_a_run_for_which_somebody_typed_an_address_goes_with_the_next_clean_up(instance: dg.DagsterInstance) -> None:
    def noted(note: str, **tags: str) -> str:
        config = {"ops": {"decide": {"config": {"note": note}}}}
        tags |= {
            ".dagster/repository": "__repository__@list_pipeline.definitions",
            "dagster/git": "git@code.example.com:lists.git",
            "dagster-k8s/config": "example.com/lists@sha256:0123abcd",
            "image": "example.com/lists@sha256:0123abcd",
        }
        return decision.execute_in_process(instance=instance, run_config=config, tags=tags).run_id

    kept = [noted("asked us by phone"), noted("rows=400, at 10:30, 20 % of list 2")]
    naming = [noted("jane.doe@example.com asked"), noted("see jane=40example.com"), noted("", who="jane@example.com")]
    under_way = instance.create_run_for_job(
        decision, run_config={"ops": {"decide": {"config": {"note": "jane@example.com"}}}},
        status=dg.DagsterRunStatus.STARTED,
    ).run_id  # fmt: skip
    assert len(runs_that_name_somebody(instance, replace(RETENTION, runs_at_once=2))) == 2
    found = runs_that_name_somebody(instance)
    assert sorted(found) == sorted(naming)
    delete_runs(instance, found)
    assert {one.run_id for one in instance.get_runs()} == {*kept, under_way}


def test_runs_of_partitions_are_kept_for_as_long_as_is_said(instance: dg.DagsterInstance) -> None:
    campaign = run(instance, partition="2026-11-20-r1-7")
    run(instance)
    assert campaign not in old_runs(instance, after(100), MONTH, KEEPING_ONE)
    shorter = replace(KEEPING_ONE, partition_runs=timedelta(days=60))
    assert old_runs(instance, after(100), MONTH, shorter) == [campaign]
