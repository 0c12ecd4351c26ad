"""Undo and rollback: a whole maintenance taken back because a person asks, a rebalancing because it failed midway.

Belongs here: what is taken back, in which order. Does not belong here: how a correction is journalled and carried out
(``corrections``), single contacts (``single_contacts``).
"""

from __future__ import annotations

import structlog

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, PlanKind, Sweep
from list_pipeline.operations.access import Correcting
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.plans.corrections import (
    Correction,
    CorrectionRequest,
    Progress,
    finish,
    look_at,
    plan_reversal,
    require_name,
    require_permission,
)
from list_pipeline.operations.plans.execution import stop_and_settle
from list_pipeline.operations.stages import follow_up
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)


def undo_maintenance(
    services: Correcting,
    key: str,
    *,
    by: str,
    note: str = "",
    sweep: Sweep = Sweep.H24,
    despite_complaint: bool = False,
    progress: Progress = log.info,
) -> list[Correction]:
    """Take back everything that a campaign's maintenance changed: moves and enrolments first, then suppressions.

    What was not executed is not executed any more. Contacts that somebody changed since, that unsubscribed or complained
    stay as they are, and are named. Running it again continues, or finds nothing left to do.

    Args:
        by: who asks, for the record. ``note``: why.
        despite_complaint: also take suppressions for complaints back; a person has to want that explicitly.

    Raises:
        NotFoundError: there is no such campaign, or nothing was ever done after it.
        RefusedError: lists may not be changed now.
        JobTimeoutError: a bulk job of it may still be running; nothing was taken back.
    """
    with services.database.begin() as connection:
        campaign = find_campaign(connection, key)
    require_name(by, f"Undoing the maintenance of {key}")
    require_permission(services, f"Undoing the maintenance of {key}")
    with services.database.begin() as connection:
        row = ledger.latest_log(connection, campaign.campaign_id, sweep.value)
    if row is None:
        raise NotFoundError(
            f"Undoing the maintenance of {key}", "it was never maintained", "`list-pipeline campaigns` lists what was"
        )
    asked = CorrectionRequest(
        PlanKind.UNDO, by, note, f"Maintenance of {key} undone", campaign.campaign_id, sweep, despite_complaint
    )
    with mutation_lock(services.database, services.clock, f"undoing {key}") as lock:
        with services.database.begin() as connection:
            outcome_rows.withdraw_plans(connection, campaign.campaign_id, sweep, by, services.clock.now())
            outcome_rows.close_questions(connection, campaign.campaign_id, sweep, by, services.clock.now())
            begun = outcome_rows.waiting_corrections_of(connection, campaign.campaign_id, sweep, PlanKind.UNDO)
        done = [finish(services, plan_id, lock, progress) for plan_id in begun]
        for kind in reversed(MAINTENANCE_PLANS):
            with services.database.begin() as connection:
                plan = plan_rows.current_plan(connection, campaign.campaign_id, kind, sweep)
            if plan is not None:
                stop_and_settle(services, plan.plan_id, lock, StepNote.UNDONE)
                done += _take_back(services, asked, plan.plan_id, lock, progress)
    if done and all(one.facts.is_complete for one in done):
        with services.database.begin() as connection:
            # Also where complaints stay: nothing is left that may be taken back.
            ledger.mark_rolled_back(connection, row.log_id, services.clock.now())
        follow_up(
            "noting the states of the lists",
            lambda: state_history.note(services, campaign.campaign_id, sweep),
            campaign=key,
        )
    log.info("maintenance undone", campaign=key, corrections=len(done))
    return done


def roll_back(
    services: Correcting, plan: StoredPlan, lock: MutationLock, why: str, progress: Progress = log.info
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
    with services.database.begin() as connection:
        changes = outcome_rows.done_changes(connection, plan_id)
    if not changes:
        return []
    look_at(services, [change.contact_id for change in changes])
    correction_id = plan_reversal(services, asked, changes)
    return [finish(services, correction_id, lock, progress)]
