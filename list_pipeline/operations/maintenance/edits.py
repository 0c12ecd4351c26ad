"""A person edits a waiting plan: some contacts are left out, and the rest becomes a plan of its own that waits again.

The edited plan is superseded, and what came of it is judged by the same gate as any plan of its kind. Who was left out stands
as rejected by the person who edited. Approving is a second decision, on the new content hash.

Belongs here: the order of it, and its guards. Does not belong here: what can be edited and what the rest amounts to
(``core.plans.edits``, ``core.suppression.edits``, ``core.rebalancing.edits``), and the decision itself
(``operations.reviews.decisions``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans import plan as plans
from list_pipeline.core.plans.edits import EDITABLE, PlanEdit, decision_after_edit, why_not_editable
from list_pipeline.core.plans.gate import GateDecision, GateOutcome
from list_pipeline.core.plans.plan import PlanItem, PlanKind, PlanStatus
from list_pipeline.core.rebalancing.balance import RebalancingSummary
from list_pipeline.core.rebalancing.edits import summary_of_left as rebalancing_of_left
from list_pipeline.core.rebalancing.edits import why_no_balance
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.decidable import is_as_shown
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.suppression.edits import summary_of_left as suppressions_of_left
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.core.wording import count_text
from list_pipeline.operations.audience.splitting import batches_of_left
from list_pipeline.operations.audience.splitting import gate_of as audience_gate_of
from list_pipeline.operations.audience.splitting import summary_of_left as audience_of_left
from list_pipeline.operations.maintenance.gates import decide_on_items
from list_pipeline.operations.messages.gate_alerts import tell_gate_alert
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.rebalancing.plan_and_execute import policy_of as rebalancing_policy_of
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.runs.run import Maintenance, current
from list_pipeline.operations.services import Services
from list_pipeline.operations.verdict_imports.importing import gate_of
from list_pipeline.storage import audience_batches
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.plans import edits as edit_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import GATE, PlanSummary, StoredPlan, summary_as_json
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)

LOCK_WAIT_S = 5.0
"""Seconds that an edit waits for whoever changes lists: longer nobody should look at a screen that shows nothing."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of an edit. ``plan``: the new one; ``taken_out``: who was left out of the edited one, by ascending id."""

    plan: StoredPlan
    edited_plan_id: int
    taken_out: tuple[int, ...]
    changes: int

    @property
    def words(self) -> str:
        """It for people, as a sentence."""
        left_out = count_text(len(self.taken_out), "contact")
        return (
            f"Plan {self.edited_plan_id} became plan {self.plan.plan_id} with {count_text(self.changes, 'change')}; "
            f"{left_out} left out."
        )


def edit_plan(
    services: Services,
    plan_id: int,
    *,
    by: str,
    note: str,
    content_hash: str,
    without: Collection[int] = (),
    keep: Collection[int] = (),
    approved: bool = False,
    way: Way | None = None,
) -> Edited:
    """Leave contacts out of a waiting plan. What is left is a new plan, of the next revision, that waits.

    Args:
        by: who edits, for the record. note: why these contacts are left out.
        content_hash: the hash that was shown, or its first characters (eight at least).
        without: contacts to leave out. keep: instead, the only ones to keep.
        approved: whether the person approves what is left in the same breath. way: how the person came.

    Raises:
        NotFoundError: there is no such plan.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it does not wait, is another plan than the one that was shown, or cannot be edited so; or its gate refuses
            what is left.
        StateChangedError: somebody else decided in between.
        LockHeldError: somebody changes lists right now.
    """
    tried = f"Editing plan {plan_id}"
    name = reviewer(services, by, tried)
    why = reason_of(note, tried, "there is no reason", "Say why they are left out: somebody will ask")
    edit = PlanEdit(frozenset(without), frozenset(keep))
    # Complaints of a plan that waits are carried out all the same: nobody does that meanwhile.
    with mutation_lock(services.database, services.clock, f"editing plan {plan_id}", wait_s=LOCK_WAIT_S) as lock:
        with services.database.begin() as connection:
            plan = _waiting(connection, plan_id, content_hash, tried)
            items = plan_rows.plan_items(connection, plan_id)
            begun = edit_rows.begun_contacts(connection, plan_id)
            is_open = outcome_rows.outcomes(connection, plan_id).open > 0
            key = review_rows.campaign_key_of(connection, plan_id)
        if is_open:
            raise RefusedError(
                tried, "changes of it are under way", "Wait until they are settled, and look at it again"
            )
        if reason := why_not_editable(edit, items, begun):
            raise RefusedError(tried, *reason)
        left, out = edit.left(items, begun), sorted(edit.taken_out(items, begun))
        summary = _summary_of(services, plan, left, tried)
        run = current(services, key, sweep=plan.sweep) if plan.campaign_id is not None and plan.sweep else None
        decision = _judged(services, plan, run, left, summary, tried)
        complaints = {one.contact_id for one in left if one.rule == SuppressionRule.COMPLAINT.value}
        decision = decision_after_edit(decision, complaints, by=name, plan_id=plan_id, taken_out=len(out))
        with lock.writing() as connection:
            made = _write(services, connection, plan, left, summary, decision, name, why)
            edit_rows.keep_edit(connection, plan, made, name, why, out, services.clock.now())
            if begun:
                edit_rows.take_journal_over(connection, plan_id, made.plan_id)
            _ask_anew(services, connection, plan, made, decision, run, frozenset(out), name)
            changes = plan_rows.changes_if_approved(connection, made.plan_id)
    log.info("plan edited", plan=plan_id, made=made.plan_id, left_out=len(out), by=name)
    if approved:
        made = approve(services, made.plan_id, by=name, content_hash=made.content_hash, note=why, way=way)
    else:
        tell_gate_alert(services, made.plan_id)
    return Edited(made, plan_id, tuple(out), changes)


