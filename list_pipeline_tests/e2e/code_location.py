"""The webserver's and the daemon's part of Dagster in a test's own process: what a person starts in the UI, brought to its end.

Belongs here: serving definitions, asking over GraphQL, turns of the sensor and the backfill daemon. Does not belong
here: what is expected of it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import dagster as dg
import yaml
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.freshness import FreshnessDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._utils.error import SerializableErrorInfo
from dagster_graphql.client.query import LAUNCH_PARTITION_BACKFILL_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql

from list_pipeline_tests.paths import CHECKOUT

_LOCATION = "list_pipeline"
_TURNS = 30
_log = logging.getLogger("daemon")


REPOSITORY = {"repositoryLocationName": _LOCATION, "repositoryName": "__repository__"}
_LAUNCHPAD = """
query($selector: PipelineSelector!) {
  runConfigSchemaOrError(selector: $selector) { ... on RunConfigSchema { rootDefaultYaml } }
}
"""


class Ui:
    """What the UI asks of the webserver."""

    def __init__(self, workspace: WorkspaceProcessContext) -> None:
        self._workspace = workspace

    def ask(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """The data that a query is answered with."""
        result = execute_dagster_graphql(self._workspace.create_request_context(), query, variables)
        assert not result.errors, result.errors
        data: Mapping[str, Any] = result.data
        return data

    def launchpad(self, job: str) -> dict[str, Any]:
        """The configuration that the launchpad of a job opens with."""
        selector = {"pipelineName": job, **REPOSITORY}
        answer = self.ask(_LAUNCHPAD, selector=selector)["runConfigSchemaOrError"]
        shown: dict[str, Any] = yaml.safe_load(answer["rootDefaultYaml"])
        return shown

    def judge_freshness(self) -> None:
        """One turn of the freshness daemon."""
        assert list(FreshnessDaemon().run_iteration(self._workspace)) == [None]

    def switch_off(self, *sensors: str) -> None:
        """Switch sensors off, as a person does on their page."""
        for location in self._workspace.create_request_context().code_locations:
            for repository in location.get_repositories().values():
                for sensor in repository.get_sensors():
                    if sensor.name in sensors:
                        instance = self._workspace.instance
                        instance.stop_sensor(sensor.get_remote_origin_id(), sensor.selector_id, sensor)

    def evaluate_sensors(self, at: datetime) -> None:
        """One turn of the sensor daemon at an instant: each sensor whose interval is over is asked, and the runs that it wants
        are brought to their end, each run key once."""
        with freeze_time(at):
            turn = execute_sensor_iteration(self._workspace, _log, None, None)
            assert [error for error in turn if isinstance(error, SerializableErrorInfo)] == []

    def backfill(self, **params: Any) -> PartitionBackfill:
        """Launch a backfill, and let the daemon work on it until it has ended."""
        answer = self.ask(LAUNCH_PARTITION_BACKFILL_MUTATION, backfillParams=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        for _ in range(_TURNS):
            errors = [error for error in execute_backfill_iteration(self._workspace, _log) if error is not None]
            assert errors == []
            found = self._workspace.instance.get_backfill(answer["backfillId"])
            assert found is not None
            if found.backfill_end_timestamp is not None:
                return found
        raise AssertionError(f"the backfill is still {found.status.value} after {_TURNS} turns of the daemon")


IN_THIS_PROCESS = {
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
}
"""Settings of an instance whose runs are executed as they are launched."""


@contextmanager
def ui(instance: dg.DagsterInstance, defs: dg.Definitions, location: str = _LOCATION) -> Iterator[Ui]:
    """A webserver and a daemon that serve these definitions, on an instance with the settings ``IN_THIS_PROCESS``."""
    module, attribute = sys.modules[__name__], f"served_{id(instance)}"
    setattr(module, attribute, defs)
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(
            executable_path=sys.executable,
            module_name=__name__,
            working_directory=str(CHECKOUT),
            attribute=attribute,
        ),
        location_name=location,
    )
    try:
        with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace:
            yield Ui(workspace)
    finally:
        delattr(module, attribute)


def assets_of(job: str, defs: dg.Definitions) -> list[dict[str, list[str]]]:
    """The assets of a job, as the UI names them."""
    selected = defs.resolve_job_def(job).asset_layer.selected_asset_keys
    return [{"path": list(key.path)} for key in sorted(selected)]


def partition_set_of(job: str) -> dict[str, Any]:
    """The partitions of a job, as its page names them."""
    return {"partitionSetName": f"{job}_partition_set", "repositorySelector": REPOSITORY}
