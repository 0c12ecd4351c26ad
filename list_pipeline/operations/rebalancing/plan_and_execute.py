"""Rebalancing: plan it on what is really left after the suppression, have it explained, carry it out.

Belongs here: from the lists as they are to a stored plan, and from an approved plan to the lists. Does not belong here:
how many move and who (``core.rebalancing.flows``, ``core.rebalancing.queue_order``), what is asked of the advisor
(``agents.rebalancing``), and whether the plan may run (``core.rebalancing.gate``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import structlog
from sqlalchemy import Connection

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.rebalancing import RebalancingOpinion, explain, superseded
from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.errors import IncompleteDataError, NotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.automations import Automations, entering_words
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, content_hash
from list_pipeline.core.plans.rollback import added_to, count_astray, why_left_to_a_person, why_roll_back
from list_pipeline.core.rebalancing.balance import RebalancingSummary, Sizes, flow_name
from list_pipeline.core.rebalancing.flows import EnrolNewcomers, FlowPlan, RebalancingPolicy, plan_flows
from list_pipeline.core.rebalancing.question import RebalancingQuestion
from list_pipeline.core.rebalancing.queue_order import Enrolment, Move, QueueEntry, choose_contacts, needed_from
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.advice.advisors import access_for, keep_record, partition_of
from list_pipeline.operations.campaigns.automations import automations_now
from list_pipeline.operations.campaigns.before_changes import (
    follow_sends,
    is_enrolment_frozen,
    lists_not_rebalanced,
)
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.campaigns.recipients import require_known
from list_pipeline.operations.drift.mass_changes import tell_about_mass_changes
from list_pipeline.operations.membership.sync import list_sizes, refresh_contacts, sync
from list_pipeline.operations.plans.corrections import finish
from list_pipeline.operations.plans.enrolments import open_moves
from list_pipeline.operations.plans.execution import UnreadableMeanwhileError, carry_out, finish_half_done
from list_pipeline.operations.plans.outcomes import Executed, close
from list_pipeline.operations.plans.read_back import ReadBack
from list_pipeline.operations.plans.undo import roll_back
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.runs.attempts import deadline_words
from list_pipeline.operations.runs.run import Maintenance, deadline_of
from list_pipeline.operations.services import Services
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan, summary_as_json
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)

POLICY_VERSION = "rebalancing-1"


def policy_of(services: Deciding) -> RebalancingPolicy:
    """The policy with the figures that settings may turn."""
    settings = services.settings
    return RebalancingPolicy(
        trigger_percent=settings.list_balance_threshold,
        repair_percent=settings.list_balance_target,
        enrol=EnrolNewcomers(settings.enrol_newcomers),
    )


def stored_plan(services: Services, run: Maintenance) -> StoredPlan | None:
    """The rebalancing plan as it stands, or None."""
    with services.database.begin() as connection:
        return plan_rows.current_plan(connection, run.campaign.campaign_id, PlanKind.REBALANCING, run.sweep)


@dataclass(frozen=True, slots=True)
class Draft:
    """The plan that would be written at this moment, and what the advisor is told of it."""

    question: RebalancingQuestion
    items: list[PlanItem]
    removed: int
    """Contacts in master who were on a campaign list before: not new, so not enrolled."""
    automations: Automations

    @property
    def flows(self) -> FlowPlan:
        return self.question.flows


def plan_rebalancing(services: Services, run: Maintenance, access: ModelAccess | None = None) -> StoredPlan:
    """The rebalancing plan of a campaign and sweep: the stored one, or decided now on the lists as they are.

    The advisor is asked between two transactions, since it may take half a minute. What is written is what the second
    one decides; when that is no longer the plan that was explained, the policy speaks for itself.

    Args:
        access: the model as the advisor may use it; the run's own where None.

    Raises:
        IncompleteDataError: the suppressions are not settled, so what is really left is not known; or it is not known who was
            mailed.
    """
    campaign, sweep = run.campaign, run.sweep
    with services.database.begin() as connection:
        suppression, stored = plan_rows.maintenance_plans(connection, campaign.campaign_id, sweep)
        unsettled = outcome_rows.outcomes(connection, suppression.plan_id).open if suppression else 0
    if stored is not None:
        return stored
    if unsettled:
        raise IncompleteDataError(
            f"Planning the rebalancing after campaign {campaign.key}",
            f"{unsettled} suppressions are not settled yet",
            "Run the maintenance again; it continues them first",
        )
    # Who came, left or unsubscribed since the last look decides who may move, and a send that began since, where to.
    follow_sends(services)
    sync(services)
    tell_about_mass_changes(services)
    with services.database.begin() as connection:
        require_known(connection, campaign.key, f"Planning the rebalancing after campaign {campaign.key}")
        explained = draft_plan(services, connection, run, suppression)
    opinion = explain(access or access_for(services, run), explained.question)
    # Kept before the plan: an attempt that dies in between does not pay for the same question again.
    said = _said(opinion)
    keep_record(services, partition_of(run), opinion.recorded, said, confidence=opinion.confidence)
    with services.database.begin() as connection:
        draft = draft_plan(services, connection, run, suppression)
        if draft != explained:
            log.warning("the lists changed while the advisor was asked", campaign=campaign.key)
            opinion = superseded(draft.question, opinion.recorded)
        flows, now = draft.flows, services.clock.now()
        summary = _summary(draft, opinion)
        saved = plan_rows.save_plan(
            connection,
            campaign_id=campaign.campaign_id,
            kind=PlanKind.REBALANCING,
            sweep=sweep,
            # Of the items alone: what is said about a plan does not make it another one.
            content_hash=content_hash(campaign.campaign_id, PlanKind.REBALANCING, sweep, POLICY_VERSION, draft.items),
            policy_version=POLICY_VERSION,
            status=PlanStatus.PLANNED,
            summary=summary,
            items=draft.items,
            now=now,
        )
        kept = summary_as_json(PlanKind.REBALANCING, summary)
        ledger.fill_log(connection, run.log.log_id, rebalancing_plan={**kept, "plan_id": saved.plan_id})
    log.info(
        "rebalancing plan generated",
        campaign=campaign.key,
        required=flows.required,
        moves=flows.move_count,
        enrolments=flows.enrolment_count,
        targets=list(flows.target_sizes),
        rationale=summary.rationale,
        advised_by=summary.advised_by.value,
    )
    return saved


def draft_plan(services: Services, connection: Connection, run: Maintenance, suppression: StoredPlan | None) -> Draft:
    policy = policy_of(services)
    newcomers, removed = queue.count_enrollable(connection)
    available = 0 if is_enrolment_frozen(services, connection) else newcomers
    cycle = cycle_now(connection, services.clock.now())
    frozen = lists_not_rebalanced(services, connection, cycle)
    flows = plan_flows(queue.balance_sizes(connection), available, cycle.sent, frozen, policy)
    question = RebalancingQuestion(
        flows=flows,
        policy=policy,
        suppressed=_suppressed(connection, suppression),
        newcomers_available=available,
        sent_in_open_cycle=cycle.sent,
        frozen=frozen,
        round_number=run.campaign.round_number,
    )
    return Draft(
        question,
        _items(connection, flows, cycle),
        removed,
        automations_now(services, connection),
    )


def _suppressed(connection: Connection, suppression: StoredPlan | None) -> Sizes:
    """The number of contacts that the suppressions of this run took off each campaign list."""
    done = outcome_rows.done_changes(connection, suppression.plan_id) if suppression is not None else ()
    first, second, third = (sum((StepAction.REMOVE, role) in change.done for change in done) for role in CAMPAIGN_LISTS)
    return first, second, third


def _items(connection: Connection, flows: FlowPlan, cycle: OpenCycle) -> list[PlanItem]:
    donors = {
        role: [
            QueueEntry(entry.contact_id, entry.queued_at)
            for entry in queue.queue_ends(connection, role, ends.oldest, ends.newest, cycle)
        ]
        for role, ends in needed_from(flows).items()
    }
    waiting = queue.newcomers(connection, flows.enrolment_count) if flows.enrolment_count else ()
    chosen = choose_contacts(flows, donors, [QueueEntry(one.contact_id, one.queued_at) for one in waiting])
    return sorted((_item(one) for one in chosen), key=lambda item: item.contact_id)


def _item(chosen: Move | Enrolment) -> PlanItem:
    if isinstance(chosen, Move):
        return PlanItem(
            chosen.contact_id,
            ItemAction.MOVE,
            rule="fifo_move",
            from_role=chosen.from_role,
            to_role=chosen.to_role,
            reason="rebalancing",
            explanation=f"Moves from {chosen.from_role.label} to {chosen.to_role.label} in the order of the queue.",
        )
    return PlanItem(
        chosen.contact_id,
        ItemAction.ENROL,
        rule="oldest_newcomer",
        to_role=chosen.to_role,
        reason="enrolment",
        explanation=f"Joins {chosen.to_role.label}: among the oldest in master that are in no campaign list.",
    )


def _summary(draft: Draft, opinion: RebalancingOpinion) -> RebalancingSummary:
    question, flows = draft.question, draft.flows
    certificate = flows.certificate
    reasons = flows.reasons
    if draft.removed:
        reasons += (f"in master and taken off a campaign list by somebody, so not enrolled: {draft.removed:,}",)
    if entering := entering_words(draft.automations.entering(item.to_role for item in draft.items)):
        reasons += (entering.rstrip("."),)
    return RebalancingSummary(
        required=flows.required,
        triggered=flows.triggered,
        sizes=flows.sizes,
        target_sizes=flows.target_sizes,
        moves={flow_name(pair): count for pair, count in flows.moves.items()},
        enrolments=dict(flows.enrolments),
        deferred_moves={flow_name(pair): count for pair, count in flows.deferred_moves.items()},
        deferred_enrolments=dict(flows.deferred_enrolments),
        deviation_before_percent=_percent(flows.deviation_before),
        deviation_after_percent=_percent(flows.deviation_after),
        is_repaired=flows.is_repaired,
        certificate=certificate.sentence if certificate else "",
        lower_bound=certificate.lower_bound if certificate else 0,
        restriction=certificate.restriction if certificate else None,
        reasons=reasons,
        sent_in_open_cycle=tuple(sorted(question.sent_in_open_cycle)),
        frozen=tuple(sorted(question.frozen)),
        suppressed=dict(zip(CAMPAIGN_LISTS, question.suppressed, strict=True)),
        newcomers_available=question.newcomers_available,
        rationale=opinion.rationale,
        expected_impact=opinion.expected_impact,
        alternatives_considered=opinion.alternatives_considered,
        concerns=opinion.concerns,
        advised_by=opinion.source,
        advisor_confidence=opinion.confidence,
        advice=opinion.recorded.summary(),
    )


def _said(opinion: RebalancingOpinion) -> dict[str, object]:
    """The opinion for the advisor's record."""
    return {
        "rationale": opinion.rationale,
        "expected_impact": opinion.expected_impact,
        "alternatives_considered": list(opinion.alternatives_considered),
        "concerns": list(opinion.concerns),
        "advised_by": opinion.source.value,
        "advisor_confidence": opinion.confidence,
    }


