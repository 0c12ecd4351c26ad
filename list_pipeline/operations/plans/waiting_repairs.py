"""Corrections that are to be carried out, and repairs that wait until the lists they concern may be changed again.

Does not belong here: carrying them out (``corrections``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from list_pipeline.core.drift.repairs import waits_for_a_send
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.plan import (
    ItemAction,
    PlanItem,
    PlanKind,
)
from list_pipeline.core.runs import run_keys
from list_pipeline.core.runs.limits import MAINTENANCE_RUNS
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.before_changes import (
    is_enrolment_frozen,
    lists_kept_still,
    lists_not_rebalanced,
    lists_sent_soon,
)
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan

_LEFT_ALONE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class CorrectionRun:
    """A correction that wants a run, with the key under which it is asked for."""

    plan_id: int
    run_key: str


def frozen_items(
    services: Deciding, connection: Connection, kind: PlanKind, items: Sequence[PlanItem]
) -> tuple[PlanItem, ...]:
    """The items that cannot be carried out now: removals from a list that Mailjet is sending to, contacts that go back to a
    list that nobody joins now, a new audience whose list is frozen besides, and those to be kept from mail whose list is sent,
    or soon.

    Before the send begins a removal cannot wait: a validation that finds somebody on two lists blocks the campaign until one is
    left.
    """
    going_back = [item for item in items if item.action is ItemAction.ENROL]
    if going_back:
        cycle = cycle_now(connection, services.clock.now())
        if kind is PlanKind.SPLIT:
            if is_enrolment_frozen(services, connection):
                return tuple(going_back)
            kept_still = lists_not_rebalanced(services, connection, cycle)
        else:
            kept_still = lists_kept_still(services, connection, cycle)
        return tuple(item for item in going_back if item.to_role in kept_still)
    now = outcome_rows.contacts_now(connection, [item.contact_id for item in items])
    if any(item.action is ItemAction.QUARANTINE for item in items):
        near = lists_sent_soon(services, connection)
        return tuple(item for item in items if near & now[item.contact_id].campaign_lists)
    frozen = sent_campaigns.lists_in_sending(connection)
    return tuple(item for item in items if waits_for_a_send(item, now[item.contact_id], frozen))


def to_carry_out(services: Deciding) -> list[CorrectionRun]:
    """Corrections that were let through and are not carried out to the end, and plans whose half-done changes nobody works on
    since an hour; none while lists may not be changed.

    One that a person just asked for is being carried out by who asked: it is left alone for a while. A run key is used up
    even by a run that fails: there is another every 10 minutes.
    """
    if change_block_reason(services):
        return []
    now = services.clock.now()
    with services.database.begin() as connection:
        found = [
            plan_rows.plan_by_id(connection, plan_id)
            for plan_id in outcome_rows.waiting_corrections(connection)
            if not _only_waits_for_thaw(services, connection, plan_id)
        ]
        corrected = {plan.plan_id for plan in found if plan is not None}
        half_done = sorted(journal.half_done(connection, now - MAINTENANCE_RUNS.stale_after).keys() - corrected)
    left = [CorrectionRun(plan_id, run_keys.half_done(plan_id, now)) for plan_id in half_done]
    return left + [
        CorrectionRun(plan.plan_id, run_keys.correction(plan.plan_id, plan.decided_at, now))
        for plan in found
        if plan is not None
        and plan.decided_at is not None
        and (_was_waiting(plan) or now - plan.decided_at >= _LEFT_ALONE)
    ]


def _was_waiting(plan: StoredPlan) -> bool:
    """Whether the plan waited for a decision, so that nobody carries it out yet: a repair, and an import or a quarantine that
    its gate held."""
    is_held = plan.gate is not None and plan.gate.outcome is GateOutcome.NEEDS_REVIEW
    return plan.kind is PlanKind.REPAIR or is_held


def _only_waits_for_thaw(services: Deciding, connection: Connection, plan_id: int) -> bool:
    """Whether all that is left of a correction waits for lists that are being sent: asking again is no use yet."""
    kind, items = plan_rows.existing_plan(connection, plan_id).kind, plan_rows.plan_items(connection, plan_id)
    begun = {step.contact_id for step in journal.steps_of(connection, plan_id)}
    left = [item for item in items if item.contact_id not in begun]
    is_open = outcome_rows.outcomes(connection, plan_id).open > 0
    return bool(left) and not is_open and len(frozen_items(services, connection, kind, left)) == len(left)
