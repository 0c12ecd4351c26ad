"""What other rules would have made of a campaign, one partition a campaign: backfilled, it covers any past."""

import dagster as dg

from list_pipeline.core.replay.comparison import Comparison
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.defs.common import product_asset, versions
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.defs.replay.shown import campaign_metadata, replay_metadata
from list_pipeline.operations.replay.replay import ReplayRequest, replay
from list_pipeline.operations.services import Services


@product_asset(
    group="report",
    kinds={"python", "postgres"},
    deps=["bounce_data"],
    partitions_def=CAMPAIGNS,
    code_version=versions(SuppressionPolicy().version),
    description=(
        "Our rules and those of other tools over this campaign and the eleven before it: whom each would have removed, "
        "who of them was alive later, and contact by contact where they differ. Nothing is changed and Mailjet is not asked. "
        "Other rule sets, figures and spans: the job `replay_policy`."
    ),
)
def policy_replay(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    key = context.partition_key
    with clear_failures():
        found: Comparison = replay(services, ReplayRequest(until=key), context.log.info)
    return dg.MaterializeResult(metadata={**campaign_metadata(found, key), **replay_metadata(found)})
