"""Redo: an undo made by mistake is taken back, and what it took back is done again.

Belongs here: what is done again, in which order, and what is written about it. Does not belong here: whether a single contact
may be changed (``redo_judgement``), how a correction is carried out (``corrections``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans.corrections import CorrectionFacts, Refusal, by_refusal
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, Sweep
from list_pipeline.core.plans.redo import Redoing, UndoneChange
from list_pipeline.operations.access import Correcting, Deciding, Storing
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.people import reviewer
from list_pipeline.operations.plans.corrections import (
    Correction,
    CorrectionRequest,
    finish,
    go_on,
    look_at,
    require_permission,
    save_correction,
    save_without_changes,
)
from list_pipeline.operations.plans.execution import finish_half_done
from list_pipeline.operations.plans.redo_judgement import judged
from list_pipeline.operations.plans.taken_back import note_in_ledger
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.stages import follow_up
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import journal, redone, undone
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.journal import NewChange, NewStep

log = structlog.get_logger(__name__)


def redo_maintenance(
    services: Correcting,
    key: str,
    *,
    by: str,
    note: str = "",
    sweep: Sweep = Sweep.H24,
    progress: Progress = logged,
) -> list[Correction]:
    """Do again what the undo of a campaign's maintenance took back: suppressions first, then moves and enrolments.

    Only contacts whose undo was confirmed. Those that left, that somebody changed or reinstated since, whose address works by
    now, or that would get the open cycle twice or never stay as they are, and are named. What the undo withdrew before it was
    begun is not done: the next campaign that fails on these contacts judges them anew. Running it again continues, or finds
    nothing left to do.

    Args:
        by: who asks, for the record. ``note``: why.

    Raises:
        NotFoundError: there is no such campaign, or its maintenance was not undone.
        RefusedError: the undo is not finished, or lists may not be changed now.
    """
    tried = f"Taking back the undo of {key}"
    campaign_id = undone_campaign(services, key, sweep)
    by = reviewer(services, by, tried)
    require_permission(services, tried)
    finish_half_done(services, progress)
    asked = CorrectionRequest(
        PlanKind.REDO, by, note, f"Undo of the maintenance of {key} taken back", campaign_id, sweep
    )
    with mutation_lock(services.database, services.clock, f"taking back the undo of {key}") as lock:
        with lock.writing() as connection:
            unfinished = outcome_rows.waiting_corrections_of(connection, campaign_id, sweep, PlanKind.UNDO)
            begun = outcome_rows.waiting_corrections_of(connection, campaign_id, sweep, PlanKind.REDO)
        if unfinished:
            raise RefusedError(
                tried,
                f"its undo (plan {unfinished[0]}) is not finished",
                f"Let it end first: `list-pipeline carry-out {unfinished[0]}`",
            )
        done = [go_on(services, plan_id, lock, progress) for plan_id in begun]
        with lock.writing() as connection:
            candidates = redone.undone_changes(connection, campaign_id, sweep)
            was_said = undone.is_answered(connection, campaign_id, sweep)
        if candidates:
            look_at(services, [one.contact_id for one in candidates])
        for group in in_order(candidates):
            if group:
                done.append(_do_again(services, asked, campaign_id, group, was_said, lock, progress))
        if not candidates and not was_said:
            # The undo only withdrew what had not begun: nothing is done again, and its contacts are judged anew from now on.
            save_without_changes(services, asked, lock)
    note_in_ledger(services, campaign_id, sweep)
    follow_up("noting the states of the lists", lambda: state_history.note(services, campaign_id, sweep), campaign=key)
    log.info("undo taken back", campaign=key, corrections=len(done))
    return done


def undone_campaign(services: Storing, key: str, sweep: Sweep) -> int:
    """The id of a campaign whose maintenance was undone.

    Raises:
        NotFoundError: there is no such campaign, or its maintenance was not undone.
    """
    with services.database.begin() as connection:
        campaign_id = find_campaign(connection, key).campaign_id
        if not undone.was_undone(connection, campaign_id, sweep):
            raise NotFoundError(
                f"Taking back the undo of {key}",
                "its maintenance was not undone",
                "`list-pipeline campaigns` lists what was",
            )
    return campaign_id


def in_order(candidates: Sequence[UndoneChange]) -> tuple[list[UndoneChange], list[UndoneChange]]:
    """Suppressions, which are done again first, and the others."""
    suppressions = [one for one in candidates if one.item.action is ItemAction.SUPPRESS]
    return suppressions, [one for one in candidates if one.item.action is not ItemAction.SUPPRESS]


def _do_again(
    services: Correcting,
    asked: CorrectionRequest,
    campaign_id: int,
    group: Sequence[UndoneChange],
    was_said: bool,
    lock: MutationLock,
    progress: Progress,
) -> Correction:
    """Do undone changes again. ``was_said``: a redo was asked for since the undo, so that who cannot be is known."""
    with services.database.begin() as connection:
        found = judged(services, connection, campaign_id, group)
        wanted = [one for one in found if one.refused is None]
        refused = by_refusal((one.refused, one.undone.contact_id) for one in found)
    if not wanted and was_said:
        # Asking again writes nothing and tells nobody anew.
        counts = {reason: len(ids) for reason, ids in refused.items()}
        facts = CorrectionFacts(asked.what, asked.by, asked.note, 0, 0, 0, 0, (), counts)
        return Correction(None, facts, refused)
    return finish(services, _write(services, asked, wanted, refused, lock), lock, progress)


def _write(
    services: Deciding,
    asked: CorrectionRequest,
    wanted: Sequence[Redoing],
    refused: dict[Refusal, list[int]],
    lock: MutationLock,
) -> int:
    """Write a redo with its journal in one transaction: from here on it is continued, also after a crash."""
    ids = [one.undone.contact_id for one in wanted]
    with lock.writing() as connection:
        plan_id = save_correction(services, connection, asked, [_item(one.undone.item) for one in wanted], refused)
        places, now = members.places_of(connection, ids), outcome_rows.contacts_now(connection, ids)
        changes = [
            NewChange(
                one.undone.contact_id,
                one.undone.item.action,
                {
                    "places": places[one.undone.contact_id],
                    "is_excluded": now[one.undone.contact_id].is_excluded_otherwise,
                },
                [NewStep(action, role) for action, role in one.steps],
                reverses_change_id=one.undone.undo.change_id,
            )
            for one in wanted
        ]
        journal.open_changes(connection, plan_id, changes, services.clock.now())
    return plan_id


def _item(first: PlanItem) -> PlanItem:
    """The intention as it was, with what it rests on: whoever asks later why finds that here too."""
    return replace(first, is_held=False, explanation=f"Done again, its undo was a mistake. {first.explanation}".strip())