def _percent(share: Fraction | None) -> float | None:
    return None if share is None else float(share * 100)


def execute_rebalancing(services: Services, run: Maintenance, progress: Progress = logged) -> Executed:
    """Move and enrol what the plan holds, if it was let through; what is done already stays done."""
    with services.database.begin() as connection:
        plan = plan_rows.current_plan(connection, run.campaign.campaign_id, PlanKind.REBALANCING, run.sweep)
        if plan is None:
            raise NotFoundError(
                f"Rebalancing after campaign {run.campaign.key}",
                "there is no plan",
                "Materialize rebalancing_plan first",
            )
        items = plan_rows.plan_items(connection, plan.plan_id)
    finish_half_done(services, progress, besides=plan.plan_id)
    if items and plan.status is PlanStatus.APPROVED:
        with mutation_lock(services.database, services.clock, f"rebalancing after {run.campaign.key}") as lock:
            with lock.writing() as connection:
                # Whoever held the lock before may have undone the maintenance.
                plan = plan_rows.existing_plan(connection, plan.plan_id)
            if plan.status is PlanStatus.APPROVED:
                _carry_out(services, run, plan, items, lock, progress)
    executed = close(
        services,
        plan,
        by="action",
        log_id=run.log.log_id,
        failure="these contacts were not moved after three attempts; each is still in at least one list",
        deadline=deadline_words(services),
    )
    with services.database.begin() as connection:
        ledger.fill_log(connection, run.log.log_id, contacts_rebalanced=executed.confirmed)
    touched = {role for item in items for role in (item.from_role, item.to_role) if role in CAMPAIGN_LISTS}
    log.info(
        "rebalancing complete",
        campaign=run.campaign.key,
        lists_updated=len(touched) if executed.confirmed else 0,
        moved=executed.confirmed,
        failed=executed.failed,
    )
    return executed


