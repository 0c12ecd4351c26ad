"""Contacts that people approve one by one, carried out after their plan: held or doubtful ones, and failed ones.

Belongs here: when such a question may be carried out, and doing it with the same lock, last look, journal and history
as the plan itself. Does not belong here: the decision (``decisions``), and the plan's own execution
(``operations.suppression``, ``operations.rebalancing``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError
from list_pipeline.core.plans.journal import StepNote, StepState
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, ItemAction, PlanItem, PlanKind, PlanStatus
from list_pipeline.core.reviews.approved_contacts import (
    approved_of_plan,
    count_for_cap,
    failed_once_more,
    not_to_be_removed,
    tried_again,
)
from list_pipeline.core.runs import run_keys
from list_pipeline.core.wording import exceeds_percent, limit_text, share_percent_text
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.membership.sync import refresh_contacts
from list_pipeline.operations.plans.execution import carry_out
from list_pipeline.operations.plans.outcomes import Executed, ask_about_failed, close
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews.announcements import tell_late_execution
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import earlier_looks, journal, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import ReviewItem
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LateRun:
    """A plan with approved questions that want a run. ``run_key`` changes with every approval, and with time."""

    plan_id: int
    run_key: str
    why: str


def to_carry_out(services: Services) -> list[LateRun]:
    """Plans with approved questions that were not carried out yet; none while lists may not be changed.

    A run key is used up even by a run that fails: there is another every 10 minutes in the first hour, then hourly.
    """
    if change_block_reason(services):
        return []
    now = services.clock.now()
    with services.database.begin() as connection:
        found = review_rows.plans_to_continue(connection)
        names = {plan_id: review_rows.campaign_key_of(connection, plan_id) for plan_id in found}
    wanted = []
    for plan_id, decided_at in found.items():
        key = run_keys.approved_items(names[plan_id], plan_id, decided_at, now)
        why = f"a person approved single contacts of plan {plan_id} ({names[plan_id]})"
        wanted.append(LateRun(plan_id, key, why))
    return wanted


def execute_approved_items(services: Services, plan_id: int, progress: Progress = logged) -> Executed:
    """Carry out what people approved of a plan contact by contact; what was done already stays done.

    Each contact is looked at again right before, as with the plan itself. What fails again is asked about again.

    Returns:
        What became of all changes of the plan so far, these included.

    Raises:
        NotFoundError: there is no such plan.
        RefusedError: the plan was turned down, expired, replaced, or is not executed itself yet.
        ChangesStoppedError: lists may not be changed now; what is approved stays approved.
    """
    plan, approved = _look(services, plan_id)
    if approved:
        if why := change_block_reason(services):
            raise ChangesStoppedError(_tried(plan_id), why, "Switch it on again; what is approved stays approved")
        with services.database.begin() as connection:
            name = review_rows.campaign_key_of(connection, plan_id)
        with mutation_lock(services.database, services.clock, f"approved contacts of {name}") as lock:
            # Whoever held the lock before may have done all of it.
            plan, approved = _look(services, plan_id)
            if approved:
                ApprovedItemsRun(services, plan, approved, lock, progress).run()
    executed = close(services, plan, by="reason" if plan.kind is PlanKind.SUPPRESSION else "action")
    if approved:
        tell_late_execution(services, plan, approved, executed)
    log.info("approved contacts carried out", plan=plan_id, questions=len(approved), success=executed.confirmed)
    return executed


def cap_text(services: Services, plan: StoredPlan, contact_ids: Collection[int]) -> str:
    """How many of a campaign's recipients are suppressed with these contacts, over all its sweeps, beside the cap.

    The cap stops what would run by itself; a person may exceed it, and is told. Empty for plans that suppress nobody.
    """
    if plan.kind is not PlanKind.SUPPRESSION or plan.campaign_id is None:
        return ""
    cap, recipients = suppression.policy_of(services).cap_percent, plan.suppression_summary.recipients
    with services.database.begin() as connection:
        before = earlier_looks.suppressed_in_sweeps(connection, plan.campaign_id, None)
        confirmed = {step.contact_id for step in journal.steps_of(connection, plan.plan_id, StepState.CONFIRMED)}
        items = plan_rows.plan_items(connection, plan.plan_id, {ItemAction.SUPPRESS})
    new = count_for_cap(items, contact_ids, confirmed)
    share, most = share_percent_text(before + new, recipients), limit_text(cap)
    words = (
        f"{new} approved and {before} suppressed before are {share} of {recipients:,} recipients; the cap is {most}."
    )
    return f"{words} A person exceeds it." if exceeds_percent(before + new, recipients, cap) else words


def cap_text_of(services: Services, item: ReviewItem) -> str:
    """The sentence of ``cap_words`` for the contacts of one question."""
    with services.database.begin() as connection:
        plan = plan_rows.plan_by_id(connection, item.plan_id) if item.plan_id is not None else None
    return cap_text(services, plan, item.contact_ids) if plan is not None else ""


def _tried(plan_id: int) -> str:
    return f"Carrying out approved contacts of plan {plan_id}"


def _look(services: Services, plan_id: int) -> tuple[StoredPlan, tuple[ReviewItem, ...]]:
    """The plan and what is approved of it, as they are now."""
    with services.database.begin() as connection:
        plan = plan_rows.plan_by_id(connection, plan_id)
        approved = review_rows.approved_items(connection, plan_id)
    if plan is None:
        raise NotFoundError(_tried(plan_id), "there is no such plan", "`list-pipeline reviews` lists what waits")
    if plan.kind not in MAINTENANCE_PLANS:
        raise RefusedError(_tried(plan_id), f"it is a correction ({plan.kind.value})", "Ask for the correction again")
    if plan.status is not PlanStatus.EXECUTED:
        raise RefusedError(
            _tried(plan_id),
            f"it is {plan.status.value}",
            "Single contacts follow when their plan was executed; of one that was turned down, nothing is done",
        )
    return plan, approved


class ApprovedItemsRun:
    """One execution, under the lock."""

    def __init__(
        self,
        services: Services,
        plan: StoredPlan,
        approved: Sequence[ReviewItem],
        lock: MutationLock,
        progress: Progress,
    ) -> None:
        self._services = services
        self._plan = plan
        self._approved = approved
        self._lock = lock
        self._progress = progress
        self._again = tried_again(approved)

    def run(self) -> None:
        items = self._items()
        if words := cap_text(self._services, self._plan, [item.contact_id for item in items]):
            self._progress(words)
        try:
            self._prepare(items)
            carry_out(self._services, self._plan.plan_id, self._lock, self._progress)
        finally:
            self._keep()
        self._settle()

    def _items(self) -> list[PlanItem]:
        with self._lock.writing() as connection:
            return approved_of_plan(plan_rows.plan_items(connection, self._plan.plan_id), self._approved)

    def _prepare(self, items: Sequence[PlanItem]) -> None:
        services, plan = self._services, self._plan
        if plan.kind is PlanKind.REBALANCING:
            # A send that began since changes what may move.
            discover(services)
        refresh_contacts(services, [item.contact_id for item in items])
        with self._lock.writing() as connection:
            journal.retry_failed(connection, plan.plan_id, self._again, services.clock.now())
        if plan.kind is PlanKind.REBALANCING:
            rebalancing.open_journal(services, plan, items, self._lock)
        else:
            suppression.open_journal(services, plan, items, self._lock)
        self._drop_what_others_undid()

    def _drop_what_others_undid(self) -> None:
        """A removal is tried again only while its contact stands on the list it was added to: nobody ends up in none."""
        with self._lock.writing() as connection:
            facts = members.facts_of(connection, sorted(self._again))
            lists_now = {contact_id: row["roles"] for contact_id, row in facts.items()}
            dropped = not_to_be_removed(journal.steps_of(connection, self._plan.plan_id), self._again, lists_now)
            now = self._services.clock.now()
            journal.settle_steps(connection, dropped, StepState.SKIPPED, now, StepNote.NO_LONGER_THERE)

    def _keep(self) -> None:
        """Keep the done part in the history, also when the rest failed."""
        plan = self._plan
        if plan.campaign_id is None or plan.sweep is None:
            return  # The history and the ledger are about campaigns.
        with self._lock.writing() as connection:
            row = ledger.latest_log(connection, plan.campaign_id, plan.sweep.value)
            confirmed = outcome_rows.outcomes(connection, plan.plan_id).confirmed
            if row is not None and plan.kind is PlanKind.REBALANCING:
                ledger.fill_log(connection, row.log_id, contacts_rebalanced=confirmed)
        if row is not None and plan.kind is PlanKind.SUPPRESSION:
            suppression.note_suppressed(self._services, row.log_id, plan)

    def _settle(self) -> None:
        """Mark the questions as carried out, and ask anew about what failed once more."""
        now = self._services.clock.now()
        with self._lock.writing() as connection:
            failed = {step.contact_id for step in journal.steps_of(connection, self._plan.plan_id, StepState.FAILED)}
            for one in self._approved:
                again = failed_once_more(one, failed)
                what = f"could not be changed at Mailjet either when it was tried again (question {one.review_id})"
                ask_about_failed(connection, self._plan, again, what, now)
            review_rows.mark_executed(connection, [one.review_id for one in self._approved], now)