def _waiting(connection: Connection, plan_id: int, shown: str, tried: str) -> StoredPlan:
    plan = plan_rows.plan_by_id(connection, plan_id)
    if plan is None:
        raise NotFoundError(tried, "there is no such plan", "`list-pipeline reviews` lists what waits")
    if plan.status is not PlanStatus.PENDING_REVIEW:
        raise RefusedError(tried, f"it is {plan.status.value}", "Only a plan that waits can be edited")
    if not is_as_shown(plan.content_hash, shown):
        raise RefusedError(
            tried, "its content hash is another than the one given", "Look at the plan again, and at its hash"
        )
    if plan.kind not in EDITABLE:
        raise RefusedError(tried, f"a plan of the kind {plan.kind.value} is one whole", "Approve or reject it")
    return plan


def _summary_of(services: Services, plan: StoredPlan, left: Sequence[PlanItem], tried: str) -> PlanSummary:
    summary = plan.summary
    if isinstance(summary, SuppressionSummary):
        return suppressions_of_left(summary, left)
    if isinstance(summary, RebalancingSummary):
        counted = rebalancing_of_left(summary, left, rebalancing_policy_of(services))
        if reason := why_no_balance(counted):
            raise RefusedError(tried, reason, "Leave other contacts out, or reject the plan")
        return counted
    if isinstance(summary, SplitSummary):
        return audience_of_left(summary, left)
    return summary


def _judged(
    services: Services,
    plan: StoredPlan,
    run: Maintenance | None,
    left: Sequence[PlanItem],
    summary: PlanSummary,
    tried: str,
) -> GateDecision:
    if run is not None:
        decision = decide_on_items(services, run, plan, left, summary)
    else:
        with services.database.begin() as connection:
            if isinstance(summary, SplitSummary):
                decision = audience_gate_of(services, connection, left, summary)
            else:
                decision = gate_of(services, connection, left)
    if decision.outcome is GateOutcome.REFUSED:
        words = " ".join(check.words.rstrip(".") for check in decision.failed_checks)
        raise RefusedError(tried, f"its gate refuses what is left: {words}", "Look at the plan's checks")
    return decision


def _write(
    services: Services,
    connection: Connection,
    plan: StoredPlan,
    left: Sequence[PlanItem],
    summary: PlanSummary,
    decision: GateDecision,
    by: str,
    why: str,
) -> StoredPlan:
    """The new plan, and the edited one superseded: of two who decide at once, one wins here."""
    now = services.clock.now()
    plan_rows.decide(connection, plan.plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.SUPERSEDED, by, now)
    revision = plan.revision + 1
    if plan.campaign_id is not None and plan.sweep is not None:
        revision = outcome_rows.next_revision(connection, plan.campaign_id, plan.kind, plan.sweep)
    # A plan of no campaign is told from others like it by its time.
    version = plan.policy_version if plan.campaign_id is not None else f"{plan.policy_version}.{now.isoformat()}"
    made = plan_rows.save_plan(
        connection,
        campaign_id=plan.campaign_id,
        kind=plan.kind,
        sweep=plan.sweep,
        content_hash=plans.content_hash(plan.campaign_id, plan.kind, plan.sweep, version, left),
        policy_version=plan.policy_version,
        status=PlanStatus.PLANNED,
        summary=summary,
        items=left,
        now=now,
        revision=revision,
        requested_by=plan.requested_by,
        note=plan.note,
    )
    plan_rows.set_gate(connection, made, PlanStatus.PENDING_REVIEW, decision.record, now, None)
    if plan.kind is PlanKind.SPLIT:
        audience_batches.save(connection, made.plan_id, batches_of_left(connection, plan.plan_id, left))
    return plan_rows.existing_plan(connection, made.plan_id)


def _ask_anew(
    services: Services,
    connection: Connection,
    plan: StoredPlan,
    made: StoredPlan,
    decision: GateDecision,
    run: Maintenance | None,
    out: frozenset[int],
    by: str,
) -> None:
    now, failed = services.clock.now(), " ".join(check.words for check in decision.failed_checks)
    incidents = edit_rows.open_incidents(connection, plan.plan_id)
    edit_rows.close_questions(connection, plan.plan_id, by, f"edited: asked anew with plan {made.plan_id}", now)
    about = f" of {run.campaign.key}" if run is not None else ""
    plan_rows.add_review_item(
        connection,
        campaign_id=made.campaign_id,
        plan_id=made.plan_id,
        kind=ReviewKind.PLAN,
        summary=f"The {made.kind.value} plan{about} waits: {failed}",
        details={"content_hash": made.content_hash, **GATE.plain(decision.record)},
        now=now,
    )
    for one in incidents:
        held = [contact_id for contact_id in one.contact_ids if contact_id not in out]
        if held:
            plan_rows.add_review_item(
                connection,
                campaign_id=made.campaign_id,
                plan_id=made.plan_id,
                kind=ReviewKind.INCIDENT,
                summary=one.summary,
                details={**one.details, "contact_ids": held},
                now=now,
            )
    if run is not None:
        column = f"{made.kind.value}_plan"
        kept = {**summary_as_json(made.kind, made.summary), "plan_id": made.plan_id}
        ledger.fill_log(connection, run.log.log_id, **{column: kept})
