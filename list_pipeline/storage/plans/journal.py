"""The journal: every intended change is a row here before the first request, with its ordered steps.

A step goes planned -> submitting (committed before the request) -> submitted -> confirmed | failed | skipped, and from
confirmed to compensated when a later change took it back. The journal holds no addresses: jobs get them from the membership
when a request is built, also on resume.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.lists import ListRole
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_scalar, to_json


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step to be written: ``list_role`` is None for the exclusion, which is a property of the contact."""

    action: str
    list_role: ListRole | None


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to be written, with the state before it and its steps in order.

    ``reverses_change_id``: the earlier change that this one takes back.
    """

    contact_id: int
    kind: str
    before: Mapping[str, Any]
    steps: Sequence[NewStep]
    skipped_because: str | None = None
    reverses_change_id: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it stands in the journal."""

    change_id: int
    ordinal: int
    contact_id: int
    kind: str
    action: str
    list_role: ListRole | None
    state: str
    job_id: int | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk job as we know it. ``mailjet_job_id`` is None when the answer to its submission was lost."""

    job_id: int
    plan_id: int
    mailjet_job_id: int | None
    state: str
    sizes_before: Mapping[str, int]
    contact_count: int


def open_changes(connection: Connection, plan_id: int, changes: Iterable[NewChange], now: datetime) -> int:
    """Write the changes of a plan with their steps; those that stand there already are left alone."""
    written = 0
    for change in changes:
        change_id = fetch_scalar(
            connection,
            """
            insert into change (plan_id, contact_id, kind, before, created_at, reverses_change_id)
            values (:plan, :contact, :kind, cast(:before as jsonb), :now, :reverses)
            on conflict (plan_id, contact_id) do nothing returning change_id
            """,
            plan=plan_id,
            contact=change.contact_id,
            kind=change.kind,
            before=to_json(change.before),
            now=now,
            reverses=change.reverses_change_id,
        )
        if change_id is None:
            continue
        written += 1
        for ordinal, step in enumerate(change.steps, start=1):
            execute(
                connection,
                """
                insert into change_step (change_id, ordinal, action, list_role, state, note, changed_at)
                values (:change, :ordinal, :action, :role, :state, :note, :now)
                """,
                change=change_id,
                ordinal=ordinal,
                action=step.action,
                role=step.list_role.value if step.list_role else None,
                state="skipped" if change.skipped_because else "planned",
                note=change.skipped_because,
                now=now,
            )
    return written


def steps_of(connection: Connection, plan_id: int, states: Sequence[str] | None = None) -> tuple[Step, ...]:
    """The steps of a plan, by contact and order; all, or those in one of the states."""
    found = fetch_all(
        connection,
        """
        select s.change_id, s.ordinal, c.contact_id, c.kind, s.action, s.list_role, s.state, s.job_id, s.attempts
        from change_step s join change c using (change_id)
        where c.plan_id = :plan and (cast(:states as text[]) is null or s.state = any(:states))
        order by c.contact_id, s.ordinal
        """,
        plan=plan_id,
        states=None if states is None else list(states),
    )
    return tuple(_step(row) for row in found)


def _step(row: RowMapping) -> Step:
    role = ListRole(row["list_role"]) if row["list_role"] else None
    return Step(**{**row, "list_role": role})


def begin_job(
    connection: Connection,
    plan_id: int,
    steps: Sequence[Step],
    actions: Mapping[str, str],
    contact_count: int,
    sizes_before: Mapping[str, int],
    fence: int,
    now: datetime,
) -> int:
    """Commit to a job before its request: its steps are ``submitting`` from here on. Returns our id of the job."""
    job_id = int(
        fetch_scalar(
            connection,
            """
            insert into mailjet_job (plan_id, actions, contact_count, state, sizes_before, fence, submitting_at)
            values (:plan, cast(:actions as jsonb), :count, 'submitting', cast(:sizes as jsonb), :fence, :now)
            returning job_id
            """,
            plan=plan_id,
            actions=to_json(actions),
            count=contact_count,
            sizes=to_json(sizes_before),
            fence=fence,
            now=now,
        )
    )
    execute(
        connection,
        """
        update change_step s set state = 'submitting', job_id = :job, attempts = attempts + 1, changed_at = :now
        from unnest(cast(:changes as bigint[]), cast(:ordinals as smallint[])) as t (change_id, ordinal)
        where s.change_id = t.change_id and s.ordinal = t.ordinal
        """,
        job=job_id,
        changes=[s.change_id for s in steps],
        ordinals=[s.ordinal for s in steps],
        now=now,
    )
    return job_id


def job_submitted(connection: Connection, job_id: int, mailjet_job_id: int, now: datetime) -> None:
    """Mailjet accepted the job."""
    execute(
        connection,
        "update mailjet_job set state = 'submitted', mailjet_job_id = :mailjet, submitted_at = :now where job_id = :job",
        job=job_id,
        mailjet=mailjet_job_id,
        now=now,
    )
    execute(
        connection,
        "update change_step set state = 'submitted', changed_at = :now where job_id = :job and state = 'submitting'",
        job=job_id,
        now=now,
    )


def job_ended(connection: Connection, job_id: int, state: str, error: str | None, now: datetime) -> None:
    """The job is over: ``finished`` or ``failed``. What it did is read from the lists, not from this."""
    execute(
        connection,
        "update mailjet_job set state = :state, error = :error, finished_at = :now where job_id = :job",
        job=job_id,
        state=state,
        error=error,
        now=now,
    )


def settle_steps(
    connection: Connection, steps: Sequence[Step], state: str, now: datetime, note: str | None = None
) -> None:
    """Move steps on."""
    if not steps:
        return
    execute(
        connection,
        """
        update change_step s set state = :state, note = coalesce(:note, s.note), changed_at = :now
        from unnest(cast(:changes as bigint[]), cast(:ordinals as smallint[])) as t (change_id, ordinal)
        where s.change_id = t.change_id and s.ordinal = t.ordinal
        """,
        state=state,
        note=note,
        changes=[s.change_id for s in steps],
        ordinals=[s.ordinal for s in steps],
        now=now,
    )


def note_steps(connection: Connection, steps: Sequence[Step], note: str) -> None:
    """Write a note to steps without moving them on."""
    execute(
        connection,
        """
        update change_step s set note = :note
        from unnest(cast(:changes as bigint[]), cast(:ordinals as smallint[])) as t (change_id, ordinal)
        where s.change_id = t.change_id and s.ordinal = t.ordinal
        """,
        note=note,
        changes=[s.change_id for s in steps],
        ordinals=[s.ordinal for s in steps],
    )


def fail_unstarted(connection: Connection, plan_id: int, note: str, now: datetime) -> int:
    """Give up the changes of which no step was begun. Returns how many changes."""
    return int(
        fetch_scalar(
            connection,
            """
            with given_up as (
                update change_step s set state = 'failed', note = :note, changed_at = :now
                from change c where c.change_id = s.change_id and c.plan_id = :plan and s.state = 'planned'
                  and not exists (select 1 from change_step o where o.change_id = s.change_id
                                  and (o.state not in ('planned', 'skipped') or o.attempts > 0))
                returning s.change_id)
            select count(distinct change_id) from given_up
            """,
            plan=plan_id,
            note=note,
            now=now,
        )
    )


def activity(connection: Connection) -> tuple[int, int]:
    """A token that differs when a job was begun or ended in between: what was read meanwhile is stale."""
    row = fetch_one(
        connection,
        """
        select coalesce(max(job_id), 0) as newest, count(*) filter (where state in ('submitting', 'submitted')) as open
        from mailjet_job
        """,
    )
    return (int(row["newest"]), int(row["open"])) if row is not None else (0, 0)


def give_back(connection: Connection, steps: Sequence[Step], now: datetime) -> None:
    """Steps of a job that certainly did not reach Mailjet are planned again, and the attempt does not count."""
    settle_steps(connection, steps, "planned", now)
    execute(
        connection,
        """
        update change_step s set attempts = greatest(attempts - 1, 0), job_id = null
        from unnest(cast(:changes as bigint[]), cast(:ordinals as smallint[])) as t (change_id, ordinal)
        where s.change_id = t.change_id and s.ordinal = t.ordinal
        """,
        changes=[s.change_id for s in steps],
        ordinals=[s.ordinal for s in steps],
    )


def skip_unstarted(connection: Connection, plan_id: int, reasons: Mapping[int, str], now: datetime) -> int:
    """Skip changes of which no step was begun yet, each with the reason found for its contact. Returns how many steps."""
    if not reasons:
        return 0
    return execute(
        connection,
        """
        update change_step s set state = 'skipped', note = t.reason, changed_at = :now
        from change c, unnest(cast(:contacts as bigint[]), cast(:reasons as text[])) as t (contact_id, reason)
        where c.change_id = s.change_id and c.plan_id = :plan and c.contact_id = t.contact_id and s.state = 'planned'
          and not exists (select 1 from change_step o where o.change_id = s.change_id
                          and (o.state not in ('planned', 'skipped') or o.attempts > 0))
        """,
        plan=plan_id,
        contacts=list(reasons),
        reasons=list(reasons.values()),
        now=now,
    )


def open_jobs(connection: Connection, plan_id: int) -> tuple[Job, ...]:
    """Jobs of a plan that have not ended, as far as we know, oldest first."""
    found = fetch_all(
        connection,
        """
        select job_id, plan_id, mailjet_job_id, state, sizes_before, contact_count from mailjet_job
        where plan_id = :plan and state in ('submitting', 'submitted') order by job_id
        """,
        plan=plan_id,
    )
    return tuple(Job(**row) for row in found)


def steps_of_job(connection: Connection, job_id: int) -> tuple[Step, ...]:
    """The steps that a job carries out and that are not settled."""
    found = fetch_all(
        connection,
        """
        select s.change_id, s.ordinal, c.contact_id, c.kind, s.action, s.list_role, s.state, s.job_id, s.attempts
        from change_step s join change c using (change_id)
        where s.job_id = :job and s.state in ('submitting', 'submitted') order by c.contact_id, s.ordinal
        """,
        job=job_id,
    )
    return tuple(_step(row) for row in found)


_PER_CHANGE = """
    select c.change_id, c.plan_id, c.contact_id, bool_or(s.state = 'compensated') as reversed,
           bool_and(s.state in ('confirmed', 'skipped')) and bool_or(s.state = 'confirmed') as confirmed,
           bool_or(s.state = 'failed') and not bool_or(s.state = 'compensated') as failed,
           bool_and(s.state = 'skipped') as skipped
    from change c join change_step s using (change_id) join plan_item i using (plan_id, contact_id)
    where c.plan_id = :plan group by c.change_id
