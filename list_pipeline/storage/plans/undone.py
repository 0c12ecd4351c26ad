"""What an undo ends, what of a maintenance is taken back, and what of it stands.

Belongs here: SQL about a maintenance and its undos as a whole. Does not belong here: single changes and their outcomes
(``outcomes``), and what the numbers mean for the run (``core.runs.status``).

A decision is never rewritten: whoever decided on a plan or a question stays named, and what an undo ends says so in columns of
its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import STEP_LIFE, StepNote, StepState
from list_pipeline.core.plans.plan import PLAN_LIFE, TAKEN_BACK_BY_UNDO, PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.questions import REVIEW_LIFE, ReviewKind, ReviewStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_row, fetch_scalar, left_for, sql_list, sql_word
from list_pipeline.storage.plans import journal
from list_pipeline.storage.quarantine import may_be_taken_back

_COMPENSATED = sql_word(StepState.COMPENSATED)
_TAKING_BACK = sql_list(PlanKind.UNDO, PlanKind.ROLLBACK)


def withdraw(connection: Connection, campaign_id: int, sweep: Sweep, by: str, now: datetime) -> int:
    """A person takes a maintenance back: what of its plans was not begun is not begun any more, and nobody is asked about it.

    Args:
        by: who takes it back; not who decided.

    Returns:
        How many plans.
    """
    found = fetch_all(
        connection,
        f"""
        update plan set status = :withdrawn, withdrawn_at = :now, withdrawn_by = :by
        where campaign_id = :campaign and sweep = :sweep and kind in {sql_list(*TAKEN_BACK_BY_UNDO)}
          and status in {left_for(PLAN_LIFE, PlanStatus.WITHDRAWN)}
        returning plan_id
        """,
        withdrawn=PlanStatus.WITHDRAWN,
        campaign=campaign_id,
        sweep=sweep,
        by=by,
        now=now,
    )
    for row in found:
        plan_id = int(row["plan_id"])
        planned = journal.steps_of(connection, plan_id, StepState.PLANNED)
        reasons = {step.contact_id: StepNote.UNDONE for step in planned}
        journal.skip_unstarted(connection, plan_id, reasons, now)
    execute(
        connection,
        f"""
        update review_item r set status = :withdrawn, withdrawn_at = :now, withdrawn_by = :by,
               note = coalesce(r.note, 'the maintenance was undone')
        from plan p
        where p.plan_id = r.plan_id and p.campaign_id = :campaign and p.sweep = :sweep
          and p.kind in {sql_list(*TAKEN_BACK_BY_UNDO)}
          and r.kind in {sql_list(ReviewKind.PLAN, ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM)}
          and r.status in {left_for(REVIEW_LIFE, ReviewStatus.WITHDRAWN)}
          and (r.status = {sql_word(ReviewStatus.OPEN)} or r.executed_at is null
               and not (r.kind = {sql_word(ReviewKind.PLAN)} and r.contact_id is null))
        """,
        withdrawn=ReviewStatus.WITHDRAWN,
        campaign=campaign_id,
        sweep=sweep,
        by=by,
        now=now,
    )
    return len(found)


def skip_rest(connection: Connection, change_ids: Sequence[int], now: datetime) -> int:
    """What was still planned of changes that are taken back is not done any more. Called where the reversal is written, so
    that no change stays half done. Returns how many steps."""
    return execute(
        connection,
        f"""update change_step set state = :skipped, note = :undone, changed_at = :now
            where change_id = any(:changes) and state in {left_for(STEP_LIFE, StepState.SKIPPED, StepState.PLANNED)}""",
        skipped=StepState.SKIPPED,
        undone=StepNote.UNDONE,
        changes=list(change_ids),
        now=now,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a maintenance is taken back, and whose changes stand. ``withdrawn``: plans that an undo ended."""

    taken_back: int
    left: tuple[int, ...]
    withdrawn: int


