"""What was asked for over HTTP: the sensors that start it, and the job that carries corrections out.

A request stays open until Dagster shows its run: a crash between asking and noting starts it again under the same key, of which
Dagster makes one run. While no daemon runs, requests wait and are started when it comes back.
"""

from collections.abc import Collection, Sequence

import dagster as dg
from pydantic import Field

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import CORRECTIONS, RUNS, RequestKind, run_key
from list_pipeline.defs.common import POOL, SENSOR_STATUS, launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance import jobs
from list_pipeline.defs.maintenance.sweeps import ATTEMPT_TAG, SWEEP_TAG
from list_pipeline.defs.partitions import adding
from list_pipeline.defs.weekly.automation import weekly_health_check
from list_pipeline.operations.run_requests.asking import note_started, requests_to_start
from list_pipeline.operations.run_requests.carrying_out import carry_out_request, note_died, unended_corrections
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.services import Services
from list_pipeline.storage.run_requests import OpenRequest

SENSOR_SECONDS = 30
"""Whoever asked looks at the screen; a look costs no request."""


class RequestToCarryOut(dg.Config):
    """Which request is carried out."""

    request_id: int = Field(description="Number of the request, as the service answered it.")


@dg.op(
    pool=POOL, description="Carries out a correction that a person asked for over HTTP, and writes what became of it."
)
def carry_out_requested(
    context: dg.OpExecutionContext, config: RequestToCarryOut, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        done = carry_out_request(services, config.request_id, context.log.info)
    context.log.info(f"Request {done.request_id} ({done.kind.value}): {done.outcome}. {done.words}")


@launched_job(
    description=(
        "Carries out a correction that a person asked for over HTTP: an undo, a redo, a reinstatement, a release or "
        "suppressions. A sensor starts it; one that ended is not carried out again."
    ),
)
def requested_correction() -> None:
    carry_out_requested()


@dg.sensor(
    jobs=[jobs.post_campaign_maintenance, weekly_health_check],
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description="Starts maintenances and weekly checks that were asked for over HTTP, each once.",
)
@clear_failures()
def requested_runs(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    wanted = _without_runs(context.instance, services, RUNS)
    if isinstance(wanted, dg.SkipReason):
        return wanted
    keys = [one.partition_key for one in wanted if one.kind is RequestKind.MAINTENANCE and one.partition_key]
    return dg.SensorResult(
        run_requests=[_run(one) for one in wanted],
        dynamic_partitions_requests=adding(context.instance, keys),
    )


@dg.sensor(
    job_name=requested_correction.name,  # with the job itself, Dagster warns at each start of a parameter in beta
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description="Starts corrections that were asked for over HTTP, each once, and notes where the run of one died.",
)
@clear_failures()
def requested_corrections(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    wanted = _without_runs(context.instance, services, CORRECTIONS)
    if not isinstance(wanted, dg.SkipReason):
        return dg.SensorResult(run_requests=[_correction(one) for one in wanted])
    try:
        for request_id in unended_corrections(services):
            run = _run_of(context.instance, request_id)
            if run is not None and run.is_finished:
                note_died(services, request_id)
                context.log.warning(f"The run of request {request_id} ended without a word.")
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    return wanted


def _without_runs(
    instance: dg.DagsterInstance, services: Services, kinds: Collection[RequestKind]
) -> Sequence[OpenRequest] | dg.SkipReason:
    """The requests of some kinds that no run has yet, or why there is nothing to start."""
    try:
        note_flag(services, by="sensor")
        if not services.settings.list_management_enabled:
            return dg.SkipReason("List management is switched off (LIST_MANAGEMENT_ENABLED).")
        found = [one for one in requests_to_start(services) if one.kind in kinds]
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    wanted = []
    for one in found:
        if _run_of(instance, one.request_id) is not None:
            note_started(services, one.request_id)
        else:
            wanted.append(one)
    return wanted or dg.SkipReason("Everything that was asked for has its run.")


def _run_of(instance: dg.DagsterInstance, request_id: int) -> dg.DagsterRun | None:
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": run_key(request_id)}), limit=1)
    return runs[0] if runs else None


def _why(one: OpenRequest) -> dict[str, str]:
    return {"list_pipeline/why": f"{one.requested_by} asked for it"[:200]}


def _run(one: OpenRequest) -> dg.RunRequest:
    if one.kind is RequestKind.MAINTENANCE:
        job, tags = jobs.post_campaign_maintenance.name, {SWEEP_TAG: Sweep.H24.value, ATTEMPT_TAG: str(one.attempt)}
    else:
        job, tags = weekly_health_check.name, {}
    return dg.RunRequest(
        run_key=run_key(one.request_id), partition_key=one.partition_key, job_name=job, tags={**tags, **_why(one)}
    )


def _correction(one: OpenRequest) -> dg.RunRequest:
    config = dg.RunConfig(ops={"carry_out_requested": RequestToCarryOut(request_id=one.request_id)})
    return dg.RunRequest(run_key=run_key(one.request_id), run_config=config, tags=_why(one))
