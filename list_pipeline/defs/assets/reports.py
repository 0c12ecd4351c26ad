"""What was executed, in words, and the message to people."""

import dagster as dg

from list_pipeline.core.slack_blocks import as_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.assets.snapshots import cache_refreshed, list_snapshot_after
from list_pipeline.defs.campaign_runs import campaign_asset, maintenance_as_it_stands
from list_pipeline.operations.reports import notify, write_report
from list_pipeline.operations.services import Services


@campaign_asset(
    group="report",
    kinds={"gemini", "postgres"},
    deps=[cache_refreshed, list_snapshot_after],
    description=(
        "The report of the maintenance from what was really executed; ends its row in the ledger with a truthful status. "
        "A campaign that waits for a person or failed is reported by a run of its own."
    ),
)
def maintenance_report(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_as_it_stands(context, services) as run:
        report = write_report(services, run)
    facts = report.facts
    return dg.MaterializeResult(
        metadata={
            "status": md.text(facts.status.value),
            **md.counts(
                {
                    "contacts_suppressed": facts.suppression.confirmed_total,
                    "contacts_rebalanced": facts.rebalancing.confirmed,
                    "mailjet_requests": facts.mailjet_requests,
                    "deviation_before_percent": facts.deviation_before,
                    "deviation_after_percent": facts.deviation_after,
                }
            ),
            "summary": md.text(facts.executive_summary),
            "message": dg.MetadataValue.md(f"```\n{as_text(report.message)}\n```"),
        }
    )


@campaign_asset(
    group="report",
    kinds={"slack"},
    deps=[maintenance_report],
    description="The Slack message, sent once: materializing again finds it and sends nothing.",
)
def maintenance_notification(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_as_it_stands(context, services) as run:
        delivery = notify(services, run, write_report(services, run))
    return dg.MaterializeResult(
        metadata={
            "state": md.text(delivery.state),
            **({"problem": md.text(delivery.error)} if delivery.error else {}),
            **({"slack message": md.text(f"{delivery.channel} {delivery.ts}")} if delivery.ts else {}),
            **md.link(delivery.permalink),
        }
    )
