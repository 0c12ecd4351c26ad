"""The daily decision review: its job, its schedule, and its goals as checks. It waits for no other run."""

from collections.abc import Callable
from datetime import date, timedelta

import dagster as dg

from list_pipeline.core.monitoring.decision_review import DayFigures
from list_pipeline.defs.common import SCHEDULE_STATUS, JudgedPartition, asset_job, check_result, partition_check
from list_pipeline.defs.monitoring.decision_review_assets import decision_review
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.monitoring.decision_review import RULES, figures_kept
from list_pipeline.operations.services import Services

decision_review_job = asset_job(
    "decision_review_job",
    decision_review,
    description="One day's decisions: rules, advisors, people, and what was taken back.",
)


@dg.schedule(
    job=decision_review_job,
    cron_schedule="20 5 * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Daily: the decisions of yesterday (UTC).",
)
def daily_decision_review(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = (context.scheduled_execution_time.date() - timedelta(days=1)).isoformat()
    return dg.RunRequest(run_key=day, partition_key=day)


def _check(rule: Callable[[DayFigures], CheckResult]) -> dg.AssetChecksDefinition:
    def judge(services: Services, judged: JudgedPartition) -> dg.AssetCheckResult:
        return check_result(rule(figures_kept(services, date.fromisoformat(judged.key))))

    return partition_check(decision_review, rule.__name__, rule.__doc__ or "", "day", judge)


DECISION_REVIEW_CHECKS = [_check(rule) for rule in RULES]
