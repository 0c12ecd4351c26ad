"""Who moves or joins a list: planned and judged, then done. Only the second changes lists."""

from collections.abc import Iterator

import dagster as dg

from list_pipeline.agents import rebalancing as rebalancing_agent
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.rebalancing.balance import RebalancingSummary, pair_of
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import POOL, versions
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance.campaign_assets import (
    begin_or_continue,
    campaign_asset,
    carried_out,
    executed_metadata,
    gate_metadata,
    gate_state,
    stage_and_states,
    why_held_now,
)
from list_pipeline.defs.maintenance.deciding import decided_check_result, decided_check_spec, decision_metadata
from list_pipeline.defs.maintenance.gate_checks import REBALANCING_RULES, gate_check_results, gate_check_specs
from list_pipeline.defs.maintenance.suppression import suppression_result
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.maintenance.workflow import why_held
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import shown_items
from list_pipeline.storage.plans.plan_rows import StoredPlan


@campaign_asset(
    group="plan",
    kinds={"python", "postgres"},
    deps=[suppression_result],
    code_version=versions(rebalancing.POLICY_VERSION, rebalancing_agent.PROMPT_VERSION),
    check_specs=[*gate_check_specs("rebalancing_plan", REBALANCING_RULES), decided_check_spec("rebalancing_plan")],
    description=(
        "Who moves or joins a list so that the three stay comparable: provably the fewest moves, first in, first out, "
        "never across the rounds of an open cycle. Planned on what is really left, then judged by the gate; its metadata says "
        "whether it goes on or waits."
    ),
)
def rebalancing_plan(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    with clear_failures():
        run = begin_or_continue(context, services, maintenance)
        held = why_held(services, run, PlanKind.SUPPRESSION, context.run.run_id)
        if held:
            plan, decision = rebalancing.stored_plan(services, run), None
        else:
            with stage_and_states(services, run, "rebalancing"):
                try:
                    plan, goes_on, decision = workflow.open_rebalancing_gate(services, run)
                except RefusedError:
                    refused = rebalancing.stored_plan(services, run)
                    yield from gate_check_results(refused, REBALANCING_RULES, context.partition_key)
                    yield decided_check_result(refused, context.partition_key)
                    raise
                held = "" if goes_on else why_held_now(context, services, run, PlanKind.REBALANCING)
    yield from gate_check_results(plan, REBALANCING_RULES, context.partition_key)
    yield decided_check_result(plan, context.partition_key)
    if held:
        context.log.info(f"The rebalancing does not go on by itself: {held}")
    if plan is None:
        yield dg.MaterializeResult(metadata={"state": gate_state(held)})
        return
    summary = plan.rebalancing_summary
    yield dg.MaterializeResult(
        metadata={
            "state": gate_state(held),
            **md.counts(
                {
                    "moves": summary.move_count,
                    "enrolments": summary.enrolment_count,
                    "deferred": summary.deferred_move_count,
                    "deviation_without_moves_percent": summary.deviation_before_percent,
                    "deviation_with_moves_percent": summary.deviation_after_percent,
                }
            ),
            "certificate": md.text(summary.certificate or "no rebalancing is needed"),
            "reasons": md.lines(summary.reasons),
            **flow_metadata(summary),
            **advice_metadata(summary),
            **_who_moves(services, plan),
            **decision_metadata(services, plan),
            **gate_metadata(plan, decision),
        },
        data_version=dg.DataVersion(plan.content_hash),
    )


def flow_metadata(summary: RebalancingSummary) -> dict[str, dg.MetadataValue]:
    """How many move between which lists and join which, under the names that people read everywhere else."""
    moves = [(pair_of(flow), count) for flow, count in summary.moves.items()]
    return {
        "moves by list": md.table(
            [{"from": giver.label, "to": taker.label, "contacts": f"{count:,}"} for (giver, taker), count in moves]
        ),
        "enrolments by list": md.table(
            [{"to": role.label, "contacts": f"{count:,}"} for role, count in summary.enrolments.items()]
        ),
    }


def _who_moves(services: Services, plan: StoredPlan) -> dict[str, dg.MetadataValue]:
    return md.pages(
        "who and where to",
        [
            {
                "contact": one.item.contact_id,
                "address": one.masked,
                "from": one.item.from_role.label if one.item.from_role else "",
                "to": one.item.to_role.label if one.item.to_role else "",
            }
            for one in shown_items(services, plan)
        ],
    )


def advice_metadata(summary: RebalancingSummary) -> dict[str, dg.MetadataValue]:
    """Who explains the plan and how, what it cost, and what counted of the answer. Empty for a plan that was made before
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
        "verdict on the answer": md.text(advice.verdict),
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
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    return carried_out(
        context,
        services,
        maintenance,
        "rebalancing",
        PlanKind.REBALANCING,
        lambda run: executed_metadata(rebalancing.execute_rebalancing(services, run, context.log.info), "action"),
    )