"""


def outcome(connection: Connection, plan_id: int) -> Mapping[str, int]:
    """Changes of a plan by outcome: ``confirmed`` when all steps are, ``reversed`` when taken back again, ``failed`` when a
    step is, else ``skipped`` or ``open``."""
    row = fetch_one(
        connection,
        f"""
        with per_change as ({_PER_CHANGE})
        select count(*) as planned, count(*) filter (where confirmed) as confirmed,
               count(*) filter (where failed) as failed, count(*) filter (where skipped) as skipped,
               count(*) filter (where reversed) as reversed,
               count(*) filter (where not confirmed and not failed and not skipped and not reversed) as open
        from per_change
        """,
        plan=plan_id,
    )
    return {name: int(value) for name, value in (row or {}).items()}


def outcome_by(connection: Connection, plan_id: int, column: str) -> Mapping[str, Mapping[str, int]]:
    """Confirmed, failed and skipped changes by a column of the plan items (``reason`` or ``action``)."""
    if column not in ("reason", "action"):
        raise ValueError("outcomes are counted by reason or by action")
    found = fetch_all(
        connection,
        f"""
        with per_change as ({_PER_CHANGE})
        select i.{column} as label, count(*) filter (where confirmed) as confirmed,
               count(*) filter (where failed) as failed, count(*) filter (where skipped) as skipped
        from per_change p join plan_item i using (plan_id, contact_id) group by i.{column} order by i.{column}
        """,
        plan=plan_id,
    )
    return {str(r["label"]): {n: int(r[n]) for n in ("confirmed", "failed", "skipped")} for r in found}


def jobs_of(connection: Connection, plan_id: int) -> int:
    """Number of bulk jobs that a plan took."""
    return int(fetch_scalar(connection, "select count(*) from mailjet_job where plan_id = :plan", plan=plan_id))


def expected_delta(connection: Connection, campaign_id: int, sweep: str) -> Mapping[ListRole, int]:
    """By how much the confirmed steps of a campaign's maintenance explain a change of each list's raw size, up to the
    snapshot after it: what people approved later came later."""
    found = fetch_all(
        connection,
        """
        select s.list_role, count(*) filter (where s.action = 'add') - count(*) filter (where s.action = 'remove') as delta
        from plan p join change c using (plan_id) join change_step s using (change_id)
        where p.campaign_id = :campaign and p.sweep = :sweep and s.state in ('confirmed', 'compensated')
          and s.list_role is not null
          and coalesce(s.note, '') not in ('was_there_already', 'created_again')
          and s.changed_at <= coalesce((select max(taken_at) from list_snapshot
                                        where campaign_id = :campaign and sweep = :sweep and phase = 'after'), 'infinity')
        group by s.list_role
        """,
        campaign=campaign_id,
        sweep=sweep,
    )
    deltas = {ListRole(row["list_role"]): int(row["delta"]) for row in found}
    return {role: deltas.get(role, 0) for role in ListRole}


def write_history(
    connection: Connection, plan_id: int, log_id: int | None, list_ids: Mapping[str, int], now: datetime
) -> int:
    """Write one history row for every contact that this plan suppressed; repeating adds none.

    Whoever was on the suppression list already and stands in the history is suppressed once, whatever is repaired later.
    """
    return execute(
        connection,
        """
        insert into contact_suppression_history (contact_id, email, suppressed_at, reason, bounce_type, bounce_count,
               ai_rationale, ai_confidence, removed_from_lists, added_to_suppression_list, maintenance_log_id, change_id)
        select c.contact_id, m.email, :now, i.reason, i.bounce_type, i.bounce_count, i.explanation, i.confidence,
               coalesce((select array_agg(cast(:ids as jsonb) ->> s.list_role order by s.ordinal) from change_step s
                         where s.change_id = c.change_id and s.action = 'remove' and s.state = 'confirmed'), '{}'),
               a.note is distinct from 'was_there_already', :log, c.change_id
        from change c join plan_item i on i.plan_id = c.plan_id and i.contact_id = c.contact_id
        join contact_list_membership m on m.contact_id = c.contact_id
        join change_step a on a.change_id = c.change_id and a.action = 'add' and a.state = 'confirmed'
        where c.plan_id = :plan and c.kind = 'suppress'
          and (a.note is distinct from 'was_there_already' or not exists (
                   select 1 from contact_suppression_history h where h.contact_id = c.contact_id
                     and h.reinstated_at is null and h.change_id is distinct from c.change_id))
        on conflict (change_id) do update set removed_from_lists = excluded.removed_from_lists
        """,
        plan=plan_id,
        log=log_id,
        ids=to_json({role: str(list_id) for role, list_id in list_ids.items()}),
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
        """
        update change_step s set state = 'planned', attempts = 0, job_id = null, note = 'tried_again', changed_at = :now
        from change c, unnest(cast(:contacts as bigint[]), cast(:instants as timestamptz[])) as t (contact_id, decided_at)
        where c.change_id = s.change_id and c.plan_id = :plan and c.contact_id = t.contact_id
          and (s.state = 'failed' or s.state = 'skipped' and s.note = 'earlier_step_not_done')
          and exists (select 1 from change_step f where f.change_id = c.change_id and f.state = 'failed'
                      and f.changed_at <= t.decided_at)
          and not exists (select 1 from change r join change o on o.change_id = r.reverses_change_id
                          where o.plan_id = c.plan_id and (o.change_id = c.change_id or c.kind <> 'suppress'))
        """,
        plan=plan_id,
        contacts=list(decided),
        instants=list(decided.values()),
        now=now,
    )