def _carry_out(
    services: Services,
    run: Maintenance,
    plan: StoredPlan,
    items: Sequence[PlanItem],
    lock: MutationLock,
    progress: Progress,
) -> None:
    # Who came or left decides whom a move concerns; a send that began since the plan was made, what may move. Sends are looked
    # at last, so that little can begin between that and the first change.
    refresh_contacts(services, [item.contact_id for item in items])
    tell_about_mass_changes(services)
    follow_sends(services)
    looked_at = services.clock.now()
    open_journal(services, plan, items, lock)
    try:
        carry_out(services, plan.plan_id, lock, progress, deadline_of(services, run), looked_at)
    except UnreadableMeanwhileError:
        # It may last: what failed of the others is not left until then.
        _roll_back_if_needed(services, run, plan, lock, progress)
        raise
    _roll_back_if_needed(services, run, plan, lock, progress)


def _roll_back_if_needed(
    services: Services, run: Maintenance, plan: StoredPlan, lock: MutationLock, progress: Progress
) -> None:
    """Compare the lists with the journal; what failed midway is taken back as a whole, and people are told either way."""
    with services.database.begin() as connection:
        begun = outcome_rows.waiting_corrections_of(connection, run.campaign.campaign_id, run.sweep, PlanKind.ROLLBACK)
    # A rollback that died midway is continued before anything else is asked.
    for plan_id in begun:
        finish(services, plan_id, lock, progress)
    if not begun and (why := _why_roll_back(services, plan)):
        if held := _why_not_rolled_back(services, plan):
            log.error("the rebalancing is not rolled back", campaign=run.campaign.key, plan=plan.plan_id, why=held)
            with services.database.begin() as connection:
                words = (
                    f"{why}; not rolled back: {held} `list-pipeline undo {run.campaign.key} --by NAME` takes it back"
                )
                ledger.add_error(connection, run.log.log_id, "rebalancing", words)
            return
        log.error("the rebalancing is rolled back", campaign=run.campaign.key, plan=plan.plan_id, why=why)
        with services.database.begin() as connection:
            ledger.add_error(connection, run.log.log_id, "rebalancing", f"rolled back: {why}")
        roll_back(services, plan, lock, why, progress)


