"""What every campaign asset begins with: its campaign, looked up before anything else.

A launch past the UI runs an asset's body even for a partition that does not exist, so this is the first thing that happens,
and the only one when there is no such campaign.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from list_pipeline.core.plans.gate import GateDecision
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance.sweeps import ATTEMPT_TAG, MaintenanceConfig
from list_pipeline.defs.partitions import CAMPAIGNS, partition_of
from list_pipeline.operations.maintenance.workflow import note_list_states, why_held
from list_pipeline.operations.plans.outcomes import Executed
from list_pipeline.operations.runs.run import Maintenance, begin, current, stage
from list_pipeline.operations.services import Services
from list_pipeline.storage.plans.plan_rows import StoredPlan

REPORTING_JOB = "maintenance_reporting"
"""The job that reports what failed, or did not arrive."""


def campaign_asset(
    *, group: str, kinds: set[str], deps: Sequence[dg.AssetsDefinition | str], description: str, **more: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset of the campaign partition."""
    return product_asset(group=group, kinds=kinds, deps=deps, description=description, partitions_def=CAMPAIGNS, **more)


def begin_or_continue(
    context: dg.AssetExecutionContext, services: Services, maintenance: MaintenanceConfig
) -> Maintenance:
    """The maintenance of this partition in this run's look: the one that is under way or over, or a new attempt."""
    return begin(services, context.partition_key, sweep=maintenance.sweep_of(context.run), run_id=context.run.run_id)


@contextmanager
def stage_and_states(services: Services, run: Maintenance, stage_name: str) -> Generator[None]:
    """A stage, and then what the states of the lists follow from, also when it failed: a fault there fails no asset."""
    try:
        with stage(services, run, stage_name):
            yield
    except Exception:
        note_list_states(services, run)
        raise
    note_list_states(services, run)


@contextmanager
def maintenance_of(
    context: dg.AssetExecutionContext, services: Services, maintenance: MaintenanceConfig, stage_name: str
) -> Generator[Maintenance]:
    """The maintenance of this partition; what fails inside is written to the ledger under ``stage_name``."""
    with clear_failures():
        run = begin_or_continue(context, services, maintenance)
        with stage_and_states(services, run, stage_name):
            yield run


def carried_out(
    context: dg.AssetExecutionContext,
    services: Services,
    maintenance: MaintenanceConfig,
    stage_name: str,
    kind: PlanKind,
    work: Callable[[Maintenance], Mapping[str, Any]],
) -> dg.MaterializeResult[None]:
    """A step after a gate: done where the gate let the run go on, else materialized with the words why nothing was done.

    It is not skipped, because a backfill counts a partition that a run did not materialize as failed.

    Args:
        kind: the plan that it carries out. work: does it, and returns the metadata.
    """
    with clear_failures():
        run = begin_or_continue(context, services, maintenance)
        if held := why_held(services, run, kind, context.run.run_id):
            return nothing_done(context, held)
        with stage_and_states(services, run, stage_name):
            return dg.MaterializeResult(metadata={"state": md.text("done"), **work(run)})


def nothing_done(context: dg.AssetExecutionContext, why: str) -> dg.MaterializeResult[None]:
    """A step that did nothing, which must not look as if it had."""
    context.log.info(f"Nothing was done: {why}")
    return dg.MaterializeResult(metadata={"state": md.text(f"NOTHING DONE. {why}")})


@contextmanager
def ledgered_if_for_a_campaign(
    context: dg.AssetExecutionContext, services: Services, maintenance: MaintenanceConfig, stage_name: str
) -> Generator[None]:
    """For the unpartitioned first step of a campaign's run: its row exists from here on, and a failure stands in it.

    Otherwise a failed sync would leave no trace, and the sensor would believe that the campaign had had its run.
    """
    key = partition_of(context.run)
    if key is None:
        yield
        return
    run = begin(services, key, sweep=maintenance.sweep_of(context.run), run_id=context.run.run_id)
    with stage_and_states(services, run, stage_name):
        yield


@contextmanager
def maintenance_as_it_stands(
    context: dg.AssetExecutionContext, services: Services, maintenance: MaintenanceConfig
) -> Generator[Maintenance]:
    """The same for reporting: it begins no attempt."""
    with clear_failures():
        yield current(services, context.partition_key, sweep=maintenance.sweep_of(context.run))


def at_work_elsewhere(context: dg.AssetExecutionContext, run: Maintenance) -> str:
    """Why this run must not report, and so end, the attempt; empty where it may.

    A report of a failed attempt that waited in the queue meets the attempt after it, which is at work: ended by the report, its
    changes would be left half done until a person came. The run of that one reports by itself.
    """
    owner = run.log.run_id
    if run.log.status is not RunStatus.RUNNING or owner == context.run.run_id:
        return ""
    # What the sensor asked for had ended. One that began since may be a command's, which no run of Dagster's stands for.
    was_asked_for = context.run.job_name == REPORTING_JOB and ATTEMPT_TAG in context.run.tags
    found = context.instance.get_run_by_id(owner) if owner else None
    if was_asked_for or (found is not None and not found.is_finished):
        return f"Attempt {run.log.attempt} is at work in another run, which reports it."
    return ""


def why_held_now(context: dg.AssetExecutionContext, services: Services, run: Maintenance, kind: PlanKind) -> str:
    """Why the gate that was just asked lets nothing go on."""
    latest = current(services, run.campaign.key, sweep=run.sweep)
    return why_held(services, latest, kind, context.run.run_id) or "It is not decided."


def gate_state(held: str) -> dg.MetadataValue:
    """The gate's answer in the first line that people read."""
    return md.text(f"WAITS. {held}" if held else "goes on")


def gate_metadata(plan: StoredPlan, decision: GateDecision | None) -> dict[str, dg.MetadataValue]:
    """What the gate saw, check by check, or who decided."""
    shown: dict[str, dg.MetadataValue] = {"decided by": md.text(_decided_by(plan))}
    if decision is not None:
        shown["checks"] = md.table(
            [{"check": c.name, "holds": "yes" if c.passed else "no", "what it saw": c.words} for c in decision.checks]
        )
        shown |= md.counts({"may_run": len(decision.may_run), "waiting": len(decision.waiting)})
    return shown


def _decided_by(plan: StoredPlan) -> str:
    if plan.decided_by is None:
        return "nobody yet"
    return f"{plan.decided_by} {plan.decided_via.words}" if plan.decided_via is not None else plan.decided_by


def executed_metadata(executed: Executed, column: str) -> dict[str, dg.MetadataValue]:
    """What became of the changes of a plan."""
    return {
        **md.counts(
            {
                "planned": executed.planned,
                "confirmed": executed.confirmed,
                "failed": executed.failed,
                "skipped": executed.skipped,
                "bulk_jobs": executed.jobs,
            }
        ),
        f"by {column}": md.table(
            [
                {
                    column: name.replace("_", " "),
                    "confirmed": one.confirmed,
                    "failed": one.failed,
                    "skipped": one.skipped,
                }
                for name, one in executed.by_label.items()
            ]
        ),
    }
