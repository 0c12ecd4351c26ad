"""Acting: the only assets that change lists. They run one at a time: a pool of one here, a lock in PostgreSQL below."""

from collections.abc import Iterator

import dagster as dg

from list_pipeline.defs import metadata as md
from list_pipeline.defs.assets.observe import snapshot_metadata
from list_pipeline.defs.assets.plan import approved_suppression_plan, gate_metadata
from list_pipeline.defs.campaign_runs import OWNERS, POOL, maintenance_of
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.operations import cache, rebalancing, suppression, workflow
from list_pipeline.operations.services import Services
from list_pipeline.operations.snapshots import take_snapshot
from list_pipeline.operations.suppression import Executed

GROUP = "act"


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    pool=POOL,
    deps=[approved_suppression_plan],
    description=(
        "Suppressed contacts: onto the suppression list and excluded first, confirmed, then off the three campaign lists. "
        "In bulk jobs, journalled, read back from Mailjet."
    ),
)
def suppression_result(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "suppression") as run:
        executed = suppression.execute_suppressions(services, run, context.log.info)
    return dg.MaterializeResult(metadata=executed_metadata(executed, "reason"))


def executed_metadata(executed: Executed, column: str) -> dict[str, dg.MetadataValue]:
    """What became of the changes of a plan."""
    return {
        **md.counts(
            {
                "planned": executed.planned,
                "confirmed": executed.confirmed,
                "failed": executed.failed,
                "skipped": executed.skipped,
                "bulk_jobs": executed.jobs,
            }
        ),
        f"by {column}": md.table(
            [{column: name.replace("_", " "), **found} for name, found in executed.by_reason.items()]
        ),
    }


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name="plan",
    owners=OWNERS,
    kinds={"python", "postgres"},
    code_version="1",
    deps=[suppression_result],
    output_required=False,
    description=(
        "Who moves or joins a list so that the three stay comparable: provably the fewest moves, first in, first out, "
        "never across the rounds of an open cycle. Planned on what is really left, then judged by the gate."
    ),
)
def rebalancing_plan(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.MaterializeResult[None]]:
    with maintenance_of(context, services, "rebalancing") as run:
        plan, goes_on, decision = workflow.open_rebalancing_gate(services, run)
    if plan is None or not goes_on:
        context.log.info("The rebalancing waits: see the review items of this campaign")
        return
    summary = plan.summary
    yield dg.MaterializeResult(
        metadata={
            **md.counts(
                {
                    "moves": sum(summary["moves"].values()),
                    "enrolments": sum(summary["enrolments"].values()),
                    "deferred": sum(summary["deferred_moves"].values()),
                    "deviation_before_percent": summary["deviation_before_percent"],
                    "deviation_after_percent": summary["deviation_after_percent"],
                }
            ),
            "certificate": md.text(summary["certificate"] or "no rebalancing is needed"),
            "reasons": md.lines(summary["reasons"]),
            "moves by list": md.table([{"from → to": k, "contacts": v} for k, v in summary["moves"].items()]),
            "enrolments by list": md.table([{"to": k, "contacts": v} for k, v in summary["enrolments"].items()]),
            **gate_metadata(plan, decision),
        },
        data_version=dg.DataVersion(plan.content_hash),
    )


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    pool=POOL,
    deps=[rebalancing_plan],
    description=(
        "Moved and enrolled contacts: added, confirmed, then taken off the list they came from. Nobody is ever in no list."
    ),
)
def rebalancing_result(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "rebalancing") as run:
        executed = rebalancing.execute_rebalancing(services, run, context.log.info)
    return dg.MaterializeResult(metadata=executed_metadata(executed, "action"))


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    deps=[rebalancing_result],
    description="Sizes of the five lists after everything was done.",
)
def list_snapshot_after(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "rebalancing") as run:
        sizes = take_snapshot(services, run, "after")
    return dg.MaterializeResult(metadata=snapshot_metadata(sizes))


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis"},
    code_version="1",
    deps=[list_snapshot_after],
    description="What people are shown from the cache, refreshed with what was just counted. Nothing decides on it.",
)
def cache_refreshed(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "cache") as run:
        reachable = cache.refresh(services, take_snapshot(services, run, "after"))
    words = "Redis holds the new sizes." if reachable else "There is no Redis now; nothing is cached."
    return dg.MaterializeResult(metadata={"cache": md.text(words)})
