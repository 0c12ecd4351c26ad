"""How the product's own work fares: one look an hour over the last seven days, which plots over time."""

import dagster as dg

from list_pipeline.core.monitoring.latency import WorkflowFigures
from list_pipeline.core.request_rate import allowed_rate, rate_text
from list_pipeline.core.wording import dollars_text, percent_text, seconds_text, utc_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import HOURLY, product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.monitoring.freshness import judged_freshness
from list_pipeline.operations.monitoring.alerts import Watched, look
from list_pipeline.operations.monitoring.figures import Metrics
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import MAINTENANCE

_LAST_WORKS = 20


@product_asset(
    group="report",
    kinds={"postgres"},
    freshness_policy=HOURLY,
    description=(
        "The product's own work over seven days: how long each workflow and stage took (P50, P95, P99), requests and the share "
        "of the allowed rate, advisors, messages, failed runs, and the figures at which a rollback is due. What is overdue, "
        "slow or asks for a rollback is told once a day. Reads stored rows only."
    ),
)
def workflow_metrics(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with clear_failures():
        found = look(services, judged_freshness(context.instance))
    return dg.MaterializeResult(metadata=_shown(found, services.settings.mailjet_requests_per_minute))


def _shown(found: Watched, configured: int) -> dict[str, dg.MetadataValue]:
    figures = found.figures
    return {
        **md.counts(
            _plotted(figures) | {"requests_allowed": allowed_rate(configured, figures.learned_rate, figures.end)}
        ),
        "allowed requests to Mailjet": md.lines([rate_text(configured, figures.learned_rate, figures.end)]),
        "rollback triggers": md.lines([one.words for one in found.triggers]),
        "scheduled work": md.lines([one.words for one in found.freshness]),
        "workflows": md.table([_workflow_row(one) for one in figures.workflows]),
        "stages of a maintenance": md.table(_stage_rows(figures)),
        "requests to Mailjet": md.table(_resource_rows(figures)),
        "advisors": md.table(
            [
                {
                    "advisor": one.agent,
                    "questions": one.questions,
                    "tokens": f"{one.tokens:,}",
                    "cost": dollars_text(one.cost_usd)
                    + (f" and {one.without_price} without a price" if one.without_price else ""),
                    "P50 ms": one.p50_ms,
                    "P95 ms": one.p95_ms,
                    "P99 ms": one.p99_ms,
                }
                for one in figures.advisors
            ]
        ),
        "runs": md.table([{"job": job, "ended": runs, "failed": bad} for job, (runs, bad) in figures.jobs.items()]),
        "last work": md.table(
            [
                {
                    "ended (UTC)": utc_text(one.finished_at),
                    "workflow": one.workflow,
                    "campaign": one.campaign_key or "-",
                    "s": seconds_text(one.worked_ms),
                    "requests": one.requests,
                    "waited s": seconds_text(one.waited_ms),
                    "rate": percent_text(one.rate_percent),
                }
                for one in reversed(figures.works[-_LAST_WORKS:])
            ]
        ),
    }


def _plotted(figures: Metrics) -> dict[str, int | float | None]:
    maintenance = figures.workflow(MAINTENANCE)
    used, allowed = figures.connections
    every = figures.workflows
    rate = figures.messages.delivery_rate
    return {
        "maintenances": maintenance.worked.count if maintenance else 0,
        "maintenance_p50_ms": maintenance.worked.p50_ms if maintenance else None,
        "maintenance_p95_ms": maintenance.worked.p95_ms if maintenance else None,
        "maintenance_p99_ms": maintenance.worked.p99_ms if maintenance else None,
        "runs_longer_than_60_s": sum(one.long for one in every),
        "mailjet_requests": sum(one.requests for one in every),
        "request_rate_peak_percent": max((one.rate_percent for one in every), default=None),
        "limiter_waited_ms": sum(one.waited_ms for one in every),
        "connection_pool_peak_percent": max((one.pool_percent for one in every), default=None),
        "server_connections_percent": 100.0 * used / allowed,
        "advisor_questions": sum(one.questions for one in figures.advisors),
        "advisor_tokens": sum(one.tokens for one in figures.advisors),
        "advisor_cost_usd": sum(one.cost_usd for one in figures.advisors),
        "messages": figures.messages.messages,
        "messages_delivered_percent": None if rate is None else 100.0 * rate,
        "message_p95_s": figures.messages.p95_s,
        "runs_ended": sum(runs for runs, _ in figures.jobs.values()),
        "runs_failed": sum(failed for _, failed in figures.jobs.values()),
    }


def _workflow_row(one: WorkflowFigures) -> dict[str, object]:
    return {
        "workflow": one.workflow,
        "runs": one.worked.count,
        "P50 s": seconds_text(one.worked.p50_ms),
        "P95 s": seconds_text(one.worked.p95_ms),
        "P99 s": seconds_text(one.worked.p99_ms),
        "over 60 s": one.long,
        "requests": f"{one.requests:,}",
        "waited s": seconds_text(one.waited_ms),
        "rate": percent_text(one.rate_percent),
        "pool": percent_text(one.pool_percent),
    }


def _stage_rows(figures: Metrics) -> list[dict[str, object]]:
    maintenance = figures.workflow(MAINTENANCE)
    if maintenance is None:
        return []
    return [
        {"stage": name, "P50 ms": one.p50_ms, "P95 ms": one.p95_ms, "P99 ms": one.p99_ms}
        for name, one in maintenance.stages.items()
    ]


def _resource_rows(figures: Metrics) -> list[dict[str, object]]:
    found: dict[str, int] = {}
    for workflow in figures.workflows:
        for name, count in workflow.by_resource.items():
            found[name] = found.get(name, 0) + count
    return [{"resource": name, "requests": count} for name, count in sorted(found.items(), key=lambda one: -one[1])]
