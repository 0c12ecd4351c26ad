"""The half-hourly refresh of the cache: its job, its schedule, and its hit rate as a check. It waits for no other run."""

import dagster as dg

from list_pipeline.core.wording import percent_text
from list_pipeline.defs.common import SCHEDULE_STATUS, asset_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.views.assets import list_cache
from list_pipeline.operations.services import Services
from list_pipeline.operations.views import cache_warming

list_cache_job = asset_job(
    "list_cache_job",
    list_cache,
    description="What people are shown through Redis, read anew; six requests to Mailjet, none without Redis.",
)


@dg.schedule(
    job=list_cache_job,
    cron_schedule="*/30 * * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Every 30 minutes: the cache is filled with what was just read.",
)
def half_hourly_cache_refresh(
    context: dg.ScheduleEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.RunRequest | dg.SkipReason:
    if services.settings.redis_url is None:
        return dg.SkipReason("REDIS_URL is not set: there is no cache.")
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%dT%H:%M"))


@dg.asset_check(
    asset=list_cache,
    description="Redis serves more than 60 percent of what people look at, over the last seven days.",
)
def cache_is_worth_it(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
    with clear_failures():
        rate = cache_warming.hit_rate(services)
    if rate is None or rate.share is None:
        return dg.AssetCheckResult(
            passed=True, severity=dg.AssetCheckSeverity.WARN, description="Nothing was looked at through Redis yet."
        )
    return dg.AssetCheckResult(
        passed=bool(rate.is_as_wanted),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{percent_text(100 * rate.share)} of {rate.reads:,} reads were served from Redis.",
    )
