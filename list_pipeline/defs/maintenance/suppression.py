"""Who is suppressed: planned, let through or not, done. Only the last of the three changes lists."""

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg

from list_pipeline.agents import health as health_agent
from list_pipeline.agents import optimization
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.gate import GateDecision
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import dollars_text, instant_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import ONE_RUN_A_PARTITION, OWNERS, POOL, versions
from list_pipeline.defs.maintenance.bounces import bounce_analysis
from list_pipeline.defs.maintenance.campaign_assets import (
    campaign_asset,
    carried_out,
    executed_metadata,
    gate_metadata,
    gate_state,
    maintenance_of,
    why_held_now,
)
from list_pipeline.defs.maintenance.deciding import decided_check_result, decided_check_spec, decision_metadata
from list_pipeline.defs.maintenance.gate_checks import SUPPRESSION_RULES, gate_check_results, gate_check_specs
from list_pipeline.defs.maintenance.list_health import health_metadata
from list_pipeline.defs.maintenance.snapshots import list_snapshot_before
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.operations.advice.advisors import partition_of
from list_pipeline.operations.health import assessments as health
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.quarantine.told import quarantine_facts
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.suppression.shadow import campaign_line
from list_pipeline.operations.views.masked_items import ShownItem, shown_items
from list_pipeline.storage.plans.plan_rows import StoredPlan

SUPPRESSION_PLAN = dg.AssetKey("suppression_plan")
LIST_HEALTH = dg.AssetKey("list_health_assessments")


