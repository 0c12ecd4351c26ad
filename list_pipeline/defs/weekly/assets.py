"""The weekly health check as assets, one partition a week: what was measured, what it means, and what people were told.

The partition is the Monday on which the check is due; it looks at the seven days before. A step that ran before is shown,
not made again; a past week shows what was stored of it then.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg

from list_pipeline.agents import health
from list_pipeline.agents import weekly_report as report_agent
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.reports.sections import metric_value
from list_pipeline.core.weekly.facts import WeekFacts, change_text
from list_pipeline.core.weekly.figures import Change, WeekFigures, critical_issues
from list_pipeline.core.weekly.silence import silence_text
from list_pipeline.core.wording import UNKNOWN, change_percent_text, date_text, instant_text, percent_text, rate_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import WEEKLY, product_asset, versions
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance.list_health import health_metadata
from list_pipeline.defs.partitions import WEEKS
from list_pipeline.operations.health.assessments import consultations
from list_pipeline.operations.services import Services
from list_pipeline.operations.weekly.report import WeekReport, note_list_states, notify, record, write_report
from list_pipeline.operations.weekly.steps import (
    WeekRun,
    assess_week,
    begin,
    compute_metrics,
    stage,
    take_sizes,
    tell_failure,
)


def _weekly_asset(
    *, kinds: set[str], deps: Sequence[dg.AssetsDefinition], description: str, **more: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset of the weekly partition."""
    return product_asset(
        group="weekly",
        kinds=kinds,
        deps=deps,
        description=description,
        partitions_def=WEEKS,
        **more,
    )


@contextmanager
def _week_of(context: dg.AssetExecutionContext, services: Services, stage_name: str) -> Generator[WeekRun]:
    """The check of this partition; what fails inside is written to its row and told to people."""
    with clear_failures():
        run = begin(services, date.fromisoformat(context.partition_key), run_id=context.run.run_id)
        try:
            with stage(services, run, stage_name):
                yield run
        except Exception:
            tell_failure(services, run)
            raise


@_weekly_asset(
    kinds={"mailjet", "postgres", "redis"},
    deps=[],
    description=(
        "Sizes of the five lists in the week of the check, from a sync that only reads; the cache is refreshed with them. "
        "Of a past week that nobody measured there are none, and that is said."
    ),
)
def weekly_list_snapshot(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with _week_of(context, services, "sizes") as run:
        taken = take_sizes(services, run)
    shown: dict[str, Any] = {
        "week": md.text(f"Week of {run.week.key}; the check was due at {instant_text(run.week.due_at)}"),
        **md.counts({f"{role.value}_mailable": size.mailable for role, size in taken.sizes.items()}),
        **md.counts({"mailjet_requests": taken.requests}),
    }
    if taken.note:
        shown["about the sizes"] = md.text(taken.note)
    if taken.sizes:
        shown["sizes"] = md.table(
            [
                {
                    "list": role.label,
                    "contacts": f"{taken.sizes[role].raw:,}",
                    "mailable": f"{taken.sizes[role].mailable:,}",
                }
                for role in ALL_LISTS
            ]
        )
        shown["picture"] = md.bars("Mailable contacts", {r.label: taken.sizes[r].mailable for r in CAMPAIGN_LISTS})
    return dg.MaterializeResult(metadata=shown)


@_weekly_asset(
    kinds={"postgres"},
    deps=[weekly_list_snapshot],
    description=(
        "Metrics of each list over the campaigns of the seven days: size, target and distance from it, bounce, hard, soft and "
        "delivery rates with intervals, suppressed, last campaign; the averages weigh campaigns by their recipients."
    ),
)
def list_metrics(context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]) -> dg.MaterializeResult[None]:
    with _week_of(context, services, "metrics") as run:
        figures = compute_metrics(services, run)
    return dg.MaterializeResult(metadata=_metrics_metadata(figures))


def _metrics_metadata(figures: WeekFigures) -> dict[str, Any]:
    done, bounce, delivery = figures.activity, figures.bounce_rate, figures.delivery_rate
    shown: dict[str, Any] = {
        **md.counts(
            {
                "deviation_percent": figures.deviation_percent,
                "average_bounce_rate_percent": None if bounce is None else bounce.percent,
                "average_delivery_rate_percent": None if delivery is None else delivery.percent,
                "campaigns_sent": done.campaigns_sent,
                "campaigns_unread": figures.unread,
                "new_contacts": done.new_contacts,
                "suppressed": done.suppressed,
                "rebalanced": done.rebalanced,
            }
        ),
        "averages": md.text(
            f"Bounces {rate_text(bounce)}, deliveries {rate_text(delivery)}"
            if bounce is not None and delivery is not None
            else "No bounces of a campaign of this week are known, so there are no averages."
        ),
    }
    table = []
    for each in figures.lists:
        sends = each.sends
        table.append(
            {
                "list": each.role.label,
                "mailable": UNKNOWN if each.size is None else f"{each.size.mailable:,}",
                "from target": _signed(each.variance, each.variance_percent),
                "from a third of master": _signed(each.variance_from_third, each.variance_from_third_percent),
                "campaigns": f"{0 if sends.read is None else sends.read.campaigns} read, {sends.unread} unread",
                "bounces": UNKNOWN if sends.read is None else rate_text(sends.read.bounce_rate),
                "hard": UNKNOWN if sends.read is None else rate_text(sends.read.hard_rate),
                "soft": UNKNOWN if sends.read is None else rate_text(sends.read.soft_rate),
                "delivered": UNKNOWN if sends.read is None else rate_text(sends.read.delivery_rate),
                "suppressed": rate_text(sends.suppression),
                "last sent": "never" if sends.last_campaign_at is None else date_text(sends.last_campaign_at),
            }
        )
        if sends.read is not None:
            name = each.role.value
            shown |= md.counts(
                {
                    f"{name}_bounce_rate_percent": sends.read.bounce_rate.percent,
                    f"{name}_delivery_rate_percent": sends.read.delivery_rate.percent,
                }
            )
    return {**shown, "lists": md.table(table)}


