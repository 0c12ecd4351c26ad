"""The journal: every intended change is a row here before the first request, with its ordered steps.

Which state may follow which stands in ``core.plans.journal``. Every statement that moves a step or a job names the
states it leaves; steps that were read before are moved only while they are as they were read. The journal holds no
addresses: jobs get them from the membership when a request is built, also on resume.

What is asked about the steps of each change ends with ``offset 0``: it stays a look by the key, one change after the other. A
step's state changes faster than PostgreSQL's statistics, which say of a new plan that none of its steps is confirmed; joined,
each of its changes would be compared with each of its steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import (
    OPEN_JOBS,
    STEP_LIFE,
    UNDER_WAY,
    UNSETTLED,
    StepAction,
    StepNote,
    StepState,
)
from list_pipeline.core.plans.plan import ItemAction, PlanStatus
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    fetch_tuples,
    in_parts,
    left_for,
    look_again_after,
    require_all,
    sql_list,
    sql_word,
    to_json,
)

_FAILED, _SUPPRESS = sql_word(StepState.FAILED), sql_word(ItemAction.SUPPRESS)

_LEFT_BY_DEADLINE = left_for(STEP_LIFE, StepState.FAILED, StepState.PLANNED)
_LEFT_UNSTARTED = left_for(STEP_LIFE, StepState.SKIPPED, StepState.PLANNED)
_LEFT_TO_TRY_AGAIN = left_for(STEP_LIFE, StepState.PLANNED, StepState.FAILED, StepState.SKIPPED)

_ANSWER_LOST = sql_word(StepNote.ANSWER_LOST)

_NOT_BEGUN = f"""
    not exists (select 1 from change_step o where o.change_id = s.change_id
                and (o.state not in {sql_list(StepState.PLANNED, StepState.SKIPPED)} or o.attempts > 0
                     or o.note = {_ANSWER_LOST}) offset 0)
