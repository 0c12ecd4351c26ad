"""The figures of past campaigns: their job and its schedule. It waits for no other run, and none waits for it."""

import dagster as dg

from list_pipeline.defs.common import SCHEDULE_STATUS, asset_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.past_metrics.assets import past_campaign_metrics
from list_pipeline.operations.campaigns.past_metrics import is_due
from list_pipeline.operations.services import Services

past_campaign_metrics_job = asset_job(
    "past_campaign_metrics_job",
    past_campaign_metrics,
    description="The figures of campaigns from before the first start; at most a hundred requests to Mailjet.",
)


@dg.schedule(
    job=past_campaign_metrics_job,
    cron_schedule="20 * * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Hourly, while figures of past campaigns are missing; whether any are is read from our rows only.",
)
@clear_failures()
def past_campaigns_to_measure(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    if not is_due(services):
        return dg.SkipReason("No figures of past campaigns are to be read now.")
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%dT%H"))
