"""Who is suppressed: planned, let through or not, done. Only the last of the three changes lists."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.gate import GateDecision
from list_pipeline.core.plans import ItemAction
from list_pipeline.defs import metadata as md
from list_pipeline.defs.assets.bounces import bounce_analysis
from list_pipeline.defs.campaign_runs import POOL, campaign_asset, executed_metadata, gate_metadata, maintenance_of
from list_pipeline.defs.gate_checks import SUPPRESSION_RULES, gate_check_results, gate_check_specs
from list_pipeline.operations import suppression, workflow
from list_pipeline.operations.services import Services
from list_pipeline.operations.shown import ShownItem, shown_items
from list_pipeline.storage.plans import StoredPlan


@campaign_asset(
    group="plan",
    kinds={"python", "gemini", "postgres"},
    deps=[bounce_analysis],
    description=(
        "Who is to be suppressed, watched or kept, each with the rule and its evidence. Decided by the policy; the advisor "
        "explains and can only make it more careful. Written once: materializing again shows the stored plan."
    ),
)
def suppression_plan(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "ai_analysis") as run:
        plan = suppression.plan_suppression(services, run)
        items = shown_items(services, plan)
    return dg.MaterializeResult(
        metadata=suppression_metadata(plan, items), data_version=dg.DataVersion(plan.content_hash)
    )


def suppression_metadata(plan: StoredPlan, items: list[ShownItem]) -> dict[str, dg.MetadataValue]:
    """A suppression plan for people: figures, who and why (masked), and what the advisor said."""
    summary: Mapping[str, Any] = plan.summary
    suppressed = [item for item in items if item.item.action is ItemAction.SUPPRESS]
    return {
        **md.counts(
            {
                "planned_suppressions": int(summary["suppress"]["total"]),
                "held_for_review": int(summary["held"]),
                "monitored": int(summary["monitor"]),
                "kept": int(summary["keep"]),
            }
        ),
        "by reason": md.table([{"reason": k.replace("_", " "), "contacts": v} for k, v in summary["suppress"].items()]),
        "who and why": md.table(
            [
                {
                    "contact": one.item.contact_id,
                    "address": one.masked,
                    "rule": one.item.rule.replace("_", " "),
                    "held": "yes" if one.item.is_held else "",
                    "why": one.item.explanation,
                }
                for one in suppressed
            ]
        ),
        "rationale": md.text(f"{summary['rationale']} (written by the {summary['advised_by']})"),
        "expected impact": md.text(str(summary["expected_impact"])),
        "policy version": md.text(plan.policy_version),
        "content hash": md.text(plan.content_hash[:16]),
    }


@campaign_asset(
    group="plan",
    kinds={"python", "postgres"},
    deps=[suppression_plan],
    output_required=False,
    check_specs=gate_check_specs("approved_suppression_plan", SUPPRESSION_RULES),
    description=(
        "The safety gate. Materializes only when the plan may go on: every rule holds, or a person decided. A plan that "
        "waits leaves this run green and its successors skipped."
    ),
)
def approved_suppression_plan(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    with maintenance_of(context, services, "suppression") as run:
        try:
            plan, goes_on, decision = workflow.open_suppression_gate(services, run)
        except RefusedError:
            refused = suppression.plan_suppression(services, run)
            yield from gate_check_results(refused, SUPPRESSION_RULES, context.partition_key)
            raise
    yield from gate_check_results(plan, SUPPRESSION_RULES, context.partition_key)
    if goes_on:
        yield dg.MaterializeResult(metadata=gate_metadata(plan, decision))
    else:
        context.log.info(f"The plan does not go on by itself: {_words(plan, decision)}")


def _words(plan: StoredPlan, decision: GateDecision | None) -> str:
    if decision is None:
        return f"it is {plan.status.value}"
    return " ".join(check.words for check in decision.failed_checks) or decision.outcome.value


@campaign_asset(
    group="act",
    kinds={"mailjet", "postgres"},
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
