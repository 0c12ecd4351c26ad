"""A campaign's own figures."""

from collections.abc import Mapping
from typing import Any

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
    return dg.MaterializeResult(
        metadata={
            **metrics_metadata(stored),
            "campaign": md.text(
                f"{run.campaign.name}, round {run.campaign.round_number} to {run.campaign.list_role.label}"
            ),
            "sent": md.text(instant_text(run.campaign.sent_at)),
        }
    )


_COUNTS = ("processed", "delivered", "hard_bounces", "soft_bounces", "blocked", "complained", "unsubscribed")
_RATES = ("delivery_rate", "bounce_rate", "hard_bounce_rate", "soft_bounce_rate")


def metrics_metadata(stored: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """What Mailjet counts, and the rates in percent, as people read them everywhere else."""
    return {
        **md.counts({name: stored[name] for name in _COUNTS}),
        **md.counts({f"{name}_percent": stored[name] for name in _RATES}),
    }
