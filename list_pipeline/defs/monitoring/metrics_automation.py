"""The hourly look at the product's own work: its job, its schedule, and its rules as checks. It waits for no other run."""

import dagster as dg

from list_pipeline.defs.common import SCHEDULE_STATUS, asset_job, rule_checks
from list_pipeline.defs.monitoring.metrics_assets import workflow_metrics
from list_pipeline.operations.monitoring import checks as metric_checks

workflow_metrics_job = asset_job(
    "workflow_metrics_job",
    workflow_metrics,
    description="Latencies, requests, advisors, messages and failed runs of seven days, and what follows from them.",
)


@dg.schedule(
    job=workflow_metrics_job,
    cron_schedule="40 * * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Hourly: the product's own work, what is overdue, and the rollback triggers.",
)
def hourly_workflow_metrics(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%dT%H"))


METRICS_CHECKS = rule_checks(workflow_metrics, metric_checks.RULES)
