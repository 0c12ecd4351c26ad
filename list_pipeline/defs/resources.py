"""The one resource: settings, clock, database and clients as a plain object, opened when first used, closed after the run.

It has no configuration of its own, so that no secret can be typed into it and shown: everything comes from the environment.
Tests put a plain Dagster resource that yields ``Services`` in its place.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date

import dagster as dg

from list_pipeline.core.monitoring.latency import WHOLE_RUN
from list_pipeline.defs.maintenance.sweeps import SWEEP_TAG, configured_sweep
from list_pipeline.defs.partitions import partition_of
from list_pipeline.logs import configure_logging, flush_errors
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import logged_with, timed


class ServicesResource(dg.ConfigurableResource[Services]):
    """Hands ``Services`` to assets and sensors. Loading it reads no setting; using it names the one that is missing."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Services]:
        """One object for the run, or for one evaluation of a sensor."""
        with Services() as services:
            # Also where Dagster's own logging would show a traceback with what stood in its frames.
            configure_logging(services.settings)
            try:
                with _as_a_run(services, context.run):
                    yield services
            finally:
                flush_errors()


@contextmanager
def _as_a_run(services: Services, run: dg.DagsterRun | None) -> Generator[None]:
    """A job's run is measured as a whole and names itself in the log; a sensor's look and a single asset's run are not kept."""
    if run is None:
        yield
        return
    services.run_id = run.run_id
    key = partition_of(run)
    campaign = None if key is None or _is_day(key) else key
    with logged_with(run_id=run.run_id, campaign=campaign, partition=None if campaign else key):
        if run.job_name.startswith("__"):
            yield
            return
        sweep = configured_sweep(run) or run.tags.get(SWEEP_TAG)
        with timed(services, run.job_name, WHOLE_RUN, campaign=campaign, sweep=sweep):
            yield


def _is_day(key: str) -> bool:
    """Whether a partition is a day or a week rather than a campaign."""
    try:
        date.fromisoformat(key)
    except ValueError:
        return False
    return True