def withdraw_asked(connection: Connection, plan_id: int, kind: PlanKind, by: str, now: datetime) -> None:
    """A person takes a plan back that was asked for and let through: nothing more of it is begun. One that was carried out
    stays so."""
    execute(
        connection,
        f"""update plan set status = :withdrawn, withdrawn_at = :now, withdrawn_by = :by
            where plan_id = :plan and kind = :kind and status = {sql_word(PlanStatus.APPROVED)}""",
        withdrawn=PlanStatus.WITHDRAWN,
        plan=plan_id,
        kind=kind,
        by=by,
        now=now,
    )


def standing(connection: Connection, campaign_id: int, sweep: Sweep, kinds: Collection[PlanKind]) -> Standing:
    """What stands of a maintenance, by contact id, and what undos and rollbacks took back and nobody did again.

    Args:
        kinds: the plans that count.
    """
    row = fetch_row(
        connection,
        f"what stands of the maintenance of campaign {campaign_id}",
        f"""
        with mine as (
            select c.change_id, c.contact_id,
                   bool_or(s.state = {sql_word(StepState.CONFIRMED)}
                           and {may_be_taken_back("c")}) as stands,
                   bool_or(s.state = {_COMPENSATED}) and exists (
                       select 1 from change u join plan b on b.plan_id = u.plan_id and b.kind in {_TAKING_BACK}
                       where u.reverses_change_id = c.change_id and not exists (
                           select 1 from change_step t where t.change_id = u.change_id and t.state = {_COMPENSATED})
                   ) as is_back
            from plan p join change c using (plan_id) join change_step s using (change_id)
            where p.campaign_id = :campaign and p.sweep = :sweep and p.kind = any(:kinds)
            group by c.change_id, c.contact_id)
        select count(*) filter (where is_back and not stands) as taken_back,
               coalesce(array_agg(contact_id order by contact_id) filter (where stands), '{{}}') as left_contacts,
               (select count(*) from plan where campaign_id = :campaign and sweep = :sweep and kind = any(:kinds)
                  and status = {sql_word(PlanStatus.WITHDRAWN)}) as withdrawn
        from mine
        """,
        campaign=campaign_id,
        sweep=sweep,
        kinds=[kind.value for kind in kinds],
    )
    return Standing(int(row["taken_back"]), tuple(map(int, row["left_contacts"])), int(row["withdrawn"]))


def corrections_of(
    connection: Connection, campaign_id: int, sweep: Sweep, kinds: Collection[PlanKind]
) -> tuple[int, ...]:
    """The undos, rollbacks or redos of a maintenance, oldest first, whatever became of them."""
    found = fetch_all(
        connection,
        "select plan_id from plan where campaign_id = :campaign and sweep = :sweep and kind = any(:kinds) order by plan_id",
        campaign=campaign_id,
        sweep=sweep,
        kinds=[kind.value for kind in kinds],
    )
    return tuple(int(row["plan_id"]) for row in found)


def was_undone(connection: Connection, campaign_id: int, sweep: Sweep) -> bool:
    """Whether a person took a maintenance back, wholly or in part, and be it only what had not begun."""
    return bool(
        fetch_scalar(
            connection,
            f"""select exists (select 1 from plan where campaign_id = :campaign and sweep = :sweep
                  and (kind = {sql_word(PlanKind.UNDO)} or status = {sql_word(PlanStatus.WITHDRAWN)}))""",
            campaign=campaign_id,
            sweep=sweep,
        )
    )


def is_answered(connection: Connection, campaign_id: int, sweep: Sweep) -> bool:
    """Whether a redo of a maintenance was asked for since its latest undo."""
    return bool(
        fetch_scalar(
            connection,
            f"""
            select coalesce(max(created_at) filter (where kind = {sql_word(PlanKind.REDO)})
                   >= max(coalesce(withdrawn_at, created_at)) filter (where kind = {sql_word(PlanKind.UNDO)}
                          or status = {sql_word(PlanStatus.WITHDRAWN)}), false)
            from plan where campaign_id = :campaign and sweep = :sweep
            """,
            campaign=campaign_id,
            sweep=sweep,
        )
    )
