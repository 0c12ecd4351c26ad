"""The daily reconciliation: its job, its schedule, and its rules as checks. It only reads, so it waits for no other run."""

import dagster as dg

from list_pipeline.defs.common import SCHEDULE_STATUS, asset_job, rule_checks
from list_pipeline.defs.drift.assets import list_reconciliation
from list_pipeline.operations.drift import checks as drift_checks

list_reconciliation_job = asset_job(
    "list_reconciliation_job",
    list_reconciliation,
    description="Mailjet's lists against our rows: drift, broken rules, proposed repairs.",
)


@dg.schedule(
    job=list_reconciliation_job,
    cron_schedule="10 4 * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Daily: every list read whole and compared with our rows.",
)
def daily_reconciliation(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%d"))


RECONCILIATION_CHECKS = rule_checks(list_reconciliation, drift_checks.RULES)
