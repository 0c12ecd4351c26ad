"""The journal of moves and enrolments: each item checked once more against what is true now.

Does not belong here: what is planned (``operations.rebalancing``, ``operations.audience``), and the rule of the last look
(``core.plans.last_look``).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.last_look import MovesNow, why_not_moved
from list_pipeline.core.plans.plan import PlanItem, PlanKind
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.before_changes import frozen_lists, lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.membership import members, queue
from list_pipeline.storage.plans import journal
from list_pipeline.storage.plans.journal import NewChange, NewStep
from list_pipeline.storage.plans.plan_rows import StoredPlan


def open_moves(services: Deciding, connection: Connection, plan: StoredPlan, items: Sequence[PlanItem]) -> None:
    """Write the changes of these items. What must not be made any more is skipped with the reason, also of what an earlier run
    wrote and did not begin."""
    now = services.clock.now()
    ids = [item.contact_id for item in items]
    facts = members.facts_of(connection, ids)
    places = members.places_of(connection, ids)
    cycle = cycle_now(connection, now)
    moves = MovesNow(
        cycle,
        received=recipient_rows.received_in_cycle(connection, cycle.number, ids),
        kept_still=lists_kept_still(services, connection, cycle),
        frozen=frozen_lists(services, connection),
        suppressed_before=queue.with_suppressed_address(connection, ids),
        taken_off=queue.removed_among(connection, ids, despite_splits=plan.kind is PlanKind.SPLIT),
    )
    reasons, changes = {}, []
    for item in items:
        flag = facts.get(item.contact_id)
        reason = why_not_moved(item, flag, moves)
        if reason is not None:
            reasons[item.contact_id] = reason
        steps = [NewStep(StepAction.ADD, item.to_role)]
        if item.from_role is not None:
            steps.append(NewStep(StepAction.REMOVE, item.from_role))
        before = {"places": places[item.contact_id], "is_excluded": bool(flag and flag["is_excluded"])}
        changes.append(NewChange(item.contact_id, item.action, before, steps, reason))
    journal.open_changes(connection, plan.plan_id, changes, now)
    journal.skip_unstarted(connection, plan.plan_id, reasons, now)