def _signed(contacts: float | None, percent: float | None) -> str:
    if contacts is None or percent is None:
        return UNKNOWN
    return f"{contacts:+,.1f} ({change_percent_text(percent)})"


@_weekly_asset(
    kinds={"gemini", "postgres"},
    deps=[list_metrics],
    code_version=versions(health.PROMPT_VERSION),
    description="One assessment of each list, made at the same time: the rules', and an advisor's that may only be worse.",
)
def weekly_list_health(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with _week_of(context, services, "assessments") as run:
        found = assess_week(services, run)
        asked = consultations(services, run.partition)
    return dg.MaterializeResult(metadata=health_metadata(found, asked))


@_weekly_asset(
    kinds={"gemini", "postgres"},
    deps=[weekly_list_health],
    code_version=versions(report_agent.PROMPT_VERSION),
    description=(
        "The report of the week: summary, highlights, action items, the week against the one before: statements from "
        "the figures, chosen by a model or, without a usable answer, by the policy."
    ),
)
def weekly_report(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with _week_of(context, services, "report") as run:
        report = write_report(services, run)
    return dg.MaterializeResult(metadata=_report_metadata(report))


def _report_metadata(report: WeekReport) -> dict[str, Any]:
    facts, said, advice = report.facts, report.facts.report, report.advice
    if said is None:
        return {}
    trend = {
        each.week.key: sum(one.size.mailable for one in each.lists if one.size is not None)
        for each in facts.weeks
        if each.sizes
    }
    shown: dict[str, Any] = {
        "executive summary": md.text(said.executive_summary),
        "key metrics": md.table([{"figure": each.label, "value": metric_value(each)} for each in said.key_metrics]),
        "highlights": md.lines(said.highlights),
        "action items": md.lines([f"[{item.priority.value}] {item.text}" for item in said.action_items]),
        "recommendations": md.lines(said.recommendations),
        "concerns": md.lines(said.concerns),
        "week over week": md.text(said.week_over_week),
        "comparison": md.table([_change_row(change) for change in facts.changes]),
        "report": dg.MetadataValue.md(f"```\n{as_text(report.message)}\n```"),
        "chosen by": md.text(said.source.value),
        "verdict on the answer": md.text(advice.verdict if advice is not None else ""),
    }
    if facts.figures.sizes:
        shown["chart"] = md.bars(
            f"Mailable contacts, week of {facts.figures.week.key}",
            {each.role.label: each.size.mailable for each in facts.figures.lists if each.size is not None},
            note=f"Largest distance from the mean: {percent_text(facts.figures.deviation_percent)}.",
        )
    if len(trend) > 1:
        shown["weeks"] = md.bars("Mailable contacts of the three lists together, by week", trend)
    return shown


def _change_row(change: Change) -> dict[str, str]:
    return {"figure": change.label, "this week and the one before": change_text(change)}


@_weekly_asset(
    kinds={"postgres"},
    deps=[weekly_report],
    freshness_policy=WEEKLY,
    description="The week's row in list_health_check: one a week, whatever happens, with nulls for what is not known.",
)
def list_health_check(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with _week_of(context, services, "row") as run:
        report = write_report(services, run)
        check_id = record(services, run, report)
    note_list_states(services, run)
    return dg.MaterializeResult(metadata=_row_metadata(report.facts, check_id))


def _row_metadata(facts: WeekFacts, check_id: int) -> dict[str, Any]:
    links = facts.links
    return {
        "urgency": md.text(facts.urgency.value),
        **md.counts(
            {
                "health_check_id": check_id,
                "critical_issues": critical_issues(facts.issues),
                "total_issues": len(facts.issues),
                "deviation_percent": facts.figures.deviation_percent,
                "silent_contacts": facts.silence.contacts if facts.silence is not None else None,
                "silent_and_unreached": facts.silence.unreached if facts.silence is not None else None,
            }
        ),
        **({"no sign of life": md.text(silence_text(facts.silence))} if facts.silence is not None else {}),
        "issues": md.table(
            [{"urgency": each.urgency.value, "what": each.text, "to do": each.action} for each in facts.issues]
        ),
        **md.link(f"{links.app_url}/admin/list-health/{check_id}" if links.app_url else None),
    }


@_weekly_asset(
    kinds={"slack"},
    deps=[list_health_check],
    description=(
        "The report to Slack, and below it a critical alert when the urgency is high or above; each sent once: materializing "
        "again finds it and sends nothing."
    ),
)
def weekly_notification(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with _week_of(context, services, "notification") as run:
        notified = notify(services, run, write_report(services, run))
    sent, alert = notified.report, notified.alert
    return dg.MaterializeResult(
        metadata={
            "state": md.text(sent.state),
            "alert": md.text(alert.state if alert is not None else "not needed"),
            **({"problem": md.text(sent.error)} if sent.error else {}),
            **({"slack message": md.text(f"{sent.channel} {sent.ts}")} if sent.ts else {}),
            **md.link(sent.permalink),
        }
    )
