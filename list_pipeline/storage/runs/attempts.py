"""The bad ends of attempts at a maintenance: runs without a heartbeat, and the changes they leave half done.

Belongs here: reading and marking that in the ledger and the journal. Does not belong here: the rows of the ledger
themselves (``ledger``), and what follows (``operations.runs.attempts``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import UNSETTLED, StepNote, StepState
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, PlanKind
from list_pipeline.core.reviews.questions import REVIEW_LIFE, ReviewKind, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import execute, fetch_all, left_for, sql_list, sql_word
from list_pipeline.storage.runs.ledger import POST_CAMPAIGN, SELECT_LOG, LogRow, log_row

_FAILED = sql_word(StepState.FAILED)


@dataclass(frozen=True, slots=True)
class HalfDone:
    """Changes of one plan: confirmed, failed, and open (``half_done`` of them are begun), with the open contacts."""

    plan_id: int
    kind: PlanKind
    confirmed: int
    failed: int
    open: int
    half_done: int
    open_contacts: Sequence[int]


def silent_logs(connection: Connection, since: datetime) -> tuple[LogRow, ...]:
    """Attempts that say ``running`` and gave no sign of life since then, oldest first; locked until the transaction ends.

    A bulk job that was being submitted is a sign of life too: waiting for its end may be silent. What was asked for and has no
    run yet waits for one.
    """
    found = fetch_all(
        connection,
        SELECT_LOG
        + """where status = :running and maintenance_type = :type and campaign_schedule_id is not null
               and touched_at <= :since
               and not exists (select 1 from run_request q
                   where q.log_id = list_maintenance_log.id and q.started_at is null)
               and not exists (select 1 from mailjet_job b join plan p using (plan_id)
                   where p.campaign_id = campaign_schedule_id and p.sweep = list_maintenance_log.sweep
                     and b.submitting_at > :since)
             order by id for update skip locked""",
        since=since,
        running=RunStatus.RUNNING.value,
        type=POST_CAMPAIGN,
    )
    return tuple(log_row(row) for row in found)


def settled_and_open(connection: Connection, campaign_id: int, sweep: str) -> tuple[HalfDone, ...]:
    """The outcome of each plan of a campaign's maintenance, plans without any change left out."""
    found = fetch_all(
        connection,
        f"""
        with per_change as (
            select p.plan_id, p.kind, c.contact_id,
                   bool_or(s.state in {sql_list(*UNSETTLED)}) as is_open,
                   bool_or(s.state = {_FAILED}) as is_failed,
                   bool_or(s.state = {sql_word(StepState.CONFIRMED)}) as is_begun
            from plan p join change c using (plan_id) join change_step s using (change_id)
            where p.campaign_id = :campaign and p.sweep = :sweep and p.kind in {sql_list(*MAINTENANCE_PLANS)}
            group by p.plan_id, p.kind, c.change_id, c.contact_id)
        select plan_id, kind, count(*) filter (where is_begun and not is_open and not is_failed) as confirmed,
               count(*) filter (where is_failed and not is_open) as failed,
               count(*) filter (where is_open) as open,
               count(*) filter (where is_open and is_begun) as half_done,
               coalesce(array_agg(contact_id order by contact_id) filter (where is_open), '{{}}') as open_contacts
        from per_change group by plan_id, kind order by plan_id
        """,
        campaign=campaign_id,
        sweep=sweep,
    )
    return tuple(HalfDone(**{**row, "kind": PlanKind(row["kind"])}) for row in found)


def left_by_deadline(connection: Connection, plan_id: int) -> frozenset[int]:
    """Contacts of a plan whose change was not begun because the time was over."""
    found = fetch_all(
        connection,
        f"""select distinct contact_id from change_step join change using (change_id)
           where plan_id = :plan and state = {_FAILED} and note = {sql_word(StepNote.DEADLINE)}""",
        plan=plan_id,
    )
    return frozenset(int(row["contact_id"]) for row in found)


def resolve_given_up(connection: Connection, campaign_id: int, attempt: int, now: datetime) -> None:
    """Take up in the next attempt the questions that an attempt which gave up left to people."""
    execute(
        connection,
        f"""
        update review_item set status = :resolved, decided_at = :now, decided_by = 'maintenance', note = :note
        where campaign_id = :campaign and kind = {sql_word(ReviewKind.FINDING)} and details ? 'gave_up_at_attempt'
          and status in {left_for(REVIEW_LIFE, ReviewStatus.RESOLVED)}
        """,
        resolved=ReviewStatus.RESOLVED,
        campaign=campaign_id,
        note=f"attempt {attempt} continues it",
        now=now,
    )
