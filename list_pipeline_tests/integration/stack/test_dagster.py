"""The repository's dagster.yaml, as Dagster itself reads it on the test's server."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.execution.plan import active
from sqlalchemy import event
from sqlalchemy.pool import Pool

from list_pipeline.defs import instance_storage
from list_pipeline.defs.instance_storage import KEPT
from list_pipeline.defs.pool_waiting import LONGEST_S, sleep_while_waiting
from list_pipeline_tests.paths import CHECKOUT


@dg.op(pool="lists")
def change() -> int:
    return 1


@dg.job
def changing() -> None:
    change()


@pytest.fixture
def storage_url(new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database in which Dagster, with the ``dagster.yaml`` that stands in ``tmp_path`` now, stores its runs."""
    url = new_database()
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url.replace("postgresql://", "postgresql+psycopg2://", 1))
    (tmp_path / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    return url


@pytest.mark.usefixtures("storage_url")
def test_dagster_opens_its_storage_with_our_settings_and_stores_a_run(tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 7200
        assert not instance.telemetry_enabled
        assert instance.global_op_concurrency_default_limit == 1
        done = changing.execute_in_process(instance=instance)
        assert done.success
        (record,) = instance.get_run_records()
        assert record.dagster_run.status is dg.DagsterRunStatus.SUCCESS
        assert len(instance.all_logs(record.dagster_run.run_id)) > 5
        assert instance.event_log_storage.get_concurrency_info("lists").slot_count == 1
    assert not os.environ.get("DAGSTER_HOME") or Path(os.environ["DAGSTER_HOME"]) != tmp_path


def test_dagsters_connections_are_used_again_and_a_server_that_closed_them_is_not_noticed(
    storage_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_storage, "UNUSED_S", 0.0)
    opened: list[str] = []
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        changing.execute_in_process(instance=instance)

        @event.listens_for(Pool, "connect")
        def count(*_: object) -> None:
            opened.append("one")

        try:
            assert changing.execute_in_process(instance=instance).success
            assert len(opened) <= KEPT
            with psycopg.connect(storage_url, autocommit=True) as other:
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                    "and pid <> pg_backend_pid()"
                )
            assert changing.execute_in_process(instance=instance).success
        finally:
            event.remove(Pool, "connect", count)
    with psycopg.connect(storage_url) as other:
        left = other.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchone()
    assert left == (0,)


@pytest.mark.usefixtures("storage_url")
def test_a_run_that_waits_for_its_turn_sleeps_until_it_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep_while_waiting()
    slept: list[float] = []
    is_waiting = threading.Event()
    sleep = time.sleep

    def counted(seconds: float) -> None:
        slept.append(seconds)
        is_waiting.set()
        sleep(seconds)

    monkeypatch.setattr(active.time, "sleep", counted)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        storage.initialize_concurrency_limit_to_default("lists")
        assert storage.claim_concurrency_slot("lists", "another run", "its step").is_claimed
        done: list[bool] = []
        run = threading.Thread(target=lambda: done.append(changing.execute_in_process(instance=instance).success))
        run.start()
        waited = is_waiting.wait(30)
        storage.free_concurrency_slot_for_step("another run", "its step")
        run.join(30)
    assert waited
    assert done == [True]
    # It looks once a second at first: whoever turns round instead does so some ten thousand times.
    assert len(slept) < 50
    assert 0 < max(slept) <= LONGEST_S
