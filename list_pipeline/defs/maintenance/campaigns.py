"""A campaign's own figures."""

import dagster as dg

from list_pipeline.core.wording import instant_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.maintenance.campaign_assets import campaign_asset, maintenance_of
from list_pipeline.defs.maintenance.membership import membership_sync
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.services import Services


@campaign_asset(
    group="observe",
    kinds={"mailjet", "postgres"},
    deps=[membership_sync],
    description="What Mailjet counts for the campaign: processed, delivered, bounced, opened; rates in percent.",
)
def campaign_metrics(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, maintenance, "fetch_bounces") as run:
        stored = discovery.collect_metrics(services, run.campaign, run.sweep)
    names = ("processed", "delivered", "hard_bounces", "soft_bounces", "blocked", "complained", "unsubscribed")
    rates = ("delivery_rate", "bounce_rate", "hard_bounce_rate", "soft_bounce_rate")
    return dg.MaterializeResult(
        metadata={
            **md.counts({name: stored[name] for name in (*names, *rates)}),
            "campaign": md.text(
                f"{run.campaign.name}, round {run.campaign.round_number} to {run.campaign.list_role.label}"
            ),
            "sent": md.text(instant_text(run.campaign.sent_at)),
        }
    )
