"""The gates of a maintenance: both plans are judged here, and what waits becomes a question to people.

Belongs here: gathering what a gate has to know, asking ``core`` for its decision, writing it down once. Does not belong
here: the rules themselves (``core.suppression.gate``, ``core.rebalancing.gate``), and what follows in a workflow
(``workflow``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.plans.gate import DECIDED_BY_GATE, GateDecision, GateOutcome, is_decided
from list_pipeline.core.plans.last_look import must_stay
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, TakenOff, judge_rebalancing
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.core.suppression.gate import SuppressionGateFacts, gate_items, judge_suppression
from list_pipeline.core.suppression.verdicts import BORDERLINE_RULES, SuppressionRule
from list_pipeline.operations.bounces.fetch import stored_bounces
from list_pipeline.operations.campaigns.automations import automations_now
from list_pipeline.operations.people import NOBODY
from list_pipeline.operations.quarantine.begin import to_quarantine
from list_pipeline.operations.rebalancing.plan_and_execute import plan_rebalancing
from list_pipeline.operations.rebalancing.plan_and_execute import policy_of as rebalancing_policy_of
from list_pipeline.operations.reviews.announcements import tell_decision
from list_pipeline.operations.runs.run import Maintenance, untimely
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import executable_items, plan_suppression
from list_pipeline.operations.suppression.plan_and_execute import policy_of as suppression_policy_of
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import earlier_looks, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import GATE, PlanSummary, StoredPlan

_STATUS_AFTER = {
    GateOutcome.APPROVED: PlanStatus.APPROVED,
    GateOutcome.NEEDS_REVIEW: PlanStatus.PENDING_REVIEW,
    GateOutcome.REFUSED: PlanStatus.PLANNED,
    GateOutcome.READ_ONLY: PlanStatus.PLANNED,
}


def judge_suppression_plan(services: Services, run: Maintenance) -> tuple[StoredPlan, GateDecision | None]:
    """Let the gate judge the suppression plan, once; a plan that a person decided on is not judged again.

    Returns:
        The plan with its status, and the decision if it was taken now (None when it stands already, or a person decided).
    """
    return _judge(services, run, plan_suppression(services, run), _decide_on_suppressions)


def judge_rebalancing_plan(services: Services, run: Maintenance) -> tuple[StoredPlan, GateDecision | None]:
    """Judge the rebalancing plan of a maintenance, and ask people about what waits."""
    return _judge(services, run, plan_rebalancing(services, run), _decide_on_rebalancing)


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_Decide = Callable[[Services, Maintenance, StoredPlan], GateDecision]


def _judge(
    services: Services, run: Maintenance, plan: StoredPlan, decide: _Decide
) -> tuple[StoredPlan, GateDecision | None]:
    if is_decided(plan.status, plan.decided_by, is_under_way=is_under_way(services, plan)):
        return plan, None
    decision = decide(services, run, plan)
    status, now = _STATUS_AFTER[decision.outcome], services.clock.now()
    with services.database.begin() as connection:
        decided_by = DECIDED_BY_GATE if decision.approved else None
        try:
            plan_rows.set_gate(connection, plan, status, decision.record, now, decided_by)
        except StateChangedError:
            # A person decided while the gate did: that stands, and nobody is asked again.
            return plan_rows.existing_plan(connection, plan.plan_id), None
        replaced = _replace_older(connection, plan, decision, now)
        _ask_people(services, connection, run, plan, decision, now)
        judged = plan_rows.existing_plan(connection, plan.plan_id)
    for older in replaced:
        tell_decision(services, older, why=f"Plan {plan.plan_id} asks about the lists as they are now.")
    return judged, decision


def _replace_older(connection: Connection, plan: StoredPlan, decision: GateDecision, now: datetime) -> list[StoredPlan]:
    """One question about the balance of the lists is open at a time: a rebalancing that waits replaces those that waited after
    earlier campaigns. Their plans lapse."""
    if plan.kind is not PlanKind.REBALANCING or decision.outcome is not GateOutcome.NEEDS_REVIEW:
        return []
    replaced = []
    for plan_id in review_rows.waiting_rebalancings(connection, except_plan=plan.plan_id):
        try:
            older = plan_rows.decide(connection, plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.EXPIRED, NOBODY, now)
        except StateChangedError:
            # A person who decides at this moment was faster; that stands.
            continue
        note = f"replaced by plan {plan.plan_id}"
        review_rows.close_questions(connection, plan_id, ReviewStatus.EXPIRED, NOBODY, note, now)
        replaced.append(older)
    return replaced


def is_under_way(services: Services, plan: StoredPlan) -> bool:
    """Whether the journal of a plan has steps that are not settled."""
    with services.database.begin() as connection:
        return outcome_rows.outcomes(connection, plan.plan_id).open > 0


def has_unstarted(services: Services, plan: StoredPlan) -> bool:
    """Whether a plan that waits has items that were let through at once (complaints) and were not begun."""
    if plan.status is not PlanStatus.PENDING_REVIEW:
        return False
    with services.database.begin() as connection:
        begun = outcome_rows.outcomes(connection, plan.plan_id).planned
        return not begun and bool(executable_items(plan, plan_rows.plan_items(connection, plan.plan_id)))


def decide_on_items(
    services: Services, run: Maintenance, plan: StoredPlan, items: Sequence[PlanItem], summary: PlanSummary
) -> GateDecision:
    """What the gate says of some of a plan's items, as it would of a plan that has no others. Nothing is written.

    Args:
        summary: of these items.
    """
    if plan.kind is PlanKind.SUPPRESSION:
        return _of_suppressions(services, run, replace(plan, summary=summary), items)
    return _of_rebalancing(services, run, replace(plan, summary=summary), items)


def _decide_on_suppressions(services: Services, run: Maintenance, plan: StoredPlan) -> GateDecision:
    with services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan.plan_id)
    return _of_suppressions(services, run, plan, items)


def _of_suppressions(services: Services, run: Maintenance, plan: StoredPlan, every: Sequence[PlanItem]) -> GateDecision:
    data = stored_bounces(services, run.campaign, run.sweep)
    items = [item for item in every if item.action is ItemAction.SUPPRESS]
    watched = [item for item in every if item.action is ItemAction.MONITOR]
    with services.database.begin() as connection:
        ids = [item.contact_id for item in items]
        mailed = recipient_rows.recipients_among(connection, run.campaign.campaign_id, ids)
        domains = members.domains_of(connection, ids)
        before = earlier_looks.suppressed_in_sweeps(connection, run.campaign.campaign_id, run.sweep)
        automations = automations_now(services, connection)
        asked = earlier_looks.asked_contacts(connection, run.campaign.campaign_id, run.sweep)
    return judge_suppression(
        SuppressionGateFacts(
            recipients=plan.suppression_summary.recipients,
            executed_before=before,
            items=gate_items(items, mailed, domains),
            fetch_complete=data is not None and data.fetch.is_complete,
            mode=operating_mode(services),
            untimely=untimely(services, run.campaign, run.sweep),
            flag_enabled=services.settings.list_management_enabled,
            softened=sum(item.rule in BORDERLINE_RULES for item in watched),
            tested=sum(item.rule == SuppressionRule.TESTED_FIRST.value for item in watched),
            automations=automations,
            asked_before=sum(not one.is_held and one.rule is not SuppressionRule.COMPLAINT for one in asked.values()),
        ),
        suppression_policy_of(services),
    )


def _decide_on_rebalancing(services: Services, run: Maintenance, plan: StoredPlan) -> GateDecision:
    with services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan.plan_id)
    return _of_rebalancing(services, run, plan, items)


def _of_rebalancing(services: Services, run: Maintenance, plan: StoredPlan, items: Sequence[PlanItem]) -> GateDecision:
    summary = plan.rebalancing_summary
    with services.database.begin() as connection:
        facts = members.facts_of(connection, [item.contact_id for item in items])
        since = plan_rows.moves_decided_at(connection, before_plan=plan.plan_id) or _NEVER
        taken_off = members.taken_off_by_others(connection, since)
        automations = automations_now(services, connection)
    return judge_rebalancing(
        RebalancingGateFacts(
            items=tuple(items),
            sizes_before=summary.sizes,
            sizes_after=summary.target_sizes,
            never_move=frozenset(i for i, flag in facts.items() if must_stay(flag)),
            is_best_reachable=summary.is_repaired or summary.restriction is not None,
            mode=operating_mode(services),
            untimely=untimely(services, run.campaign, run.sweep),
            flag_enabled=services.settings.list_management_enabled,
            restriction=summary.restriction,
            taken_off={role: TakenOff(gone, gone + present) for role, (gone, present) in taken_off.items()},
            advisor_confidence=summary.advisor_confidence,
            automations=automations,
        ),
        rebalancing_policy_of(services),
    )


def _ask_people(
    services: Services,
    connection: Connection,
    run: Maintenance,
    plan: StoredPlan,
    decision: GateDecision,
    now: datetime,
) -> None:
    failed = " ".join(check.words for check in decision.failed_checks)
    if decision.outcome is GateOutcome.NEEDS_REVIEW:
        # One decision for both: who lets the suppressions through is not asked about the quarantine again.
        kept = to_quarantine(services, connection, run, plan) if plan.kind is PlanKind.SUPPRESSION else None
        failed = f"{failed} {kept.words}" if kept is not None else failed
        summary = f"The {plan.kind.value} plan of {run.campaign.key} waits: {failed}"
        plan_rows.ask_about_plan(connection, plan, summary, now, more=GATE.plain(decision.record))
    elif decision.approved:
        for item in plan_rows.plan_items(connection, plan.plan_id):
            if item.contact_id in decision.waiting and not item.is_held:
                summary = f"Contact {item.contact_id} would be suppressed and waits: its confidence is below the automatic band"
                plan_rows.ask_about_plan(connection, plan, summary, now, contact_id=item.contact_id)