@dg.multi_asset(
    name="suppression_plan_and_list_health",
    partitions_def=CAMPAIGNS,
    backfill_policy=ONE_RUN_A_PARTITION,
    can_subset=True,
    specs=[
        dg.AssetSpec(
            SUPPRESSION_PLAN,
            deps=[bounce_analysis],
            group_name="plan",
            kinds={"python", "gemini", "postgres"},
            owners=OWNERS,
            code_version=versions(SuppressionPolicy().version, optimization.PROMPT_VERSION),
            description=(
                "Who is to be suppressed, watched or kept, each with the rule and its evidence. Decided by the policy; the "
                "advisor explains and can only make it more careful. Written once: materializing again shows the stored "
                "plan."
            ),
        ),
        dg.AssetSpec(
            LIST_HEALTH,
            deps=[bounce_analysis, list_snapshot_before],
            group_name="plan",
            kinds={"python", "gemini", "postgres"},
            owners=OWNERS,
            code_version=versions(health_agent.PROMPT_VERSION),
            description=(
                "How healthy the three lists are: rates with their intervals, trends, and what rules and advisor make of "
                "them. It advises and stops nothing. Made once: materializing again shows what is stored."
            ),
        ),
    ],
)
def suppression_plan_and_list_health(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> Iterator[dg.MaterializeResult[None]]:
    """Both in one step, so that the advisors are asked at the same time."""
    wanted = context.selected_asset_keys
    with maintenance_of(context, services, maintenance, "ai_analysis") as run:
        plan: StoredPlan | None = None
        problem = ""
        if SUPPRESSION_PLAN not in wanted:
            _, problem = workflow.assess_health(services, run)
        elif LIST_HEALTH not in wanted:
            plan = suppression.plan_suppression(services, run)
        else:
            analysed = workflow.analyse(services, run)
            plan, problem = analysed.plan, analysed.problem
        items = shown_items(services, plan) if plan is not None else []
        with services.database.begin() as connection:
            shadow = campaign_line(connection, run.campaign.campaign_id)
        found = health.stored_assessments(services, partition_of(run))
        asked = health.consultations(services, partition_of(run))
    if plan is not None:
        yield dg.MaterializeResult(
            asset_key=SUPPRESSION_PLAN,
            metadata={
                **suppression_metadata(plan, items),
                **decision_metadata(services, plan),
                **({"shadow policy": md.text(shadow)} if shadow else {}),
            },
            data_version=dg.DataVersion(plan.content_hash),
        )
    if LIST_HEALTH in wanted:
        yield dg.MaterializeResult(asset_key=LIST_HEALTH, metadata=health_metadata(found, asked, problem))


def suppression_metadata(plan: StoredPlan, items: list[ShownItem]) -> dict[str, dg.MetadataValue]:
    """A suppression plan for people: figures, who and why (masked), and what the advisor said."""
    summary = plan.suppression_summary
    suppressed = [item for item in items if item.item.action is ItemAction.SUPPRESS]
    return {
        **md.counts(
            {
                "planned_suppressions": summary.suppress.total,
                "held_for_review": summary.held,
                "monitored": summary.monitor,
                "kept": summary.keep,
            }
        ),
        "by reason": md.table(
            [{"reason": k.replace("_", " "), "contacts": v} for k, v in asdict(summary.suppress).items()]
        ),
        **md.pages(
            "who and why",
            [
                {
                    "contact": one.item.contact_id,
                    "address": one.masked,
                    "rule": one.item.rule.replace("_", " "),
                    "held": "yes" if one.item.is_held else "",
                    "why": one.item.explanation,
                }
                for one in suppressed
            ],
        ),
        "why one contact": md.text("`list-pipeline why CONTACT`, or the job `explain_contact`"),
        "rationale": md.text(f"{summary.rationale} (chosen by the {summary.advised_by.value})"),
        "expected impact": md.text(summary.expected_impact),
        **_advice_metadata(summary),
        "policy version": md.text(plan.policy_version),
    }


def _advice_metadata(summary: SuppressionSummary) -> dict[str, dg.MetadataValue]:
    """What became of the advisor's answer, and what it took; little for plans of before that was kept."""
    if (advice := summary.advice) is None:
        return {}
    took = f"{sum(advice.tokens.values()):,} tokens, {dollars_text(advice.cost_usd)}, {advice.latency_ms or 0:,} ms"
    return {
        "advisor": md.text(f"{advice.model or 'no model'}: {advice.verdict}"),
        "advisor's concerns": md.text("; ".join(summary.concerns) or "none"),
        "advice took": md.text("recalled from an earlier run" if advice.is_recalled else took),
        **md.counts({"advisor_confidence": summary.advisor_confidence, "advisor_disagreements": summary.disagreements}),
    }


@campaign_asset(
    group="plan",
    kinds={"python", "postgres"},
    deps=["suppression_plan"],
    code_version=versions(SuppressionPolicy().version),
    check_specs=[
        *gate_check_specs("approved_suppression_plan", SUPPRESSION_RULES),
        decided_check_spec("approved_suppression_plan"),
    ],
    description=(
        "The safety gate. Its metadata says whether the plan goes on, because every rule holds or a person decided, or waits. "
        "While it waits the steps below do nothing, and say so."
    ),
)
def approved_suppression_plan(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    with maintenance_of(context, services, maintenance, "suppression") as run:
        try:
            plan, goes_on, decision = workflow.open_suppression_gate(services, run)
        except RefusedError:
            refused = suppression.plan_suppression(services, run)
            yield from gate_check_results(refused, SUPPRESSION_RULES, context.partition_key)
            yield decided_check_result(refused, context.partition_key)
            raise
        held = "" if goes_on else why_held_now(context, services, run, PlanKind.SUPPRESSION)
    yield from gate_check_results(plan, SUPPRESSION_RULES, context.partition_key)
    yield decided_check_result(plan, context.partition_key)
    if held:
        context.log.info(f"The plan does not go on by itself: {held} {_words(plan, decision)}")
    yield dg.MaterializeResult(
        metadata={"state": gate_state(held), **decision_metadata(services, plan), **gate_metadata(plan, decision)}
    )


def _words(plan: StoredPlan, decision: GateDecision | None) -> str:
    if decision is None:
        return f"It is {plan.status.value}."
    return " ".join(check.words for check in decision.failed_checks) or decision.outcome.value


@campaign_asset(
    group="act",
    kinds={"mailjet", "postgres"},
    pool=POOL,
    deps=[approved_suppression_plan],
    description=(
        "Suppressed contacts: onto the suppression list and excluded first, confirmed, then off the three campaign lists. "
        "In bulk jobs, journalled, read back from Mailjet. Nothing is done while the plan waits: see `state` and the check."
    ),
)
def suppression_result(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    return carried_out(
        context,
        services,
        maintenance,
        "suppression",
        PlanKind.SUPPRESSION,
        lambda run: {
            **executed_metadata(suppression.execute_suppressions(services, run, context.log.info), "reason"),
            **_quarantine_metadata(services, run),
        },
    )


def _quarantine_metadata(services: Services, run: Maintenance) -> dict[str, dg.MetadataValue]:
    """Who is kept from mail after the campaign; nothing where nobody is."""
    found = quarantine_facts(services, run)
    shown = [
        {"because": reason.words, "contacts": count, "until": instant_text(found.until)}
        for reason, count in sorted(found.active.items())
    ]
    if not (shown or found.waiting):
        return {}
    return {
        **md.counts({"quarantined": sum(found.active.values()), "waiting_for_quarantine": found.waiting}),
        "in quarantine": md.table(shown),
    }
