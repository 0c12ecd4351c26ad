"""What was executed, in words, and the message to people."""

from typing import Any

import dagster as dg

from list_pipeline.agents import reporting
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.reports.sections import metric_value
from list_pipeline.core.wording import kept_rate_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import versions
from list_pipeline.defs.maintenance.campaign_assets import (
    at_work_elsewhere,
    campaign_asset,
    maintenance_as_it_stands,
    nothing_done,
)
from list_pipeline.defs.maintenance.deciding import decision_metadata
from list_pipeline.defs.maintenance.snapshots import cache_refreshed, list_snapshot_after
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.operations.maintenance.workflow import write_report_and_states
from list_pipeline.operations.reports.maintenance_report import Report, maintenance_plans, notify
from list_pipeline.operations.services import Services


@campaign_asset(
    group="report",
    kinds={"gemini", "postgres"},
    deps=[cache_refreshed, list_snapshot_after, "list_health_assessments"],
    code_version=versions(reporting.PROMPT_VERSION),
    description=(
        "The report of the maintenance from what was really executed; ends its row in the ledger with a truthful status. "
        "What failed, or did not arrive, is reported by a run of its own."
    ),
)
def maintenance_report(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with maintenance_as_it_stands(context, services, maintenance) as run:
        if elsewhere := at_work_elsewhere(context, run):
            return nothing_done(context, elsewhere)
        report = write_report_and_states(services, run)
    facts = report.facts
    return dg.MaterializeResult(
        metadata={
            "status": md.text(facts.status.value),
            **md.counts(
                {
                    "contacts_suppressed": facts.suppression.confirmed_total,
                    "contacts_rebalanced": facts.rebalancing.confirmed,
                    "mailjet_requests": facts.mailjet_requests,
                    "deviation_at_start_percent": facts.deviation_before,
                    "deviation_at_end_percent": facts.deviation_after,
                }
            ),
            **decision_metadata(services, *maintenance_plans(services, run)),
            **report_metadata(report),
            "message": dg.MetadataValue.md(f"```\n{as_text(report.message)}\n```"),
        }
    )


def report_metadata(report: Report) -> dict[str, Any]:
    """The report's fields, the health of the lists, and how the sentences came about and what they cost."""
    said, advice = report.facts.report, report.advice
    if said is None:
        return {}
    cost = {}
    if advice is not None:
        cost = {
            **{f"{kind}_tokens": count for kind, count in advice.tokens.items()},
            "cost_usd": advice.cost_usd,
            "latency_ms": advice.latency_ms,
        }
    return {
        "executive summary": md.text(said.executive_summary),
        "key metrics": md.table([{"figure": each.label, "value": metric_value(each)} for each in said.key_metrics]),
        "actions taken": md.lines(said.actions_taken),
        "recommendations": md.lines(said.recommendations),
        "concerns": md.lines(said.concerns),
        "next steps": md.lines(said.next_steps),
        "health of the lists": md.table(_health(report)),
        "chosen by": md.text(said.source.value),
        "verdict on the answer": md.text(advice.verdict if advice is not None else ""),
        **({"model": md.text(advice.model)} if advice is not None and advice.model else {}),
        **md.counts(cost, prefix="reporting_"),
    }


def _health(report: Report) -> list[dict[str, Any]]:
    rates = {each.role: each for each in report.facts.list_rates}
    return [
        {
            "list": each.role.label,
            "status": each.status.value,
            "urgency": each.urgency.value,
            "delivered": kept_rate_text(rates[each.role].delivered),
            "bounced": kept_rate_text(rates[each.role].bounced),
            "bounce trend": rates[each.role].bounce_trend.value,
            "size trend": rates[each.role].size_trend.value,
        }
        for each in report.facts.assessments
    ]


@campaign_asset(
    group="report",
    kinds={"slack"},
    deps=[maintenance_report],
    description="The Slack message, sent once: materializing again finds it and sends nothing.",
)
def maintenance_notification(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with maintenance_as_it_stands(context, services, maintenance) as run:
        if elsewhere := at_work_elsewhere(context, run):
            return nothing_done(context, elsewhere)
        delivery = notify(services, run, write_report_and_states(services, run))
    return dg.MaterializeResult(
        metadata={
            "state": md.text(delivery.state),
            **decision_metadata(services, *maintenance_plans(services, run)),
            **({"problem": md.text(delivery.error)} if delivery.error else {}),
            **({"slack message": md.text(f"{delivery.channel} {delivery.ts}")} if delivery.ts else {}),
            **md.link(delivery.permalink),
        }
    )
