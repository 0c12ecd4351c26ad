"""The daily reconciliation: its job, its schedule, and its rules as checks. It only reads, so it waits for no other run."""

import os
from collections.abc import Callable

import dagster as dg

from list_pipeline.defs.assets.reconciliation import list_reconciliation
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations import drift_checks
from list_pipeline.operations.checks import CheckResult
from list_pipeline.operations.services import Services

_ON = os.environ.get("SCHEDULES_ENABLED", "true").strip().casefold() not in ("false", "0", "no", "off")

reconciliation_of_lists = dg.define_asset_job(
    "reconciliation_of_lists",
    selection=dg.AssetSelection.assets(list_reconciliation),
    executor_def=dg.in_process_executor,
    tags={"dagster/max_retries": "0"},
    description="Mailjet's lists against our rows: drift, broken rules, proposed repairs.",
)


@dg.schedule(
    job=reconciliation_of_lists,
    cron_schedule="10 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING if _ON else dg.DefaultScheduleStatus.STOPPED,
    description="Daily: every list read whole and compared with our rows.",
)
def daily_reconciliation(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%d"))


def _check(rule: Callable[[Services], CheckResult]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=list_reconciliation, name=rule.__name__, description=rule.__doc__)
    def run_check(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
        with clear_failures():
            result = rule(services)
        return dg.AssetCheckResult(
            passed=result.passed,
            severity=dg.AssetCheckSeverity.ERROR if result.is_serious else dg.AssetCheckSeverity.WARN,
            description=result.words,
        )

    return run_check


RECONCILIATION_JOBS = [reconciliation_of_lists]
RECONCILIATION_SCHEDULES = [daily_reconciliation]
RECONCILIATION_CHECKS = [_check(rule) for rule in drift_checks.RULES]