def _why_not_rolled_back(services: Services, plan: StoredPlan) -> str:
    with services.database.begin() as connection:
        automations = automations_now(services, connection)
        return why_left_to_a_person(outcome_rows.done_changes(connection, plan.plan_id), automations)


def _why_roll_back(services: Services, plan: StoredPlan) -> str | None:
    with services.database.begin() as connection:
        outcomes = outcome_rows.outcomes(connection, plan.plan_id)
        failed = outcome_rows.failed_contacts(connection, plan.plan_id)
        changed = outcome_rows.done_changes(connection, plan.plan_id)
        unfinished = {
            step.change_id
            for state in (StepState.FAILED, StepState.PLANNED)
            for step in journal.steps_of(connection, plan.plan_id, state)
        }
        explained = outcome_rows.explained_sizes(connection, plan.plan_id)
    if explained and list_sizes(services) != explained:
        # Somebody else changed a list meanwhile, or a job did something else than it said: look at our contacts.
        refresh_contacts(services, [change.contact_id for change in changed])
    else:
        # Equal sizes can hide an exchange: whether everybody is where it was moved, only the lists' own entries say.
        lists = ReadBack(services, services.mailjet)
        for role in CAMPAIGN_LISTS:
            if added := added_to(changed, role):
                lists.look_again(role, added)
    with services.database.begin() as connection:
        now = outcome_rows.contacts_now(connection, [change.contact_id for change in changed])
    astray = count_astray(changed, now, unfinished)
    return why_roll_back(outcomes.planned - outcomes.skipped, failed, astray)


def open_journal(services: Services, plan: StoredPlan, items: Sequence[PlanItem], lock: MutationLock) -> None:
    """Write the journal, with each item checked once more against what is true now; also those of an earlier run that
    were not begun."""
    with lock.writing() as connection:
        open_moves(services, connection, plan, items)
