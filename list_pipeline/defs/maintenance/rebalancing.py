"""Who moves or joins a list: planned and judged, then done. Only the second changes lists."""

from collections.abc import Iterator

import dagster as dg

from list_pipeline.core.advice.records import AdviceSource
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.rebalancing.summary import RebalancingSummary
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import POOL
from list_pipeline.defs.maintenance.campaign_assets import (
    campaign_asset,
    executed_metadata,
    gate_metadata,
    maintenance_of,
)
from list_pipeline.defs.maintenance.gate_checks import REBALANCING_RULES, gate_check_results, gate_check_specs
from list_pipeline.defs.maintenance.suppression import suppression_result
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.services import Services


@campaign_asset(
    group="plan",
    kinds={"python", "postgres"},
    deps=[suppression_result],
    output_required=False,
    check_specs=gate_check_specs("rebalancing_plan", REBALANCING_RULES),
    description=(
        "Who moves or joins a list so that the three stay comparable: provably the fewest moves, first in, first out, "
        "never across the rounds of an open cycle. Planned on what is really left, then judged by the gate."
    ),
)
def rebalancing_plan(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    with maintenance_of(context, services, "rebalancing") as run:
        try:
            plan, goes_on, decision = workflow.open_rebalancing_gate(services, run)
        except RefusedError:
            refused = rebalancing.stored_plan(services, run)
            yield from gate_check_results(refused, REBALANCING_RULES, context.partition_key)
            raise
    yield from gate_check_results(plan, REBALANCING_RULES, context.partition_key)
    if plan is None or not goes_on:
        context.log.info("The rebalancing waits: see the review items of this campaign")
        return
    summary = plan.rebalancing_summary
    yield dg.MaterializeResult(
        metadata={
            **md.counts(
                {
                    "moves": summary.move_count,
                    "enrolments": summary.enrolment_count,
                    "deferred": summary.deferred_move_count,
                    "deviation_before_percent": summary.deviation_before_percent,
                    "deviation_after_percent": summary.deviation_after_percent,
                }
            ),
            "certificate": md.text(summary.certificate or "no rebalancing is needed"),
            "reasons": md.lines(summary.reasons),
            "moves by list": md.table([{"from → to": k, "contacts": v} for k, v in summary.moves.items()]),
            "enrolments by list": md.table([{"to": k.value, "contacts": v} for k, v in summary.enrolments.items()]),
            **advice_metadata(summary),
            **gate_metadata(plan, decision),
        },
        data_version=dg.DataVersion(plan.content_hash),
    )


def advice_metadata(summary: RebalancingSummary) -> dict[str, dg.MetadataValue]:
    """Who explains the plan and how, what it cost, and what the guard made of it. Empty for a plan that was made before
    anybody explained plans."""
    if (advice := summary.advice) is None:
        return {}
    model = f" {advice.model}" if summary.advised_by is AdviceSource.MODEL else ""
    return {
        "rationale": md.text(summary.rationale),
        "expected impact": md.text(summary.expected_impact),
        "alternatives considered": md.lines(summary.alternatives_considered),
        "concerns": md.lines(summary.concerns),
        "explained by": md.text(f"the {summary.advised_by.value}{model}"),
        "guard": md.text(advice.verdict),
        **md.counts(
            {
                "advisor_confidence": summary.advisor_confidence,
                "advisor_tokens": sum(advice.tokens.values()),
                "advisor_cost_usd": advice.cost_usd,
                "advisor_latency_ms": advice.latency_ms,
            }
        ),
    }


@campaign_asset(
    group="act",
    kinds={"mailjet", "postgres"},
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
