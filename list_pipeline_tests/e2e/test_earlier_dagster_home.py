"""Dagster's storage as an earlier version left it: what stood in it goes on under the definitions of today."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from list_pipeline.defs.build import build_defs
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline_tests.e2e.code_location import IN_THIS_PROCESS, Ui, ui
from list_pipeline_tests.integration import upgrade

STORAGE = Path(upgrade.__file__).with_name("dagster_home.sql.xz")
LOCATION = "list_pipeline.definitions"
"""As Dagster names what workspace.yaml loads: part of the identity of every sensor and schedule."""
NEW = {"campaign_wrapup", "past_campaign_metrics", "policy_replay", "retention"}
"""Assets that came later."""
SWITCHED_OFF = {"weekly_on_its_day", "half_hourly_cache_refresh", "weekly_checks_missed"}
"""What a person had switched off in the UI before the upgrade."""
INSTIGATORS = """
query { repositoriesOrError { ... on RepositoryConnection { nodes {
    schedules { name scheduleState { status } }
    sensors { name sensorState { status typeSpecificData { ... on SensorData { lastRunKey lastCursor } } } }
} } } }
"""
ASSETS = """
query { assetNodes {
    assetKey { path }
    assetMaterializations(limit: 1) { runId }
    partitionStats { numMaterialized numPartitions }
} }
"""


@pytest.fixture
def instance(new_database: Callable[[], str]) -> Iterator[dg.DagsterInstance]:
    """An instance on the earlier storage, after ``dagster instance migrate``."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        # Statements of our own archive, without parameters.
        connection.execute(lzma.decompress(STORAGE.read_bytes()))
    storage = {"postgres": {"postgres_url": url.replace("postgresql://", "postgresql+psycopg2://", 1)}}
    with dg.instance_for_test(overrides={**IN_THIS_PROCESS, "storage": storage}) as opened:
        opened.upgrade()
        yield opened


@pytest.fixture
def browser(instance: dg.DagsterInstance) -> Iterator[Ui]:
    with ui(instance, build_defs(), LOCATION) as opened:
        yield opened


def instigators(browser: Ui) -> Mapping[str, Mapping[str, Any]]:
    """The state of each sensor and schedule, by its name."""
    (repository,) = browser.ask(INSTIGATORS)["repositoriesOrError"]["nodes"]
    found = {one["name"]: one["scheduleState"] for one in repository["schedules"]}
    return found | {one["name"]: one["sensorState"] for one in repository["sensors"]}


def test_sensors_and_schedules_keep_their_names_so_that_what_was_switched_off_stays_off(
    browser: Ui, instance: dg.DagsterInstance
) -> None:
    found = instigators(browser)
    assert {state.instigator_name for state in instance.all_instigator_state()} <= found.keys()
    assert {name for name, state in found.items() if state["status"] == "STOPPED"} == SWITCHED_OFF


def test_sensors_go_on_from_their_cursors_and_run_keys(browser: Ui) -> None:
    found = instigators(browser)
    assert found["failed_runs_to_report"]["typeSpecificData"]["lastCursor"] == "2026-11-29T08:09:23.081471+00:00"
    last = found["campaigns_due_for_maintenance"]["typeSpecificData"]["lastRunKey"]
    assert last == "2026-11-29-r1-d44174:24h:1"


def test_every_asset_and_partition_keeps_its_history(browser: Ui, instance: dg.DagsterInstance) -> None:
    assets = {"/".join(one["assetKey"]["path"]): one for one in browser.ask(ASSETS)["assetNodes"]}
    # An asset that there was not yet has none.
    assert {key.to_user_string() for key in instance.all_asset_keys()} == assets.keys() - NEW
    assert all(one["assetMaterializations"] for key, one in assets.items() if key not in NEW)
    assert len(instance.get_dynamic_partitions(str(CAMPAIGNS.name))) == 11
    report = assets["maintenance_report"]["partitionStats"]
    assert (report["numMaterialized"], report["numPartitions"]) == (2, 11)
