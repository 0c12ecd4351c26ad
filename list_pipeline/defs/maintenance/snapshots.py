"""Sizes of the lists before and after, and what people are shown of them."""

import dagster as dg

from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.rebalancing.balance import deviation_percent
from list_pipeline.defs import metadata as md
from list_pipeline.defs.maintenance.campaign_assets import campaign_asset, carried_out, maintenance_of
from list_pipeline.defs.maintenance.membership import membership_sync
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.defs.views.assets import hit_rate_metadata
from list_pipeline.operations.membership.sync import Sizes
from list_pipeline.operations.runs.run import Maintenance, take_snapshot
from list_pipeline.operations.services import Services
from list_pipeline.operations.views import cache_warming


@campaign_asset(
    group="observe",
    kinds={"mailjet", "postgres"},
    deps=[membership_sync],
    description="Sizes of the five lists before anything is changed: everybody, and those who would get mail.",
)
def list_snapshot_before(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, maintenance, "fetch_bounces") as run:
        sizes = take_snapshot(services, run, "before")
    return dg.MaterializeResult(metadata=snapshot_metadata(sizes))


@campaign_asset(
    group="act",
    kinds={"mailjet", "postgres"},
    deps=["rebalancing_result"],
    description="Sizes of the five lists after everything was done; not counted while a plan waits.",
)
def list_snapshot_after(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    return carried_out(
        context,
        services,
        maintenance,
        "rebalancing",
        PlanKind.REBALANCING,
        lambda run: snapshot_metadata(take_snapshot(services, run, "after")),
    )


@campaign_asset(
    group="act",
    kinds={"redis"},
    deps=[list_snapshot_after],
    description="What people are shown from the cache, refreshed with what was just counted. Nothing decides on it.",
)
def cache_refreshed(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    return carried_out(
        context, services, maintenance, "cache", PlanKind.REBALANCING, lambda run: _refreshed(services, run)
    )


def _refreshed(services: Services, run: Maintenance) -> dict[str, dg.MetadataValue]:
    reachable = cache_warming.refresh(services, run)
    words = "Redis holds the new sizes." if reachable else "There is no Redis now; nothing is cached."
    return {"cache": md.text(words), **hit_rate_metadata(cache_warming.hit_rate(services))}


def snapshot_metadata(sizes: Sizes) -> dict[str, dg.MetadataValue]:
    """Sizes as figures, table and picture."""
    first, second, third = (sizes[role][1] for role in CAMPAIGN_LISTS)
    return {
        **md.counts({f"{role.value}_mailable": sizes[role][1] for role in ALL_LISTS}),
        **md.counts({"deviation_percent": deviation_percent((first, second, third))}),
        "sizes": md.table(
            [
                {"list": role.label, "contacts": f"{sizes[role][0]:,}", "mailable": f"{sizes[role][1]:,}"}
                for role in ALL_LISTS
            ]
        ),
        "picture": md.bars("Mailable contacts", {role.label: sizes[role][1] for role in CAMPAIGN_LISTS}),
    }
