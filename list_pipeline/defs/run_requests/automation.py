"""The sensor that starts what was asked for over HTTP.

A request stays open until Dagster shows its run: a crash between asking and noting starts it again under the same key, of which
Dagster makes one run. While no daemon runs, requests wait and are started when it comes back.
"""

import dagster as dg

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import RequestKind, run_key
from list_pipeline.defs.common import SENSOR_STATUS
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance import jobs
from list_pipeline.defs.maintenance.sweeps import ATTEMPT_TAG, SWEEP_TAG
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.defs.weekly.automation import weekly_health_check
from list_pipeline.operations.run_requests import note_started, requests_to_start
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.services import Services
from list_pipeline.storage.run_requests import OpenRequest

SENSOR_SECONDS = 30
"""Whoever asked looks at the screen; a look costs no request."""


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
    try:
        note_flag(services, by="sensor")
        if not services.settings.list_management_enabled:
            return dg.SkipReason("List management is switched off (LIST_MANAGEMENT_ENABLED).")
        found = requests_to_start(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    wanted = []
    for one in found:
        runs = context.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": run_key(one.request_id)}), limit=1)
        if runs:
            note_started(services, one.request_id)
        else:
            wanted.append(one)
    if not wanted:
        return dg.SkipReason("Everything that was asked for has its run.")
    keys = [one.partition_key for one in wanted if one.kind is RequestKind.MAINTENANCE]
    return dg.SensorResult(
        run_requests=[_request(one) for one in wanted],
        dynamic_partitions_requests=[CAMPAIGNS.build_add_request(keys)] if keys else [],
    )


def _request(one: OpenRequest) -> dg.RunRequest:
    why = {"list_pipeline/why": f"{one.requested_by} asked for it"[:200]}
    if one.kind is RequestKind.MAINTENANCE:
        job, tags = jobs.post_campaign_maintenance.name, {SWEEP_TAG: Sweep.H24.value, ATTEMPT_TAG: str(one.attempt)}
    else:
        job, tags = weekly_health_check.name, {}
    return dg.RunRequest(
        run_key=run_key(one.request_id), partition_key=one.partition_key, job_name=job, tags={**tags, **why}
    )
