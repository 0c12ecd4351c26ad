"""What every campaign asset begins with: its campaign, looked up before anything else.

A launch past the UI runs an asset's body even for a partition that does not exist, so this is the first thing that happens,
and the only one when there is no such campaign.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from list_pipeline.core.plans import Sweep
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.maintenance import Maintenance, begin, current, stage
from list_pipeline.operations.services import Services

SWEEP_TAG = "list_pipeline/sweep"
OWNERS = ["team:deliverability"]
POOL = "mailjet_lists"


def sweep_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Sweep:
    """Which look at the campaign this run is: 24h unless its tag says otherwise."""
    return Sweep(context.run.tags.get(SWEEP_TAG, Sweep.H24.value))


@contextmanager
def maintenance_of(context: dg.AssetExecutionContext, services: Services, stage_name: str) -> Generator[Maintenance]:
    """The maintenance of this partition; what fails inside is written to the ledger under ``stage_name``."""
    with clear_failures():
        run = begin(services, context.partition_key, sweep=sweep_of(context), run_id=context.run.run_id)
        with stage(services, run, stage_name):
            yield run


@contextmanager
def maintenance_as_it_stands(context: dg.AssetExecutionContext, services: Services) -> Generator[Maintenance]:
    """The same for reporting: it begins no attempt and ends none."""
    with clear_failures():
        yield current(services, context.partition_key, sweep=sweep_of(context))
