"""What an undo took back and nobody did again, and what happened to these contacts since.

Belongs here: SQL about the changes of undos. Does not belong here: what follows for a contact (``core.plans.redo``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind, Sweep
from list_pipeline.core.plans.redo import UndoneChange
from list_pipeline.storage.database import fetch_all, sql_list, sql_word
from list_pipeline.storage.plans import outcomes, plan_rows

_CONFIRMED, _COMPENSATED = sql_word(StepState.CONFIRMED), sql_word(StepState.COMPENSATED)


def undone_changes(connection: Connection, campaign_id: int, sweep: Sweep) -> tuple[UndoneChange, ...]:
    """The changes of a maintenance whose undo was confirmed and that were not done again, by contact id."""
    found = fetch_all(
        connection,
        f"""
        select u.change_id, c.plan_id from plan b join change u on u.plan_id = b.plan_id
        join change c on c.change_id = u.reverses_change_id
        where b.campaign_id = :campaign and b.sweep = :sweep and b.kind = {sql_word(PlanKind.UNDO)}
          and c.kind <> {sql_word(ItemAction.QUARANTINE)}
          and exists (select 1 from change_step s where s.change_id = u.change_id and s.state = {_CONFIRMED} offset 0)
          and not exists (select 1 from change_step s where s.change_id = u.change_id
                          and s.state not in {sql_list(StepState.CONFIRMED, StepState.SKIPPED)} offset 0)
          and exists (select 1 from change_step s where s.change_id = c.change_id and s.state = {_COMPENSATED} offset 0)
        """,
        campaign=campaign_id,
        sweep=sweep,
    )
    return _undone(connection, {int(row["change_id"]): int(row["plan_id"]) for row in found})


def undone_behind(connection: Connection, plan_id: int) -> tuple[UndoneChange, ...]:
    """The undone changes that a redo does again, by contact id."""
    found = fetch_all(
        connection,
        """select u.change_id, c.plan_id from change r join change u on u.change_id = r.reverses_change_id
           join change c on c.change_id = u.reverses_change_id where r.plan_id = :plan""",
        plan=plan_id,
    )
    return _undone(connection, {int(row["change_id"]): int(row["plan_id"]) for row in found})


def _undone(connection: Connection, plans: Mapping[int, int]) -> tuple[UndoneChange, ...]:
    """``plans``: the change of an undo to the plan of the change that it took back."""
    items = {
        (plan_id, item.contact_id): item
        for plan_id in sorted(set(plans.values()))
        for item in plan_rows.plan_items(connection, plan_id)
    }
    undos = outcomes.changes_by_id(connection, list(plans))
    return tuple(UndoneChange(items[plans[undo.change_id], undo.contact_id], undo) for undo in undos)


def reinstated_after(connection: Connection, undone: Sequence[UndoneChange]) -> frozenset[int]:
    """The contacts among these that a person reinstated after the undo: another suppression of them was taken back."""
    found = fetch_all(
        connection,
        """
        select distinct h.contact_id from contact_suppression_history h join change u on u.change_id = any(:undos)
        where h.contact_id = u.contact_id and h.change_id is distinct from u.reverses_change_id
          and h.reinstated_at > u.created_at
        """,
        undos=[one.undo.change_id for one in undone],
    )
    return frozenset(int(row["contact_id"]) for row in found)
