"""The weekly health check: its job, its schedule, the sensor that catches up, and its rules as checks. It only reads."""

from collections.abc import Callable
from datetime import date

import dagster as dg

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.weekly.facts import WeekFacts
from list_pipeline.core.weekly.figures import due_week
from list_pipeline.defs.common import (
    SCHEDULE_STATUS,
    SENSOR_STATUS,
    JudgedPartition,
    asset_job,
    check_result,
    partition_check,
    whole_number,
)
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.weekly import assets as weekly
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.services import Services
from list_pipeline.operations.weekly.report import WEEK_RULES, facts_of
from list_pipeline.operations.weekly.steps import WORKFLOW, current, missed_weeks

_DAY = whole_number("WEEKLY_HEALTH_CHECK_DAY", 1, 6)
_HOUR = whole_number("WEEKLY_HEALTH_CHECK_HOUR", 10, 23)

weekly_health_check = asset_job(
    WORKFLOW,
    weekly.weekly_list_snapshot,
    weekly.list_metrics,
    weekly.weekly_list_health,
    weekly.weekly_report,
    weekly.list_health_check,
    weekly.weekly_notification,
    description="One week of the lists: sizes, metrics, assessments, report, row, messages. The partition is its Monday.",
)


@dg.schedule(
    job=weekly_health_check,
    cron_schedule=f"0 {_HOUR} * * {_DAY}",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Weekly, on WEEKLY_HEALTH_CHECK_DAY at WEEKLY_HEALTH_CHECK_HOUR (UTC): the check of this week.",
)
def weekly_on_its_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    week = due_week(context.scheduled_execution_time, _DAY, _HOUR)
    return dg.RunRequest(run_key=week.key, partition_key=week.key)


@dg.sensor(
    job=weekly_health_check,
    minimum_interval_seconds=900,
    default_status=SENSOR_STATUS,
    description=(
        "Weekly checks of the last four weeks that never began, died or failed: made late, oldest first, at most three "
        "attempts. A week that is over has no sizes then."
    ),
)
@clear_failures()
def weekly_checks_missed(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        found = missed_weeks(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("Every weekly check that was due has run.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=one.run_key,
                partition_key=one.week.key,
                tags={"list_pipeline/why": one.why},
            )
            for one in found
        ]
    )


def _check(rule: Callable[[WeekFacts], CheckResult]) -> dg.AssetChecksDefinition:
    def judge(services: Services, judged: JudgedPartition) -> dg.AssetCheckResult:
        return check_result(rule(facts_of(services, current(services, date.fromisoformat(judged.key)))))

    return partition_check(weekly.list_health_check, rule.__name__, rule.__doc__ or "", "week", judge)


WEEKLY_CHECKS = [_check(rule) for rule in WEEK_RULES]
