"""Changes of a plan that the world moved under while it is carried out: read as facts, and the follow-up written.

Belongs here: SQL. Does not belong here: which changes are followed up and how (``core.plans.concurrent_edits``,
``core.plans.sends_meanwhile``), and the ordinary life of steps (``journal``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.concurrent_edits import TURNED_ROUND, ChangeNow, FollowUp, StepNow
from list_pipeline.core.plans.journal import STEP_LIFE, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.storage.database import execute, fetch_all, require_all, sql_list, sql_word
from list_pipeline.storage.membership import members


def changes_of_unsubscribed(connection: Connection, plan_id: int) -> list[ChangeNow]:
    """The changes of a plan whose contact is unsubscribed, and those that were turned round already; with all their steps."""
    return _changes(
        connection,
        f"""m.is_unsubscribed
            or exists (select 1 from change_step f
                       where f.change_id = c.change_id and f.note in {sql_list(*TURNED_ROUND)} offset 0)""",
        plan=plan_id,
    )


def changes_between_lists(connection: Connection, plan_id: int) -> list[ChangeNow]:
    """The changes of a plan that put their contact on a campaign list, or take it off one, suppressions left out; with all
    their steps."""
    return _changes(
        connection,
        f"""c.kind <> {sql_word(ItemAction.SUPPRESS)}
            and exists (select 1 from change_step f where f.change_id = c.change_id
                        and f.list_role in {sql_list(*CAMPAIGN_LISTS)} offset 0)""",
        plan=plan_id,
    )


def _changes(connection: Connection, which: str, **values: object) -> list[ChangeNow]:
    """``which``: a condition on the change ``c`` and its contact ``m``, a constant."""
    rows = fetch_all(
        connection,
        f"""
        select c.change_id, c.contact_id, c.kind, coalesce(m.is_unsubscribed, false) as is_unsubscribed,
               coalesce(m.is_anonymised, false) as is_anonymised,
               s.ordinal, s.action, s.list_role, s.state, s.note, s.changed_at
        from change c join change_step s using (change_id) left join contact_list_membership m using (contact_id)
        where c.plan_id = :plan and ({which})
        order by c.change_id, s.ordinal
        """,
        **values,
    )
    places = members.places_of(connection, sorted({row["contact_id"] for row in rows}))
    changes = []
    for change_id, group in groupby(rows, key=lambda row: int(row["change_id"])):
        first, *others = group
        changes.append(
            ChangeNow(
                change_id,
                ItemAction(first["kind"]),
                tuple(
                    StepNow(
                        row["ordinal"],
                        StepAction(row["action"]),
                        ListRole(row["list_role"]) if row["list_role"] else None,
                        StepState(row["state"]),
                        StepNote(row["note"]) if row["note"] else None,
                        row["changed_at"],
                    )
                    for row in (first, *others)
                ),
                is_unsubscribed=first["is_unsubscribed"],
                is_anonymised=first["is_anonymised"],
                entries={ListRole(place["list"]): place["unsubscribed"] for place in places[first["contact_id"]]},
                contact_id=int(first["contact_id"]),
            )
        )
    return changes


def write_follow_ups(connection: Connection, follow_ups: Collection[FollowUp], now: datetime) -> None:
    """Skip and add the steps of follow-ups, each with the note of its follow-up.

    Raises:
        StateChangedError: somebody else moved one of the steps on since they were read.
    """
    for follow_up in follow_ups:
        for step in follow_up.skipped:
            touched = execute(
                connection,
                """update change_step set state = :skipped, note = :note, changed_at = :now
                   where change_id = :change and ordinal = :ordinal and state = :seen""",
                change=follow_up.change_id,
                ordinal=step.ordinal,
                seen=step.state,
                skipped=STEP_LIFE.advance(step.state, StepState.SKIPPED),
                note=follow_up.note,
                now=now,
            )
            require_all(touched, 1, f"Skipping a step of change {follow_up.change_id}")
        for action, role in follow_up.added:
            execute(
                connection,
                """
                insert into change_step (change_id, ordinal, action, list_role, state, note, changed_at)
                select :change, max(ordinal) + 1, :action, :role, :planned, :note, :now
                from change_step where change_id = :change
                """,
                change=follow_up.change_id,
                action=action,
                planned=StepState.PLANNED,
                role=role.value,
                note=follow_up.note,
                now=now,
            )


def note_created_again(connection: Connection, plan_id: int, contact_ids: Sequence[int]) -> None:
    """Mark the steps about contacts that a job created: their removal explains no size that the journal added to."""
    execute(
        connection,
        """update change_step s set note = :note from change c
           where c.change_id = s.change_id and c.plan_id = :plan and c.contact_id = any(:contacts)""",
        plan=plan_id,
        contacts=list(contact_ids),
        note=StepNote.CREATED_AGAIN,
    )
