"""A plan that a person asked for, taken back as a whole: an import, and a new audience that was divided.

Belongs here: what both have in common. Does not belong here: planning them (``operations.verdict_imports``,
``operations.audience``), and undoing a maintenance (``undo``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.access import Correcting
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.plans.corrections import (
    Correction,
    CorrectionRequest,
    finish,
    look_at,
    plan_reversal,
    require_permission,
)
from list_pipeline.operations.plans.execution import stop_and_settle
from list_pipeline.operations.plans.outcomes import keep_history
from list_pipeline.operations.progress import Progress
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows, undone


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of plan that people ask for. ``called``: this one within a sentence; ``missing``, ``look``: what is said where
    there is none with this number."""

    kind: PlanKind
    called: str
    missing: str
    look: str


def take_back_asked(
    services: Correcting, plan_id: int, asked: Asked, *, by: str, note: str, progress: Progress
) -> Correction:
    """Take back what a plan did: everybody whom it changed goes back to where they were, as far as that is right by now.

    Raises:
        NotFoundError: there is no such plan, or nothing of it was done.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it still waits, or was turned down; or lists may not be changed now.
        JobTimeoutError: a bulk job of it may still be running; nothing was taken back.
    """
    tried = f"Taking {asked.called} back"
    by, note = reviewer(services, by, tried), reason_of(note, tried)
    require_permission(services, tried)
    with services.database.begin() as connection:
        plan = plan_rows.plan_by_id(connection, plan_id)
    if plan is None or plan.kind is not asked.kind:
        raise NotFoundError(tried, asked.missing, asked.look)
    if plan.status is PlanStatus.PENDING_REVIEW:
        raise RefusedError(tried, "it still waits, so nothing was done", f"`list-pipeline reject {plan_id}` ends it")
    with mutation_lock(services.database, services.clock, f"taking {asked.called} back") as lock:
        with lock.writing() as connection:
            undone.withdraw_asked(connection, plan_id, asked.kind, by, services.clock.now())
        stop_and_settle(services, plan_id, lock, StepNote.UNDONE)
        # The run that carried it out may have died before it wrote that.
        keep_history(services, plan_id, None)
        return _reverse(services, plan_id, asked, tried, by, note, lock, progress)


def _reverse(
    services: Correcting,
    plan_id: int,
    asked: Asked,
    tried: str,
    by: str,
    note: str,
    lock: MutationLock,
    progress: Progress,
) -> Correction:
    with services.database.begin() as connection:
        changes = outcome_rows.done_changes(connection, plan_id)
    if not changes:
        raise NotFoundError(tried, "nothing of it was done, or all of it was taken back", "There is nothing to do")
    look_at(services, [change.contact_id for change in changes])
    called = f"{asked.called[:1].upper()}{asked.called[1:]}"
    request = CorrectionRequest(PlanKind.MANUAL, by, note, f"{called} taken back")
    return finish(services, plan_reversal(services, request, changes, lock), lock, progress)
