"""What became of a plan's changes, counted from the journal, and the history of suppressions that follows from it.

Does not belong here: moving steps and jobs on (``journal``), and what counts as done (``operations.plans.outcomes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import EXPLAIN_NO_SIZE, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_scalar, to_json
from list_pipeline.storage.life_cycles import sql_list, sql_word

_CONFIRMED, _SKIPPED = sql_word(StepState.CONFIRMED), sql_word(StepState.SKIPPED)
_FAILED, _COMPENSATED = sql_word(StepState.FAILED), sql_word(StepState.COMPENSATED)
_ADD, _REMOVE = sql_word(StepAction.ADD), sql_word(StepAction.REMOVE)
_WAS_THERE_ALREADY = sql_word(StepNote.WAS_THERE_ALREADY)
_SUPPRESS = sql_word(ItemAction.SUPPRESS)

_PER_CHANGE = f"""
    select c.change_id, c.plan_id, c.contact_id, bool_or(s.state = {_COMPENSATED}) as reversed,
           bool_and(s.state in ({_CONFIRMED}, {_SKIPPED})) and bool_or(s.state = {_CONFIRMED}) as confirmed,
           bool_or(s.state = {_FAILED}) and not bool_or(s.state = {_COMPENSATED}) as failed,
           bool_and(s.state = {_SKIPPED}) as skipped
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
        f"""
        select s.list_role, count(*) filter (where s.action = {_ADD}) - count(*) filter (where s.action = {_REMOVE}) as delta
        from plan p join change c using (plan_id) join change_step s using (change_id)
        where p.campaign_id = :campaign and p.sweep = :sweep and s.state in ({_CONFIRMED}, {_COMPENSATED})
          and s.list_role is not null
          and coalesce(s.note, '') not in {sql_list(*EXPLAIN_NO_SIZE)}
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
        f"""
        insert into contact_suppression_history (contact_id, email, suppressed_at, reason, bounce_type, bounce_count,
               ai_rationale, ai_confidence, removed_from_lists, added_to_suppression_list, maintenance_log_id, change_id)
        select c.contact_id, m.email, :now, i.reason, i.bounce_type, i.bounce_count, i.explanation, i.confidence,
               coalesce((select array_agg(cast(:ids as jsonb) ->> s.list_role order by s.ordinal) from change_step s
                         where s.change_id = c.change_id and s.action = {_REMOVE} and s.state = {_CONFIRMED}), '{{}}'),
               a.note is distinct from {_WAS_THERE_ALREADY}, :log, c.change_id
        from change c join plan_item i on i.plan_id = c.plan_id and i.contact_id = c.contact_id
        join contact_list_membership m on m.contact_id = c.contact_id
        join change_step a on a.change_id = c.change_id and a.action = {_ADD} and a.state = {_CONFIRMED}
        where c.plan_id = :plan and c.kind = {_SUPPRESS}
          and (a.note is distinct from {_WAS_THERE_ALREADY} or not exists (
                   select 1 from contact_suppression_history h where h.contact_id = c.contact_id
                     and h.reinstated_at is null and h.change_id is distinct from c.change_id))
        on conflict (change_id) do update set removed_from_lists = excluded.removed_from_lists
        """,
        plan=plan_id,
        log=log_id,
        ids=to_json({role: str(list_id) for role, list_id in list_ids.items()}),
        now=now,
    )
