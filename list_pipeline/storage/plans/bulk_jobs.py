"""The bulk jobs of the journal: what was handed in at Mailjet, and how it ended.

A statement that moves a job names the states it leaves (``core.plans.journal``). Does not belong here: the steps that a job
carries out (``journal``), and what its end means for them (``operations.plans.settling``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import (
    JOB_LIFE,
    OPEN_JOBS,
    UNDER_WAY,
    JobState,
    StepState,
)
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_scalar,
    fetch_tuples,
    left_for,
    require_one,
    sql_list,
    to_json,
)
from list_pipeline.storage.plans.journal import STEP_COLUMNS, Step, move_steps, step_of


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk job as we know it. ``mailjet_job_id`` is None when the answer to its submission was lost."""

    job_id: int
    plan_id: int
    mailjet_job_id: int | None
    state: JobState
    sizes_before: Mapping[str, int]
    contact_count: int


def begin_job(
    connection: Connection,
    plan_id: int,
    steps: Sequence[Step],
    actions: Mapping[str, str],
    contact_count: int,
    sizes_before: Mapping[str, int],
    fence: int,
    now: datetime,
) -> tuple[int, tuple[Step, ...]]:
    """Commit to a job before its request. Returns our id of the job, and its steps, which are ``submitting`` from here on.

    Raises:
        StateChangedError: somebody else moved one of the steps on since they were read.
    """
    job_id = int(
        fetch_scalar(
            connection,
            """
            insert into mailjet_job (plan_id, actions, contact_count, state, sizes_before, fence, submitting_at)
            values (:plan, cast(:actions as jsonb), :count, :state, cast(:sizes as jsonb), :fence, :now)
            returning job_id
            """,
            plan=plan_id,
            actions=to_json(actions),
            count=contact_count,
            state=JobState.SUBMITTING,
            sizes=to_json(sizes_before),
            fence=fence,
            now=now,
        )
    )
    also = ", job_id = :job, attempts = s.attempts + 1"
    begun = move_steps(connection, steps, StepState.SUBMITTING, now, also, job=job_id)
    return job_id, tuple(replace(step, job_id=job_id, attempts=step.attempts + 1) for step in begun)


def job_submitted(
    connection: Connection, job_id: int, steps: Sequence[Step], mailjet_job_id: int, now: datetime
) -> None:
    """Mailjet accepted the job.

    Args:
        steps: those of the job, as ``begin_job`` returned them.

    Raises:
        StateChangedError: somebody else ended the job or moved one of its steps on.
    """
    also = ", mailjet_job_id = :mailjet, submitted_at = :now"
    _move_job(connection, job_id, JobState.SUBMITTED, also, mailjet=mailjet_job_id, now=now)
    move_steps(connection, steps, StepState.SUBMITTED, now)


def job_ended(connection: Connection, job_id: int, state: JobState, error: str | None, now: datetime) -> None:
    """The job is over. What it did is read from the lists, not from this.

    Raises:
        StateChangedError: somebody else ended it.
    """
    _move_job(connection, job_id, state, ", error = :error, finished_at = :now", error=error, now=now)


def _move_job(connection: Connection, job_id: int, state: JobState, also: str, **values: Any) -> None:
    touched = execute(
        connection,
        f"update mailjet_job set state = :state{also} where job_id = :job and state in {left_for(JOB_LIFE, state)}",
        state=state,
        job=job_id,
        **values,
    )
    require_one(touched, f"Making bulk job {job_id} {state.value}")


def job_lost(connection: Connection, job_id: int, error: str) -> None:
    """Nobody knows whether Mailjet carries the job out.

    Raises:
        StateChangedError: somebody else ended it.
    """
    _move_job(connection, job_id, JobState.LOST, ", error = :error", error=error)


def plans_with_lost_jobs(connection: Connection, posted_before: datetime | None = None) -> Mapping[int, PlanStatus]:
    """Plans with a job of which nothing is known, to their status; with ``posted_before`` (UTC) only of older jobs."""
    found = fetch_all(
        connection,
        """
        select distinct plan_id, p.status from mailjet_job j join plan p using (plan_id)
        where j.state = :lost and (cast(:before as timestamptz) is null or j.submitting_at <= :before) order by plan_id
        """,
        lost=JobState.LOST,
        before=posted_before,
    )
    return {int(row["plan_id"]): PlanStatus(row["status"]) for row in found}


def end_lost_jobs(connection: Connection, plan_id: int, words: str, now: datetime) -> int:
    """The jobs of a plan of which nothing is known will do nothing any more. Returns how many."""
    return execute(
        connection,
        f"""update mailjet_job set state = :failed, error = concat_ws('; ', error, cast(:words as text)), finished_at = :now
            where plan_id = :plan and state = :lost and state in {left_for(JOB_LIFE, JobState.FAILED)}""",
        plan=plan_id,
        failed=JobState.FAILED,
        lost=JobState.LOST,
        words=words,
        now=now,
    )


def may_take_effect(connection: Connection, plan_id: int, since: datetime) -> bool:
    """Whether a job of a plan of which nothing is known was posted after an instant (UTC), so that it may still be running."""
    return bool(
        fetch_scalar(
            connection,
            """select exists (select 1 from mailjet_job where plan_id = :plan and state = :lost and submitting_at > :since)""",
            plan=plan_id,
            lost=JobState.LOST,
            since=since,
        )
    )


def unended_jobs(connection: Connection, number: int) -> tuple[Job, ...]:
    """The jobs with this number, ours or Mailjet's, that have not ended as far as we know."""
    found = fetch_all(
        connection,
        f"""
        select job_id, plan_id, mailjet_job_id, state, sizes_before, contact_count from mailjet_job
        where (job_id = :number or mailjet_job_id = :number) and state in {sql_list(*OPEN_JOBS, JobState.LOST)}
        order by job_id
        """,
        number=number,
    )
    return tuple(Job(**{**row, "state": JobState(row["state"])}) for row in found)


def note_dead(connection: Connection, job_id: int, by: str, note: str, now: datetime) -> None:
    """A person says that a job will do nothing any more. Whoever calls this ends it in the same transaction."""
    execute(
        connection,
        "update mailjet_job set dead_at = :now, dead_by = :by, dead_note = :note where job_id = :job",
        job=job_id,
        by=by,
        note=note,
        now=now,
    )


def open_jobs(connection: Connection, plan_id: int) -> tuple[Job, ...]:
    """Jobs of a plan that have not ended, as far as we know, oldest first."""
    found = fetch_all(
        connection,
        f"""
        select job_id, plan_id, mailjet_job_id, state, sizes_before, contact_count from mailjet_job
        where plan_id = :plan and state in {sql_list(*OPEN_JOBS)} order by job_id
        """,
        plan=plan_id,
    )
    return tuple(Job(**{**row, "state": JobState(row["state"])}) for row in found)


def steps_of_job(connection: Connection, job_id: int) -> tuple[Step, ...]:
    """The steps that a job carries out and that are not settled."""
    found = fetch_tuples(
        connection,
        f"""
        select {STEP_COLUMNS}
        from change_step s join change c using (change_id)
        where s.job_id = :job and s.state in {sql_list(*UNDER_WAY)} order by c.contact_id, s.ordinal
        """,
        job=job_id,
    )
    return tuple(step_of(row) for row in found)
