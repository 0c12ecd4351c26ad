"""The code location run for real inside a test: its sensors asked, its jobs executed, everything it showed read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from list_pipeline.defs.build import build_defs
from list_pipeline.operations.services import Services
from list_pipeline_tests.e2e.rehearsals import Rehearsal

ADDRESS = re.compile(r"[A-Za-z0-9._%+\-äöü*]*[A-Za-z0-9._%+\-äöü]@[A-Za-z0-9-]+\.[A-Za-z]")
"""An address. A masked one, whose name ends in asterisks, is none."""


@dataclass
class DagsterHome:
    """An instance and our definitions, on the services of a rehearsal."""

    rehearsal: Rehearsal
    instance: dg.DagsterInstance
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def defs(self) -> dg.Definitions:
        return build_defs(self._resource())  # a plain resource that hands out the same object

    @property
    def services(self) -> dg.ResourceDefinition:
        """What the definitions get as their one resource."""
        return self._resource()

    def _resource(self) -> dg.ResourceDefinition:
        settings, clock = self.rehearsal.with_settings(**self.settings), self.rehearsal.clock

        @dg.resource
        def services(_: dg.InitResourceContext) -> Iterator[Services]:
            with Services(settings, clock) as opened:
                yield opened

        return services

    def ask(self, sensor: str = "campaigns_due_for_maintenance") -> dg.SensorResult | dg.SkipReason:
        """One evaluation of a sensor, with what it wants of partitions done as the daemon does it."""
        resource = self._resource()
        definitions = self.defs
        with dg.build_sensor_context(
            instance=self.instance, definitions=definitions, sensor_name=sensor, resources={"services": resource}
        ) as context:
            result = definitions.resolve_sensor_def(sensor)(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        if isinstance(result, dg.SensorResult):
            for request in result.dynamic_partitions_requests or ():
                assert isinstance(request, dg.AddDynamicPartitionsRequest)
                self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return result

    def requests(self, *sensors: str) -> list[dg.RunRequest]:
        """The runs that sensors ask for now; those that start and resume maintenances where none is named."""
        results = [self.ask(one) for one in sensors or ("campaigns_due_for_maintenance", "maintenances_to_resume")]
        return [one for result in results if isinstance(result, dg.SensorResult) for one in result.run_requests or ()]

    def execute(self, request: dg.RunRequest, job: str = "post_campaign_maintenance") -> dg.ExecuteInProcessResult:
        return self.run(str(request.partition_key), job, **{str(k): str(v) for k, v in request.tags.items()})

    def run(self, key: str, job: str = "post_campaign_maintenance", **tags: str) -> dg.ExecuteInProcessResult:
        """One run of a job, as the launcher starts it."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=key, tags=tags, raise_on_error=False
        )

    def run_past_the_ui(self, key: str, job: str = "post_campaign_maintenance") -> dg.ExecuteInProcessResult:
        """A run whose partition is only a tag, as `dagster job execute --tags` starts it: nobody looks whether it exists."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, tags={"dagster/partition": key}, raise_on_error=False
        )

    def events(self) -> list[dg.EventLogEntry]:
        """Every event of every run of this instance."""
        return [entry for run in self.instance.get_runs() for entry in self.instance.all_logs(run.run_id)]


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    """Names of the assets that a run materialized."""
    return {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}


def steps(result: dg.ExecuteInProcessResult, kind: str) -> set[str]:
    """Steps that ended in a kind of event, e.g. ``STEP_SKIPPED``."""
    return {str(event.step_key) for event in result.all_events if event.event_type_value == kind}


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each failed step said."""
    found = {}
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE":
            error = event.step_failure_data.error
            found[str(event.step_key)] = "" if error is None else error.to_string()
    return found


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """The metadata of an asset's materialization in this run, as plain values."""
    for event in result.get_asset_materialization_events():
        if event.asset_key is not None and event.asset_key.path[-1] == asset:
            shown = event.step_materialization_data.materialization.metadata
            return {name: getattr(value, "value", value) for name, value in shown.items()}
    raise AssertionError(f"{asset} was not materialized")


def strings_in(value: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Every string anywhere inside a value, whatever it is made of."""
    seen = set() if seen is None else seen
    if isinstance(value, str):
        yield value
        return
    if value is None or isinstance(value, bool | int | float | bytes) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from strings_in(key, seen)
            yield from strings_in(inner, seen)
    elif fields := (getattr(value, "__dict__", None) or getattr(value, "_fields", None)):
        # Dagster's records are tuples that refuse to be walked; their fields are read by name.
        for name in fields:
            yield from strings_in(getattr(value, name, None), seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from strings_in(inner, seen)
