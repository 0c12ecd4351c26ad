"""Dagster's storage as its chart writes it from deploy/kubernetes/dagster-values.yaml: it stores what a run says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from sqlalchemy.engine import make_url

from list_pipeline_tests.paths import CHECKOUT

VALUES = yaml.safe_load((CHECKOUT / "deploy" / "kubernetes" / "dagster-values.yaml").read_text())["postgresql"]


def as_the_chart_writes_it(url: str) -> dict[str, Any]:
    """The three storages, with everything of the values but the address of the database."""
    database = make_url(url)
    config: dict[str, Any] = {
        "username": database.username,
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": database.host,
        "port": database.port,
        "db_name": database.database,
        # The server of the tests speaks no TLS.
        "params": {**VALUES["postgresqlParams"], "sslmode": "prefer"},
    }
    if VALUES.get("postgresqlScheme"):
        config["scheme"] = VALUES["postgresqlScheme"]
    return {
        f"{name}_storage": {
            "module": f"dagster_postgres.{name}{'_storage' if name != 'event_log' else ''}",
            "class": kind,
            "config": {"postgres_db": config},
        }
        for name, kind in (
            ("run", "PostgresRunStorage"),
            ("event_log", "PostgresEventLogStorage"),
            ("schedule", "PostgresScheduleStorage"),
        )
    }


def test_a_run_and_its_events_are_stored(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", str(make_url(url).password))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(as_the_chart_writes_it(url)))

    @dg.job
    def nothing() -> None: ...

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run = instance.create_run_for_job(nothing)
        instance.report_engine_event("The pod began.", run, EngineEventData())
        assert [one.message for one in instance.all_logs(run.run_id)] == ["The pod began."]