"""
"""Nothing of the step's change was begun. What may have arrived at Mailjet was."""


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step to be written: ``list_role`` is None for the exclusion, which is a property of the contact."""

    action: StepAction
    list_role: ListRole | None


def suppression_steps() -> list[NewStep]:
    """The steps that suppress a contact. All campaign lists are named, since others may have moved the contact since."""
    steps = [NewStep(StepAction.ADD, ListRole.SUPPRESSION), NewStep(StepAction.EXCLUDE, None)]
    return steps + [NewStep(StepAction.REMOVE, role) for role in CAMPAIGN_LISTS]


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to be written, with the state before it and its steps in order.

    ``reverses_change_id``: the earlier change that this one takes back.
    """

    contact_id: int
    kind: ItemAction
    before: Mapping[str, Any]
    steps: Sequence[NewStep]
    skipped_because: StepNote | None = None
    reverses_change_id: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it stands in the journal."""

    change_id: int
    ordinal: int
    contact_id: int
    kind: ItemAction
    action: StepAction
    list_role: ListRole | None
    state: StepState
    job_id: int | None
    attempts: int


def open_changes(connection: Connection, plan_id: int, changes: Iterable[NewChange], now: datetime) -> int:
    """Write the changes of a plan with their steps, in their order; those that stand there already are left alone."""
    written = sum(_open_part(connection, plan_id, part, now) for part in in_parts(list(changes)))
    look_again_after(connection, written, "change", "change_step")
    return written


def _open_part(connection: Connection, plan_id: int, changes: Sequence[NewChange], now: datetime) -> int:
    found = fetch_all(
        connection,
        """
        insert into change (plan_id, contact_id, kind, before, created_at, reverses_change_id)
        select :plan, contact_id, kind, before, :now, reverses
        from json_to_recordset(cast(:changes as json))
             as new (place integer, contact_id bigint, kind text, before jsonb, reverses bigint)
        order by place
        on conflict (plan_id, contact_id) do nothing returning contact_id, change_id
        """,
        plan=plan_id,
        changes=to_json(
            [
                {
                    "place": place,
                    "contact_id": change.contact_id,
                    "kind": change.kind,
                    "before": change.before,
                    "reverses": change.reverses_change_id,
                }
                for place, change in enumerate(changes)
            ]
        ),
        now=now,
    )
    written = {int(row["contact_id"]): int(row["change_id"]) for row in found}
    steps = [
        {
            "change_id": change_id,
            "ordinal": ordinal,
            "action": step.action,
            "list_role": step.list_role.value if step.list_role else None,
            "state": StepState.SKIPPED if change.skipped_because else StepState.PLANNED,
            "note": change.skipped_because,
        }
        for change in changes
        # The first of a contact is the one that was written.
        if (change_id := written.pop(change.contact_id, None)) is not None
        for ordinal, step in enumerate(change.steps, start=1)
    ]
    if not steps:
        return len(found)
    execute(
        connection,
        """
        insert into change_step (change_id, ordinal, action, list_role, state, note, changed_at)
        select change_id, ordinal, action, list_role, state, note, :now
        from json_populate_recordset(cast(null as change_step), cast(:steps as json))
        """,
        steps=to_json(steps),
        now=now,
    )
    return len(found)


def steps_of(connection: Connection, plan_id: int, *states: StepState) -> tuple[Step, ...]:
    """The steps of a plan, by contact and order; those in one of the states, or where none is named, all."""
    found = fetch_tuples(
        connection,
        f"""
        select {STEP_COLUMNS}
        from change_step s join change c using (change_id)
        where c.plan_id = :plan and (cast(:states as text[]) is null or s.state = any(:states))
        order by c.contact_id, s.ordinal
        """,
        plan=plan_id,
        states=[state.value for state in states] or None,
    )
    return tuple(step_of(row) for row in found)


def is_any(connection: Connection, plan_id: int, state: StepState, kind: ItemAction | None = None) -> bool:
    """Whether a step of a plan is in a state; with ``kind`` one of a change of that kind."""
    return bool(
        fetch_scalar(
            connection,
            """
            select exists (select 1 from change_step s join change c using (change_id)
                           where c.plan_id = :plan and s.state = :state
                             and (cast(:kind as text) is null or c.kind = :kind))
            """,
            plan=plan_id,
            state=state,
            kind=kind,
        )
    )


def not_begun(connection: Connection, plan_id: int) -> frozenset[int]:
    """The contacts of a plan of whose changes nothing was begun, and something is still planned."""
    found = fetch_all(
        connection,
        f"""select distinct c.contact_id from change_step s join change c using (change_id)
            where c.plan_id = :plan and s.state = {sql_word(StepState.PLANNED)} and {_NOT_BEGUN}""",
        plan=plan_id,
    )
    return frozenset(int(row["contact_id"]) for row in found)


STEP_COLUMNS = "s.change_id, s.ordinal, c.contact_id, c.kind, s.action, s.list_role, s.state, s.job_id, s.attempts"
"""What ``step_of`` reads, of ``change_step s`` and ``change c``."""

ITEM_ACTIONS: Mapping[str, ItemAction] = {one.value: one for one in ItemAction}
ROLES: Mapping[str | None, ListRole | None] = {None: None, **{one.value: one for one in ListRole}}
"""The words of columns to what they mean: of very many rows each takes half the time that calling the enum does."""
_ACTIONS: Mapping[str, StepAction] = {one.value: one for one in StepAction}
_STATES: Mapping[str, StepState] = {one.value: one for one in StepState}


def step_of(row: Sequence[Any]) -> Step:
    """The step of a row of ``STEP_COLUMNS``. A plan may have a hundred thousand of them."""
    change_id, ordinal, contact_id, kind, action, role, state, job_id, attempts = row
    return Step(
        change_id,
        ordinal,
        contact_id,
        ITEM_ACTIONS[kind],
        _ACTIONS[action],
        ROLES[role],
        _STATES[state],
        job_id,
        attempts,
    )


def move_steps(
    connection: Connection, steps: Sequence[Step], state: StepState, now: datetime, also: str = "", **values: Any
) -> tuple[Step, ...]:
    """Move steps on that are as they were read. Every step that was read before it is moved is moved here.

    Args:
        also: assignments beside state and time, a constant; ``values``: its parameters.

    Returns:
        The steps in their new state; what ``also`` assigns is not in them.

    Raises:
        IllegalTransitionError: a step may not go from where it is to ``state``.
        StateChangedError: somebody else moved one of them on since; none is moved.
    """
    for step in steps:
        STEP_LIFE.advance(step.state, state)
    if steps:
        touched = execute(
            connection,
            f"""
            update change_step s set state = :state, changed_at = :now{also}
            from unnest(cast(:changes as bigint[]), cast(:ordinals as smallint[]), cast(:seen as text[]))
                 as t (change_id, ordinal, state)
            where s.change_id = t.change_id and s.ordinal = t.ordinal and s.state = t.state
            """,
            state=state,
            now=now,
            changes=[step.change_id for step in steps],
            ordinals=[step.ordinal for step in steps],
            seen=[step.state.value for step in steps],
            **values,
        )
        require_all(touched, len(steps), f"Making steps of the journal {state.value}")
    return tuple(replace(step, state=state) for step in steps)


def settle_steps(
    connection: Connection, steps: Sequence[Step], state: StepState, now: datetime, note: StepNote | None = None
) -> None:
    """Move steps on that are as they were read.

    Raises:
        IllegalTransitionError: a step may not go from where it is to ``state``.
        StateChangedError: somebody else moved one of them on since; none is moved.
    """
    move_steps(connection, steps, state, now, ", note = coalesce(:note, s.note)", note=note)


def note_steps(connection: Connection, steps: Sequence[Step], note: StepNote) -> None:
    """Write a note to steps without moving them on.

    Raises:
        StateChangedError: somebody else moved one of them on since they were read.
    """
    if not steps:
        return
    touched = execute(
        connection,
        """
        update change_step s set note = :note
        from unnest(cast(:changes as bigint[]), cast(:ordinals as smallint[]), cast(:seen as text[]))
             as t (change_id, ordinal, state)
        where s.change_id = t.change_id and s.ordinal = t.ordinal and s.state = t.state
        """,
        note=note,
        changes=[step.change_id for step in steps],
        ordinals=[step.ordinal for step in steps],
        seen=[step.state.value for step in steps],
    )
    require_all(touched, len(steps), "Noting something about steps of the journal")


def fail_unstarted(connection: Connection, plan_id: int, note: StepNote, now: datetime) -> int:
    """Give up the changes of which no step was begun. Returns how many changes."""
    return int(
        fetch_scalar(
            connection,
            f"""
            with given_up as (
                update change_step s set state = :failed, note = :note, changed_at = :now
                from change c where c.change_id = s.change_id and c.plan_id = :plan and s.state in {_LEFT_BY_DEADLINE}
                  and {_NOT_BEGUN}
                returning s.change_id)
            select count(distinct change_id) from given_up
            """,
            plan=plan_id,
            failed=StepState.FAILED,
            note=note,
            now=now,
        )
    )


def activity(connection: Connection) -> tuple[int, int]:
    """A token that differs when a job was begun or ended in between: what was read meanwhile is stale."""
    row = fetch_one(
        connection,
        f"""
        select coalesce(max(job_id), 0) as newest, count(*) filter (where state in {sql_list(*OPEN_JOBS)}) as open
        from mailjet_job
        """,
    )
    return (int(row["newest"]), int(row["open"])) if row is not None else (0, 0)


def steps_without_answer(connection: Connection, plan_id: int) -> tuple[Step, ...]:
    """Planned steps of a plan that were posted in a job of which nothing is known."""
    found = fetch_tuples(
        connection,
        f"""
        select {STEP_COLUMNS}
        from change_step s join change c using (change_id)
        where c.plan_id = :plan and s.state = {sql_word(StepState.PLANNED)} and s.note = {_ANSWER_LOST}
        order by c.contact_id, s.ordinal
        """,
        plan=plan_id,
    )
    return tuple(step_of(row) for row in found)


def half_done(
    connection: Connection, untouched_since: datetime | None = None, besides: int | None = None
) -> Mapping[int, tuple[int, ...]]:
    """Plans in force, or withdrawn midway, with changes of which something was done and something is still to be done, to the
    contacts of these.

    Args:
        untouched_since: only plans of which no step moved since then.
        besides: a plan that is left out with all plans of the same maintenance, and what takes them back.
    """
    found = fetch_all(
        connection,
        f"""
        select p.plan_id, array_agg(distinct c.contact_id order by c.contact_id) as contacts
        from plan p join change c using (plan_id) join change_step s using (change_id)
        where p.status in {sql_list(PlanStatus.APPROVED, PlanStatus.EXECUTED, PlanStatus.WITHDRAWN)}
          and s.state in {sql_list(*UNSETTLED)}
          and exists (select 1 from change_step o where o.change_id = c.change_id
                      and (o.state in {sql_list(StepState.CONFIRMED, *UNDER_WAY)}
                           or o.state = {sql_word(StepState.PLANNED)} and o.note = {_ANSWER_LOST}) offset 0)
          and (cast(:since as timestamptz) is null or not exists (
                   select 1 from change x join change_step y using (change_id)
                   where x.plan_id = p.plan_id and y.changed_at > :since))
          and not exists (select 1 from plan me where me.plan_id = :besides
                          and (me.plan_id = p.plan_id or me.campaign_id = p.campaign_id and me.sweep = p.sweep))
        group by p.plan_id order by p.plan_id
        """,
        besides=besides,
        since=untouched_since,
    )
    return {int(row["plan_id"]): tuple(map(int, row["contacts"])) for row in found}


def give_back(connection: Connection, steps: Sequence[Step], now: datetime, note: StepNote | None = None) -> None:
    """Steps of a job that did not reach Mailjet, as far as is known, are planned again, and the attempt does not count.

    Args:
        steps: those of the job, as ``begin_job`` returned them. note: why, where the job may have arrived all the same.

    Raises:
        StateChangedError: somebody else moved one of them on.
    """
    also = ", job_id = null, attempts = greatest(s.attempts - 1, 0), note = coalesce(:note, s.note)"
    move_steps(connection, steps, StepState.PLANNED, now, also, note=note)


def skip_unstarted(connection: Connection, plan_id: int, reasons: Mapping[int, StepNote], now: datetime) -> int:
    """Skip changes of which no step was begun yet, each with the reason found for its contact. Returns how many steps."""
    if not reasons:
        return 0
    return execute(
        connection,
        f"""
        update change_step s set state = :skipped, note = t.reason, changed_at = :now
        from change c, unnest(cast(:contacts as bigint[]), cast(:reasons as text[])) as t (contact_id, reason)
        where c.change_id = s.change_id and c.plan_id = :plan and c.contact_id = t.contact_id
          and s.state in {_LEFT_UNSTARTED} and {_NOT_BEGUN}
        """,
        plan=plan_id,
        skipped=StepState.SKIPPED,
        contacts=list(reasons),
        reasons=[reason.value for reason in reasons.values()],
        now=now,
    )


def retry_failed(connection: Connection, plan_id: int, decided: Mapping[int, datetime], now: datetime) -> int:
    """Plan failed steps again, with their attempts counted from nothing, and what was skipped because of them.

    Only what failed before its decision: what failed once more afterwards is a new question. A change that was taken back
    stays as it is, and so do all of a rebalancing that was.

    Args:
        decided: contact id to the instant (UTC) at which a person decided to try again.

    Returns:
        How many steps.
    """
    return execute(
        connection,
        f"""
        update change_step s set state = :planned, attempts = 0, job_id = null, note = :note, changed_at = :now
        from change c, unnest(cast(:contacts as bigint[]), cast(:instants as timestamptz[])) as t (contact_id, decided_at)
        where c.change_id = s.change_id and c.plan_id = :plan and c.contact_id = t.contact_id
          and s.state in {_LEFT_TO_TRY_AGAIN}
          and (s.state = {_FAILED} or s.note = {sql_word(StepNote.EARLIER_STEP_NOT_DONE)})
          and exists (select 1 from change_step f where f.change_id = c.change_id and f.state = {_FAILED}
                      and f.changed_at <= t.decided_at offset 0)
          and not exists (select 1 from change r join change o on o.change_id = r.reverses_change_id
                          where o.plan_id = c.plan_id and (o.change_id = c.change_id or c.kind <> {_SUPPRESS}))
        """,
        plan=plan_id,
        planned=StepState.PLANNED,
        note=StepNote.TRIED_AGAIN,
        contacts=list(decided),
        instants=list(decided.values()),
        now=now,
    )
