"""The daily clean-up: its job and its schedule. It waits for no other run."""

import dagster as dg

from list_pipeline.defs.common import SCHEDULE_STATUS, asset_job
from list_pipeline.defs.retention.assets import retention

retention_job = asset_job(
    "retention_job",
    retention,
    description="Old records and old runs of Dagster, removed in bounded batches; no request to Mailjet.",
)


@dg.schedule(
    job=retention_job,
    cron_schedule="50 3 * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Daily: what is old and waited for by nobody goes.",
)
def daily_retention(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.date().isoformat())
