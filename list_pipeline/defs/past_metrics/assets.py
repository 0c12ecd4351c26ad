"""The figures of campaigns that were sent before the product was there."""

import dagster as dg

from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.campaigns.past_metrics import collect_past_metrics
from list_pipeline.operations.services import Services


@product_asset(
    group="observe",
    kinds={"mailjet", "postgres"},
    description=(
        "Mailjet's counters of past campaigns that were never maintained here, read once, so that later ones are held against "
        "them from the first day. One request each, at most a hundred in a run, the latest first; what cannot be read is tried "
        "three times, a day apart."
    ),
)
def past_campaign_metrics(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with clear_failures():
        found = collect_past_metrics(services)
    return dg.MaterializeResult(
        metadata={
            **md.counts({"read": len(found.read), "unreadable": len(found.unread), "requests": found.requests}),
            **md.counts(
                {
                    "read_in_all": found.counts.read,
                    "still_missing": found.counts.missing,
                    "given_up": found.counts.given_up,
                }
            ),
            "not read": md.lines([f"{key}: {why}" for key, why in found.unread.items()]),
        }
    )
