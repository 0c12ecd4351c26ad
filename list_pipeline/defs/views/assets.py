"""What people are shown of the lists, kept in Redis."""

import dagster as dg

from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.services import Services
from list_pipeline.operations.views import cache_warming
from list_pipeline.operations.views.cache_warming import HitRate


@product_asset(
    group="observe",
    kinds={"mailjet", "redis"},
    description=(
        "Sizes, metadata, campaigns and the places of the contacts that changed last, read anew and kept in Redis for people "
        "to look at, with the share of their reads that Redis served. Nothing decides on it. Does nothing without Redis."
    ),
)
def list_cache(context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]) -> dg.MaterializeResult[None]:
    with clear_failures():
        warmed = cache_warming.warm(services)
        rate = cache_warming.hit_rate(services) if warmed.is_reachable else None
    if not warmed.is_reachable:
        words = "There is no Redis now; nothing is cached."
    elif warmed.problem:
        words = f"The sizes stay as they were: {warmed.problem}"
    else:
        words = "Redis holds what was just read." if warmed.counted else "The sizes are younger than a minute."
    context.log.info(words)
    return dg.MaterializeResult(
        metadata={
            "cache": md.text(words),
            **md.counts({"values": warmed.values, "memberships": warmed.memberships}),
            **hit_rate_metadata(rate),
        }
    )


def hit_rate_metadata(rate: HitRate | None) -> dict[str, dg.MetadataValue]:
    """The share of reads that were served as a figure that plots, and the reads by kind; nothing where none are counted."""
    if rate is None:
        return {}
    return {
        **md.counts(
            {"reads": rate.reads, "hit_rate_percent": None if rate.share is None else round(100 * rate.share, 1)}
        ),
        "reads by kind": md.table(
            [{"what": each.kind, "from Redis": each.hits, "read anew": each.misses} for each in rate.by_kind]
        ),
    }
