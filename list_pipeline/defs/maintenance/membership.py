"""Who is on the lists."""

import dagster as dg

from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import HOURLY, product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance.campaign_assets import ledgered_if_for_a_campaign
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.operations.erasure.rows import follow_erasures
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise


@product_asset(
    group="observe",
    kinds={"mailjet", "postgres"},
    freshness_policy=HOURLY,
    description=(
        "Our rows of the five lists, the sends, who was mailed, and past bounces. Full at first start, afterwards only "
        "what came since; full again weekly or when numbers cannot be explained. Its requests are its own."
    ),
)
def membership_sync(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with clear_failures(), ledgered_if_for_a_campaign(context, services, maintenance, "membership_sync"):
        report = synchronise(services, progress=context.log.info)
        report.findings += follow_erasures(services).findings
    return dg.MaterializeResult(
        metadata={
            **md.counts(
                {
                    "requests": report.requests,
                    "rows_read": report.rows_read,
                    "rows_changed": report.rows_changed,
                    "lists_read_whole": len(report.full_lists),
                }
            ),
            "sizes": md.table(
                [
                    {
                        "list": role.label,
                        "contacts": f"{report.sizes[role].raw:,}",
                        "mailable": f"{report.sizes[role].mailable:,}",
                        "unsubscribed": f"{report.sizes[role].unsubscribed:,}",
                        "excluded": f"{report.sizes[role].excluded:,}",
                        "read": "whole" if role in report.full_lists else f"{report.tail_rows.get(role, 0)} new rows",
                    }
                    for role in ALL_LISTS
                ]
            ),
            "findings": md.lines(report.findings),
        }
    )
