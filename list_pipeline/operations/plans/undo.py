"""Undo and rollback: a whole maintenance taken back because a person asks, a rebalancing because it failed midway.

Belongs here: what is taken back, in which order. Does not belong here: how a correction is journalled and carried out
(``corrections``), single contacts (``single_contacts``).
"""

from __future__ import annotations

import structlog

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, TAKEN_BACK_BY_UNDO, PlanKind, Sweep
from list_pipeline.core.runs.status import TAKEN_BACK
from list_pipeline.operations.access import Correcting, Storing
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.people import reviewer
from list_pipeline.operations.plans.corrections import (
    Correction,
    CorrectionRequest,
    finish,
    go_on,
    look_at,
    plan_reversal,
    require_permission,
    save_without_changes,
)
from list_pipeline.operations.plans.execution import finish_begun, finish_half_done, stop_and_settle
from list_pipeline.operations.plans.outcomes import keep_history
from list_pipeline.operations.plans.taken_back import note_in_ledger
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.stages import follow_up
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows, undone
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.runs.ledger import LogRow

log = structlog.get_logger(__name__)


def undo_maintenance(
    services: Correcting,
    key: str,
    *,
    by: str,
    note: str = "",
    sweep: Sweep = Sweep.H24,
    despite_complaint: bool = False,
    progress: Progress = logged,
) -> list[Correction]:
    """Take back everything that a campaign's maintenance changed: moves and enrolments first, then suppressions.

    What was not executed is withdrawn; who decided on it stays named. Contacts that somebody changed since, that unsubscribed
    or complained stay as they are, and are named; the ledger says how many. Running it again continues, or finds nothing left
    to do. ``redo`` takes it back.

    Args:
        by: who asks, for the record. ``note``: why.
        despite_complaint: also take suppressions for complaints back; a person has to want that explicitly.

    Raises:
        NotFoundError: there is no such campaign, or nothing was ever done after it.
        RefusedError: lists may not be changed now.
        UnavailableError: a bulk job of it may still be running, or contacts stand on two lists and it is not known yet who was
            mailed through which; nothing was taken back.
    """
    with services.database.begin() as connection:
        campaign = find_campaign(connection, key)
    by = reviewer(services, by, f"Undoing the maintenance of {key}")
    require_permission(services, f"Undoing the maintenance of {key}")
    row = maintained(services, campaign, sweep)
    asked = CorrectionRequest(
        PlanKind.UNDO, by, note, f"Maintenance of {key} undone", campaign.campaign_id, sweep, despite_complaint
    )
    with services.database.begin() as connection:
        suppression, rebalancing = (
            plan_rows.current_plan(connection, campaign.campaign_id, kind, sweep) for kind in MAINTENANCE_PLANS
        )
    own = rebalancing or suppression
    finish_half_done(services, progress, besides=own.plan_id if own else None)
    with mutation_lock(services.database, services.clock, f"undoing {key}") as lock:
        with lock.writing() as connection:
            undone.withdraw(connection, campaign.campaign_id, sweep, by, services.clock.now())
            # A rollback that died midway too: going on later, it would take back what a redo did meanwhile.
            begun = outcome_rows.waiting_corrections_of(
                connection, campaign.campaign_id, sweep, PlanKind.ROLLBACK, PlanKind.REDO, PlanKind.UNDO
            )
        # From here on no attempt goes on by itself, also when this one dies before anything is taken back.
        note_in_ledger(services, campaign.campaign_id, sweep)
        if rebalancing is not None:
            # Which of its two lists a contact may leave depends on sends: decided as for whoever goes on with it.
            finish_begun(services, rebalancing.plan_id, lock, progress)
        done = [go_on(services, plan_id, lock, progress) for plan_id in begun]
        for plan_id in redos(services, campaign.campaign_id, sweep):
            stop_and_settle(services, plan_id, lock, StepNote.UNDONE)
            # The run that suppressed them may have died before it wrote that.
            keep_history(services, plan_id, row.log_id)
            done += _take_back(services, asked, plan_id, lock, progress)
        written = []
        for plan in own_plans(services, campaign.campaign_id, sweep):
            stop_and_settle(services, plan.plan_id, lock, StepNote.UNDONE)
            keep_history(services, plan.plan_id, row.log_id)
            written += _reversal(services, asked, plan.plan_id, lock)
        # Both are written before the first one is carried out: from here on they go on by themselves, also when this dies.
        done += [go_on(services, correction_id, lock, progress) for correction_id in written]
        with services.database.begin() as connection:
            is_answered = undone.is_answered(connection, campaign.campaign_id, sweep)
        if is_answered:
            # A redo left what was withdrawn to the next judgement, and nothing of it was done since: an undo is the last word.
            save_without_changes(services, asked, lock)
    status = note_in_ledger(services, campaign.campaign_id, sweep)
    if status in TAKEN_BACK:
        follow_up(
            "noting the states of the lists",
            lambda: state_history.note(services, campaign.campaign_id, sweep),
            campaign=key,
        )
    log.info("maintenance undone", campaign=key, corrections=len(done), status=status)
    return done


def maintained(services: Storing, campaign: Campaign, sweep: Sweep) -> LogRow:
    """The latest attempt at the maintenance of a campaign.

    Raises:
        NotFoundError: nothing was ever done after it.
    """
    with services.database.begin() as connection:
        row = ledger.latest_log(connection, campaign.campaign_id, sweep.value)
    if row is None:
        raise NotFoundError(
            f"Undoing the maintenance of {campaign.key}",
            "it was never maintained",
            "`list-pipeline campaigns` lists what was",
        )
    return row


def redos(services: Storing, campaign_id: int, sweep: Sweep) -> list[int]:
    """Redos of the maintenance, the latest first."""
    with services.database.begin() as connection:
        return [*reversed(undone.corrections_of(connection, campaign_id, sweep, (PlanKind.REDO,)))]


def own_plans(services: Storing, campaign_id: int, sweep: Sweep) -> list[StoredPlan]:
    """The plans of the maintenance itself, the last first: moves and enrolments before suppressions."""
    with services.database.begin() as connection:
        plans = [plan_rows.current_plan(connection, campaign_id, kind, sweep) for kind in reversed(TAKEN_BACK_BY_UNDO)]
    return [plan for plan in plans if plan is not None]


def roll_back(
    services: Correcting, plan: StoredPlan, lock: MutationLock, why: str, progress: Progress = logged
) -> list[Correction]:
    """Take a rebalancing back that failed midway: its journal backwards, then compared with the state before.

    Args:
        plan: the rebalancing plan, everything of it settled.
        lock: held by the caller.
        why: what was seen, in words.
    """
    asked = CorrectionRequest(
        PlanKind.ROLLBACK, "the rollback rule", why, "Rebalancing rolled back", plan.campaign_id, plan.sweep
    )
    return _take_back(services, asked, plan.plan_id, lock, progress)


def _take_back(
    services: Correcting, asked: CorrectionRequest, plan_id: int, lock: MutationLock, progress: Progress
) -> list[Correction]:
    return [finish(services, written, lock, progress) for written in _reversal(services, asked, plan_id, lock)]


def _reversal(services: Correcting, asked: CorrectionRequest, plan_id: int, lock: MutationLock) -> list[int]:
    """Write the reversal of what was done of a plan; none where nothing was."""
    with services.database.begin() as connection:
        changes = outcome_rows.done_changes(connection, plan_id)
    if not changes:
        return []
    look_at(services, [change.contact_id for change in changes])
    return [plan_reversal(services, asked, changes, lock)]
