"""Corrections: changes that take something back or that a person asks for, journalled like everything else.

A whole maintenance is undone, and its undo taken back, a rebalancing that failed midway is rolled back, one contact is
suppressed or reinstated, a repair that was approved is made. Each is a plan of its own with changes and steps; killed midway
it is continued.

Belongs here: what all of them have in common: written with its journal, carried out, compared, told. Does not belong
here: what a reversal consists of (``core.plans.corrections``), what is asked for (``undo``, ``redo``, ``single_contacts``),
posting jobs (``execution``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.drift.repairs import why_left_as_it_is
from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.plans.automations import entering_words
from list_pipeline.core.plans.corrections import (
    CorrectionFacts,
    CorrectionSummary,
    DoneChange,
    Refusal,
    Reversal,
    by_refusal,
    correction_message,
    is_back,
    left_because,
    reverse,
)
from list_pipeline.core.plans.evidence import ReversedChange
from list_pipeline.core.plans.gate import DECIDED_BY_GATE
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import (
    CORRECTIONS,
    MAINTENANCE_PLANS,
    ItemAction,
    PlanItem,
    PlanKind,
    PlanStatus,
    Sweep,
    content_hash,
)
from list_pipeline.core.wording import count_text, names_text
from list_pipeline.operations.access import Correcting, Deciding, Observing, Storing, Telling
from list_pipeline.operations.campaigns.automations import lists_with_automations
from list_pipeline.operations.campaigns.before_changes import follow_sends, lists_kept_still, lists_sent_soon
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.campaigns.expectations import follow_own_changes
from list_pipeline.operations.membership.sync import refresh_contacts
from list_pipeline.operations.messages.links import links_of_plan
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import in_own_words
from list_pipeline.operations.plans.enrolments import open_moves
from list_pipeline.operations.plans.execution import carry_out, finish_half_done
from list_pipeline.operations.plans.outcomes import Executed, close
from list_pipeline.operations.plans.redo_judgement import skip_outdated
from list_pipeline.operations.plans.taken_back import note_in_ledger
from list_pipeline.operations.plans.waiting_repairs import frozen_items
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.storage import audience_batches
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.membership import members, queue
from list_pipeline.storage.plans import journal, plan_rows, undone
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.journal import NewChange, NewStep
from list_pipeline.storage.plans.plan_rows import StoredPlan

_VERSION = "correction-1"
_OPENED_LATE = (PlanKind.REPAIR, PlanKind.IMPORT, PlanKind.QUARANTINE, PlanKind.SPLIT)
"""Plans of which the journal is written when they are carried out."""


@dataclass(frozen=True, slots=True)
class Correction:
    """The result of a correction. ``refused``: why contacts were left as they are, to their ids. ``plan_id`` is None when there
    was nothing that could be done."""

    plan_id: int | None
    facts: CorrectionFacts
    refused: Mapping[Refusal, Sequence[int]]

    def as_json(self) -> dict[str, object]:
        """For machines: numbers, and contacts by id."""
        facts = self.facts
        return {
            "plan": self.plan_id,
            "content_hash": facts.content_hash or None,
            "what": facts.what,
            "requested_by": facts.requested_by,
            "planned": facts.planned,
            "done": facts.done,
            "failed": facts.failed,
            "open": facts.open,
            "is_complete": facts.is_complete,
            "not_where_they_were": list(facts.differs),
            "entered_automations": {role.value: count for role, count in facts.entered.items()},
            "left": {reason.value: list(ids) for reason, ids in self.refused.items()},
        }


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """A request for a correction: the person who asks, the reason, and the campaign. ``what``: its title."""

    kind: PlanKind
    by: str
    note: str
    what: str
    campaign_id: int | None = None
    sweep: Sweep | None = None
    despite_complaint: bool = False


def carry_out_correction(services: Correcting, plan_id: int, progress: Progress = logged) -> Correction:
    """Carry an approved correction out, or continue one that died midway.

    Of a plan of a maintenance, which is none, only what is half done is brought to its end; nothing of it is begun.

    Raises:
        NotFoundError: there is no such correction.
        RefusedError: nobody let it through, or lists may not be changed now.
    """
    with services.database.begin() as connection:
        plan = plan_rows.plan_by_id(connection, plan_id)
    tried = f"Carrying out correction {plan_id}"
    if plan is not None and plan.kind in MAINTENANCE_PLANS:
        require_permission(services, tried)
        finish_half_done(services, progress)
        if plan.status is PlanStatus.WITHDRAWN and plan.campaign_id is not None and plan.sweep is not None:
            # What took effect late, or was brought to its end, stands in spite of the undo.
            note_in_ledger(services, plan.campaign_id, plan.sweep)
        return _half_done_result(services, plan)
    if plan is None or plan.kind not in CORRECTIONS:
        raise NotFoundError(tried, "there is no such correction", "`list-pipeline reviews` lists what waits")
    if plan.status not in (PlanStatus.APPROVED, PlanStatus.EXECUTED):
        raise RefusedError(tried, f"it is {plan.status.value}", "Approve it first")
    require_permission(services, tried)
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, f"correction {plan_id}") as lock:
        with lock.writing() as connection:
            items = plan_rows.plan_items(connection, plan_id)
        if plan.executed_at is None:
            look_at(services, [item.contact_id for item in items])
            with lock.writing() as connection:
                frozen = frozen_items(services, connection, plan.kind, items)
                waiting = {item.contact_id for item in frozen}
                begun = [item for item in items if item.contact_id not in waiting]
                if plan.kind is PlanKind.SPLIT:
                    open_moves(services, connection, plan, begun)
                elif plan.kind in _OPENED_LATE:
                    # The journal of the others was written with them.
                    open_forward(services, connection, plan_id, begun)
            if frozen:
                return _wait_for_thaw(services, plan, frozen, lock, progress)
        return finish(services, plan_id, lock, progress)


def require_permission(services: Deciding, tried: str) -> None:
    """Said before anything is planned, and asked again before each request. Raises ``ChangesStoppedError``."""
    if why := change_block_reason(services):
        raise ChangesStoppedError(tried, why, "Switch changes on again and repeat it")


def look_at(services: Observing, contact_ids: Sequence[int]) -> None:
    """Bring our rows up to date: sends that began, contacts that came, left, unsubscribed or were erased."""
    follow_sends(services)
    refresh_contacts(services, contact_ids)


def reversals_of(
    services: Deciding, connection: Connection, changes: Sequence[DoneChange], despite_complaint: bool
) -> list[Reversal]:
    """The reversal of each change, or the reason why it stays."""
    quarantine_rows.follow(connection, services.clock.now())
    now = outcome_rows.contacts_now(connection, [change.contact_id for change in changes])
    cycle = cycle_now(connection, services.clock.now())
    frozen = lists_kept_still(services, connection, cycle)
    near = lists_sent_soon(services, connection)
    received = recipient_rows.received_in_cycle(connection, cycle.number, list(now))
    return [
        reverse(
            change,
            now[change.contact_id],
            cycle=cycle,
            received=change.contact_id in received,
            # Who was kept from mail stays on its list: nothing about it hangs on who was mailed in the open cycle.
            frozen=near if change.kind is ItemAction.QUARANTINE else frozen,
            despite_complaint=despite_complaint,
        )
        for change in changes
    ]


def plan_reversal(
    services: Deciding, asked: CorrectionRequest, changes: Sequence[DoneChange], lock: MutationLock
) -> int:
    """Write a reversal with its journal in one transaction: from here on it is continued, also after a crash."""
    with lock.writing() as connection:
        found = reversals_of(services, connection, changes, asked.despite_complaint)
        wanted = [one for one in found if one.refused is None]
        refused = by_refusal((one.refused, one.change.contact_id) for one in found)
        items = [_restore_item(one) for one in wanted]
        plan_id = save_correction(services, connection, asked, items, refused)
        undone.skip_rest(connection, [one.change.change_id for one in wanted], services.clock.now())
        places = members.places_of(connection, [one.change.contact_id for one in wanted])
        now = outcome_rows.contacts_now(connection, [one.change.contact_id for one in wanted])
        journal.open_changes(
            connection,
            plan_id,
            [
                NewChange(
                    one.change.contact_id,
                    ItemAction.RESTORE,
                    {
                        "places": places[one.change.contact_id],
                        "is_excluded": now[one.change.contact_id].is_excluded_otherwise,
                    },
                    [NewStep(action, role) for action, role in one.steps],
                    reverses_change_id=one.change.change_id,
                )
                for one in wanted
            ],
            services.clock.now(),
        )
    return plan_id


def _restore_item(reversal: Reversal) -> PlanItem:
    change = reversal.change
    lists = ", ".join(role.label for role in change.before) or "no list"
    return PlanItem(
        change.contact_id,
        ItemAction.RESTORE,
        rule=f"undo_{change.kind}",
        reason=f"undo_{change.kind}",
        evidence=(ReversedChange(change.change_id),),
        explanation=f"Goes back to where it was before: {lists}.",
    )


def save_correction(
    services: Storing,
    connection: Connection,
    asked: CorrectionRequest,
    items: Sequence[PlanItem],
    refused: Mapping[Refusal, Sequence[int]],
) -> int:
    """Write a correction as a plan that the person who asks has approved. Returns its number."""
    now, note = services.clock.now(), in_own_words(asked.note)
    revision = 1
    if asked.campaign_id is not None and asked.sweep is not None:
        revision = outcome_rows.next_revision(connection, asked.campaign_id, asked.kind, asked.sweep)
    plan = plan_rows.save_plan(
        connection,
        campaign_id=asked.campaign_id,
        kind=asked.kind,
        sweep=asked.sweep,
        content_hash=content_hash(asked.campaign_id, asked.kind, asked.sweep, f"{_VERSION}.{revision}", items),
        policy_version=_VERSION,
        status=PlanStatus.PLANNED,
        summary=CorrectionSummary(
            asked.what, {code: tuple(ids) for code, ids in refused.items()}, asked.despite_complaint
        ),
        items=items,
        now=now,
        revision=revision,
        requested_by=asked.by,
        note=note,
    )
    plan_rows.decide(connection, plan.plan_id, PlanStatus.PLANNED, PlanStatus.APPROVED, asked.by, now)
    return plan.plan_id


def save_without_changes(services: Storing, asked: CorrectionRequest, lock: MutationLock) -> None:
    """Write down that a correction was asked for of which nothing has to be changed."""
    with lock.writing() as connection:
        plan_id = save_correction(services, connection, asked, [], {})
        plan_rows.mark_executed(connection, plan_id, services.clock.now())


def open_forward(services: Deciding, connection: Connection, plan_id: int, items: Sequence[PlanItem]) -> None:
    """The journal of what is not a reversal: a suppression by hand, a repair, a quarantine."""
    ids = [item.contact_id for item in items]
    now = outcome_rows.contacts_now(connection, ids)
    places = members.places_of(connection, ids)
    suppressed = queue.with_suppressed_address(connection, ids)
    judged = ((item.contact_id, why_left_as_it_is(item, now[item.contact_id], suppressed)) for item in items)
    reasons = {contact_id: why for contact_id, why in judged if why is not None}
    too_late = quarantine_rows.over_in_plan(connection, plan_id, services.clock.now())
    reasons |= dict.fromkeys(too_late, StepNote.QUARANTINE_OVER)
    changes = [
        NewChange(
            item.contact_id,
            # Whoever goes back to a list is no newcomer there: the open cycle is judged as for anything taken back.
            ItemAction.RESTORE if item.action is ItemAction.ENROL else item.action,
            {"places": places[item.contact_id], "is_excluded": now[item.contact_id].is_excluded_otherwise},
            _forward_steps(item),
            reasons.get(item.contact_id),
        )
        for item in items
    ]
    journal.open_changes(connection, plan_id, changes, services.clock.now())
    journal.skip_unstarted(connection, plan_id, reasons, services.clock.now())


def _forward_steps(item: PlanItem) -> list[NewStep]:
    if item.action is ItemAction.REMOVE:
        return [NewStep(StepAction.REMOVE, item.from_role)]
    if item.action is ItemAction.ENROL:
        return [NewStep(StepAction.ADD, item.to_role)]
    if item.action is ItemAction.QUARANTINE:
        return [NewStep(StepAction.EXCLUDE, None)]
    return journal.suppression_steps()


def _half_done_result(services: Storing, plan: StoredPlan) -> Correction:
    with services.database.begin() as connection:
        outcomes = outcome_rows.outcomes(connection, plan.plan_id)
        is_left = plan.plan_id in journal.half_done(connection)
    facts = CorrectionFacts(
        what=f"Half-done changes of the {plan.kind.value} plan brought to their end",
        requested_by="the journal",
        note="",
        planned=outcomes.confirmed + is_left,
        done=outcomes.confirmed,
        failed=outcomes.failed,
        open=int(is_left),
        differs=(),
        refused={},
    )
    return Correction(plan.plan_id, facts, {})


def finish(services: Correcting, plan_id: int, lock: MutationLock, progress: Progress) -> Correction:
    """Carry a written correction out to its end, compare with the state before, and tell people; under the lock."""
    with services.database.begin() as connection:
        plan = plan_rows.existing_plan(connection, plan_id)
    if plan.executed_at is None:
        _skip_outdated(services, plan, lock)
        if words := entering_words(_entering(services, plan_id, StepState.PLANNED)):
            progress(words)
        carry_out(services, plan_id, lock, progress)
        with lock.writing() as connection:
            now = services.clock.now()
            outcome_rows.compensate(connection, plan_id, now)
            outcome_rows.mark_reinstated(connection, plan_id, plan.requested_by or "nobody", now)
            quarantine_rows.follow(connection, now)
            list_ids = {role.value: list_id for role, list_id in services.list_ids.by_role().items()}
            outcome_rows.write_history(connection, plan_id, None, list_ids, now)
            _note_enrolled(connection, plan_id, now)
    executed = close(services, plan, by="action")
    correction = _result(services, plan, executed)
    _note_in_ledger(services, plan, correction)
    _tell(services, plan, correction)
    return correction


def _note_enrolled(connection: Connection, plan_id: int, now: datetime) -> None:
    """How much of a new audience is on its lists by now, after a plan that divides one or takes that back."""
    if audience_batches.note_enrolled(connection, plan_id):
        follow_own_changes(connection, now)


def go_on(services: Correcting, plan_id: int, lock: MutationLock, progress: Progress) -> Correction:
    """Bring an undo or a redo that died midway to its end, on what is true now; under the lock."""
    with services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan_id)
    look_at(services, [item.contact_id for item in items])
    return finish(services, plan_id, lock, progress)


def _skip_outdated(services: Deciding, plan: StoredPlan, lock: MutationLock) -> None:
    """Of an undo, a redo, a release or a reinstatement skip what is not begun and must not be done any more: it may have died
    hours ago, and the world went on. A complaint is taken back only where the person who asked said so."""
    if plan.kind is PlanKind.REDO:
        skip_outdated(services, plan, lock)
    if plan.kind not in (PlanKind.UNDO, PlanKind.MANUAL, PlanKind.RELEASE) or not isinstance(
        plan.summary, CorrectionSummary
    ):
        return
    with lock.writing() as connection:
        waiting = journal.not_begun(connection, plan.plan_id)
        changes = [one for one in outcome_rows.reversed_changes(connection, plan.plan_id) if one.contact_id in waiting]
        found = reversals_of(services, connection, changes, plan.summary.despite_complaint)
        # Back already by somebody else's hand, a change is taken back all the same, by steps that find nothing to do.
        reasons = {
            one.change.contact_id: one.refused.note
            for one in found
            if one.refused not in (None, Refusal.ALREADY_SO, Refusal.NOTHING_WAS_DONE)
        }
        journal.skip_unstarted(connection, plan.plan_id, reasons, services.clock.now())


def _result(services: Observing, plan: StoredPlan, executed: Executed) -> Correction:
    with services.database.begin() as connection:
        changes = outcome_rows.reversed_changes(connection, plan.plan_id)
    if changes:
        refresh_contacts(services, [change.contact_id for change in changes])
    with services.database.begin() as connection:
        now = outcome_rows.contacts_now(connection, [change.contact_id for change in changes])
        unsettled = outcome_rows.outcomes(connection, plan.plan_id).open
        left_out = outcome_rows.left_out(connection, plan.plan_id)
    summary = plan.summary if isinstance(plan.summary, CorrectionSummary) else CorrectionSummary()
    refused = dict(summary.refused)
    for contact_id, note in left_out.items():
        refused[left_because(note)] = (*refused.get(left_because(note), ()), contact_id)
    facts = CorrectionFacts(
        what=_what(plan),
        requested_by=plan.requested_by or plan.decided_by or "nobody",
        note=plan.note or "",
        # What turned out to need nothing any more is settled, not missing.
        planned=executed.planned - executed.skipped,
        done=executed.confirmed,
        failed=executed.failed,
        open=unsettled,
        differs=tuple(
            c.contact_id for c in changes if c.contact_id not in left_out and not is_back(c, now[c.contact_id])
        ),
        refused={code: len(ids) for code, ids in refused.items()},
        content_hash=plan.content_hash,
        entered=_entering(services, plan.plan_id, StepState.CONFIRMED),
    )
    return Correction(plan.plan_id, facts, refused)


def _what(plan: StoredPlan) -> str:
    """The title of a correction; a repair is named by its kind."""
    named = plan.summary.what if isinstance(plan.summary, CorrectionSummary | SplitSummary) else ""
    return named or plan.kind.value


def _entering(services: Deciding, plan_id: int, state: StepState) -> Mapping[ListRole, int]:
    """Contacts that a correction adds, or added, to lists with automations."""
    with services.database.begin() as connection:
        added = outcome_rows.added_to_lists(connection, plan_id, state)
        automated = lists_with_automations(services, connection)
    return {role: count for role, count in added.items() if role in automated}


def _note_in_ledger(services: Storing, plan: StoredPlan, correction: Correction) -> None:
    """The ledger says how the maintenance stands now. A rollback that is not complete changes nothing there: the attempt ends
    by what became of its plans, and people are alerted."""
    is_rollback = plan.kind is PlanKind.ROLLBACK
    if plan.campaign_id is None or plan.sweep is None or (is_rollback and not correction.facts.is_complete):
        return
    note_in_ledger(services, plan.campaign_id, plan.sweep, by_rollback=is_rollback)


def _tell(services: Telling, plan: StoredPlan, correction: Correction) -> None:
    is_complete, is_rollback = correction.facts.is_complete, plan.kind is PlanKind.ROLLBACK
    if plan.kind is PlanKind.QUARANTINE and plan.decided_by == DECIDED_BY_GATE and is_complete:
        # It belongs to a maintenance, whose report says it.
        return
    deliver(
        services,
        keys.correction(plan.plan_id, is_complete=is_complete),
        correction_message(
            correction.facts, links_of_plan(services, plan), automatic=is_rollback, left=correction.refused
        ),
        campaign_id=plan.campaign_id,
        thread_key=keys.campaign_thread_if_any(plan.campaign_id),
        important=is_rollback or not is_complete,
        # A rebalancing that was taken back by itself is news to everybody, like what is not complete.
        broadcast=is_rollback or not is_complete,
    )


def _wait_for_thaw(
    services: Correcting, plan: StoredPlan, frozen: Sequence[PlanItem], lock: MutationLock, progress: Progress
) -> Correction:
    """Make what can be made of a repair, or of a new audience. The rest stays approved, and follows by itself when its lists
    were sent."""
    names = names_text(sorted({role.label for item in frozen if (role := item.from_role or item.to_role) is not None}))
    with services.database.begin() as connection:
        still = lists_kept_still(services, connection, cycle_now(connection, services.clock.now()))
    # Whatever else waits, waits for a send; a new audience also for what a person has to decide.
    left = by_refusal(
        (
            Refusal.LIST_FROZEN
            if plan.kind is PlanKind.SPLIT and item.to_role not in still
            else Refusal.LIST_BEING_SENT,
            item.contact_id,
        )
        for item in frozen
    )
    progress(f"{count_text(len(frozen), 'change')} waiting: {names} cannot be changed now")
    carry_out(services, plan.plan_id, lock, progress)
    with lock.writing() as connection:
        _note_enrolled(connection, plan.plan_id, services.clock.now())
    with services.database.begin() as connection:
        outcomes = outcome_rows.outcomes(connection, plan.plan_id)
    facts = CorrectionFacts(
        what=_what(plan),
        requested_by=plan.requested_by or plan.decided_by or "nobody",
        note=plan.note or "",
        planned=outcomes.planned - outcomes.skipped + len(frozen),
        done=outcomes.confirmed,
        failed=outcomes.failed,
        open=outcomes.open,
        differs=(),
        refused={why: len(ids) for why, ids in left.items()},
        waits=len(frozen),
    )
    correction = Correction(plan.plan_id, facts, left)
    deliver(
        services,
        keys.correction_waits(plan.plan_id),
        correction_message(facts, links_of_plan(services, plan), automatic=False, left=correction.refused),
        campaign_id=plan.campaign_id,
        thread_key=keys.campaign_thread_if_any(plan.campaign_id),
    )
    return correction
