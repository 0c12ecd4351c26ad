"""The hourly look at the product's own work: its job, its schedule, and its rules as checks. It waits for no other run."""

import os
from collections.abc import Callable

import dagster as dg

from list_pipeline.defs.assets.workflow_metrics import workflow_metrics
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations import metric_checks
from list_pipeline.operations.checks import CheckResult
from list_pipeline.operations.services import Services

_ON = os.environ.get("SCHEDULES_ENABLED", "true").strip().casefold() not in ("false", "0", "no", "off")

metrics_of_workflows = dg.define_asset_job(
    "metrics_of_workflows",
    selection=dg.AssetSelection.assets(workflow_metrics),
    executor_def=dg.in_process_executor,
    tags={"dagster/max_retries": "0"},
    description="Latencies, requests, advisors, messages and failed runs of seven days, and what follows from them.",
)


@dg.schedule(
    job=metrics_of_workflows,
    cron_schedule="40 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING if _ON else dg.DefaultScheduleStatus.STOPPED,
    description="Hourly: the product's own work, what is overdue, and the rollback triggers.",
)
def hourly_workflow_metrics(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%dT%H"))


def _check(rule: Callable[[Services], CheckResult]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=workflow_metrics, name=rule.__name__, description=rule.__doc__)
    def run_check(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
        with clear_failures():
            result = rule(services)
        return dg.AssetCheckResult(
            passed=result.passed,
            severity=dg.AssetCheckSeverity.ERROR if result.is_serious else dg.AssetCheckSeverity.WARN,
            description=result.words,
        )

    return run_check


METRICS_JOBS = [metrics_of_workflows]
METRICS_SCHEDULES = [hourly_workflow_metrics]
METRICS_CHECKS = [_check(rule) for rule in metric_checks.RULES]
