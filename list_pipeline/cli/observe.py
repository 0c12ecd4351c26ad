"""The commands that look at the product itself: whether its services answer, and how its work fares."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import give, opened_services, opened_whatever_schema, say, say_lines, show_table
from list_pipeline.core.wording import dollars_text, duration_text, percent_text, seconds_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.operations.monitoring.figures import Metrics


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(health)
    app.command()(metrics)


def health(
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that each service gets.")] = 10.0,
) -> None:
    """Ask database, Redis, Mailjet, Slack and Gemini whether they answer, and the schema whether it is the one of this version.
    Exit code 1 when something that is required is not well."""
    from list_pipeline.operations.monitoring.dependencies import Health, check_all

    with opened_whatever_schema() as services:
        found = check_all(services, timeout_s=timeout)
    show_table(
        ("service", "status", "required", "ms", "details"),
        (
            (
                name,
                one.status.value,
                "yes" if one.is_required else "no",
                "-" if one.latency_ms is None else str(one.latency_ms),
                ", ".join(f"{key} {value}" for key, value in one.details.items()),
            )
            for name, one in found.checks.items()
        ),
    )
    say(f"{found.status.value}, {utc_text(found.timestamp, seconds=True)} UTC")
    give(found.as_json())
    if found.status is Health.UNHEALTHY:
        raise typer.Exit(1)


def metrics(
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days to look back.")] = 7,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Print what a monitor collects, in Prometheus' text format, instead.")
    ] = False,
) -> None:
    """Show how long the workflows took, what they asked of Mailjet, the advisors, messages and failed runs."""
    if prometheus:
        from list_pipeline.operations.monitoring.exported import exported_text

        with opened_services() as services:
            say_lines(exported_text(services).rstrip())
        return
    from list_pipeline.operations.monitoring.document import document_of
    from list_pipeline.operations.monitoring.figures import measured

    with opened_services() as services:
        found = measured(services, days)
        document = document_of(services, found)
    _show_workflows(found)
    if found.advisors:
        show_table(
            ("advisor", "questions", "tokens", "cost", "P50 ms", "P95 ms", "P99 ms"),
            (
                (
                    use.agent,
                    str(use.questions),
                    f"{use.tokens:,}",
                    dollars_text(use.cost_usd),
                    *("-" if ms is None else str(ms) for ms in (use.p50_ms, use.p95_ms, use.p99_ms)),
                )
                for use in found.advisors
            ),
        )
    messages, rate = found.messages, found.messages.delivery_rate
    share = percent_text(None if rate is None else 100 * rate, unknown="-")
    slow = "-" if messages.p95_s is None else duration_text(messages.p95_s)
    say(f"{messages.messages} messages, {share} delivered, P95 {slow}, {messages.late} after 30 s.")
    failed = {job: bad for job, (_, bad) in found.jobs.items() if bad}
    say(f"Failed runs: {', '.join(f'{job} {bad}' for job, bad in failed.items()) or 'none'}.")
    say(f"Requests to Mailjet: {document.requests}.")
    used, allowed = found.connections
    say(f"Database connections: {used} of {allowed}.")
    for result in document.rollback_triggers:
        mark = {True: "HIT", False: "fine", None: "unknown"}[result.is_hit]
        say(f"Rollback trigger {result.trigger.value}: {mark}. {result.words}")
    give({one.name: getattr(document, one.name) for one in fields(document)})


def _show_workflows(found: Metrics) -> None:
    from list_pipeline.operations.stages import MAINTENANCE

    show_table(
        ("workflow", "runs", "P50 s", "P95 s", "P99 s", "over 60 s", "requests", "waited s", "rate"),
        (
            (
                one.workflow,
                str(one.worked.count),
                *map(seconds_text, (one.worked.p50_ms, one.worked.p95_ms, one.worked.p99_ms)),
                str(one.long),
                f"{one.requests:,}",
                seconds_text(one.waited_ms),
                percent_text(one.rate_percent),
            )
            for one in found.workflows
        ),
    )
    maintenance = found.workflow(MAINTENANCE)
    if maintenance is not None:
        show_table(
            ("stage of a maintenance", "P50 ms", "P95 ms", "P99 ms"),
            (
                (name, str(spent.p50_ms), str(spent.p95_ms), str(spent.p99_ms))
                for name, spent in maintenance.stages.items()
            ),
        )
