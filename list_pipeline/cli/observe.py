"""The commands that look at the product itself: whether its services answer, and how its work fares."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.table import Table

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.wording import dollars_text, duration_text, percent_text, seconds_text, utc_text


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(health)
    app.command()(metrics)


def health(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for machines.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that each service gets.")] = 10.0,
) -> None:
    """Ask database, Redis, Mailjet, Slack and Gemini whether they answer. Status 1 when one that is required does not."""
    from list_pipeline.operations.monitoring.dependencies import Health, check_all

    with opened_services() as services:
        found = check_all(services, timeout_s=timeout)
    if as_json:
        sys.stdout.write(json.dumps(found.as_json()) + "\n")
    else:
        table = Table("service", "status", "required", "ms", "details")
        for name, one in found.checks.items():
            details = ", ".join(f"{key} {value}" for key, value in one.details.items())
            latency = "-" if one.latency_ms is None else str(one.latency_ms)
            table.add_row(name, one.status.value, "yes" if one.is_required else "no", latency, details)
        console.print(table)
        console.print(f"{found.status.value}, {utc_text(found.timestamp, seconds=True)} UTC", markup=False)
    if found.status is Health.UNHEALTHY:
        raise typer.Exit(1)


def metrics(days: Annotated[int, typer.Option(min=1, help="Days to look back.")] = 7) -> None:
    """Show how long the workflows took, what they asked of Mailjet, the advisors, messages and failed runs."""
    from list_pipeline.core.request_rate import rate_text
    from list_pipeline.operations.monitoring.figures import measured
    from list_pipeline.operations.monitoring.rollback_triggers import triggers
    from list_pipeline.operations.stages import MAINTENANCE

    with opened_services() as services:
        found = measured(services, days)
        judged = triggers(services)
    table = Table("workflow", "runs", "P50 s", "P95 s", "P99 s", "over 60 s", "requests", "waited s", "rate")
    for one in found.workflows:
        table.add_row(
            one.workflow,
            str(one.worked.count),
            *map(seconds_text, (one.worked.p50_ms, one.worked.p95_ms, one.worked.p99_ms)),
            str(one.long),
            f"{one.requests:,}",
            seconds_text(one.waited_ms),
            percent_text(one.rate_percent),
        )
    console.print(table)
    maintenance = found.workflow(MAINTENANCE)
    if maintenance is not None:
        stages = Table("stage of a maintenance", "P50 ms", "P95 ms", "P99 ms")
        for name, spent in maintenance.stages.items():
            stages.add_row(name, str(spent.p50_ms), str(spent.p95_ms), str(spent.p99_ms))
        console.print(stages)
    if found.advisors:
        asked = Table("advisor", "questions", "tokens", "cost", "P50 ms", "P95 ms", "P99 ms")
        for use in found.advisors:
            latencies = ("-" if ms is None else str(ms) for ms in (use.p50_ms, use.p95_ms, use.p99_ms))
            asked.add_row(use.agent, str(use.questions), f"{use.tokens:,}", dollars_text(use.cost_usd), *latencies)
        console.print(asked)
    messages, rate = found.messages, found.messages.delivery_rate
    share = percent_text(None if rate is None else 100 * rate, unknown="-")
    slow = "-" if messages.p95_s is None else duration_text(messages.p95_s)
    console.print(
        f"{messages.messages} messages, {share} delivered, P95 {slow}, {messages.late} after 30 s.", markup=False
    )
    failed = {job: bad for job, (_, bad) in found.jobs.items() if bad}
    words = ", ".join(f"{job} {bad}" for job, bad in failed.items()) or "none"
    console.print(f"Failed runs: {words}.", markup=False)
    configured = services.settings.mailjet_requests_per_minute
    console.print(f"Requests to Mailjet: {rate_text(configured, found.learned_rate, found.end)}.", markup=False)
    used, allowed = found.connections
    console.print(f"Database connections: {used} of {allowed}.", markup=False)
    for result in judged:
        mark = {True: "HIT", False: "fine", None: "unknown"}[result.is_hit]
        console.print(f"Rollback trigger {result.trigger.value}: {mark}. {result.words}", markup=False)
