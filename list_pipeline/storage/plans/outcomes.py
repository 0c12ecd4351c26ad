"""What became of a plan's changes, read from the journal: outcomes, the history of suppressions, what may be taken back.

Belongs here: SQL about changes that are done, and about their reversals. Does not belong here: moving steps and jobs on
(``journal``), and what counts as done (``operations.plans.outcomes``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import ContactNow, DoneChange
from list_pipeline.core.plans.journal import EXPLAIN_NO_SIZE, STEP_LIFE, Outcomes, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import CORRECTIONS, ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.quarantine.life import QuarantineState
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    left_for,
    look_again_after,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.membership import members
from list_pipeline.storage.quarantine import may_be_taken_back

_CONFIRMED, _SKIPPED = sql_word(StepState.CONFIRMED), sql_word(StepState.SKIPPED)
_FAILED, _COMPENSATED = sql_word(StepState.FAILED), sql_word(StepState.COMPENSATED)
_ADD, _REMOVE = sql_word(StepAction.ADD), sql_word(StepAction.REMOVE)
_WAS_THERE_ALREADY = sql_word(StepNote.WAS_THERE_ALREADY)
_SUPPRESS = sql_word(ItemAction.SUPPRESS)
_APPROVED = sql_word(PlanStatus.APPROVED)

_PER_CHANGE = f"""
    select c.change_id, c.plan_id, c.contact_id, bool_or(s.state = {_COMPENSATED}) as reversed,
           bool_and(s.state in ({_CONFIRMED}, {_SKIPPED})) and bool_or(s.state = {_CONFIRMED}) as confirmed,
           bool_or(s.state = {_FAILED}) and not bool_or(s.state = {_COMPENSATED}) as failed,
           bool_and(s.state = {_SKIPPED}) as skipped
    from change c join change_step s using (change_id)
    where c.plan_id = :plan group by c.change_id
"""

_ITEM_OF_CHANGE = """cross join lateral (
        select {columns} from plan_item i where i.plan_id = c.plan_id and i.contact_id = c.contact_id offset 0) i"""
"""SQL: the item of each change ``c``, one after the other by its key, as the steps of each are (``journal``)."""

_COUNTS = """
    count(*) as planned, count(*) filter (where confirmed) as confirmed, count(*) filter (where failed) as failed,
    count(*) filter (where skipped) as skipped, count(*) filter (where reversed) as reversed,
    count(*) filter (where not confirmed and not failed and not skipped and not reversed) as open
"""


def added_to_lists(connection: Connection, plan_id: int, state: StepState) -> Mapping[ListRole, int]:
    """Contacts by list to which the steps of a plan that are in a state add them."""
    found = fetch_all(
        connection,
        f"""
        select t.list_role, count(distinct c.contact_id) as contacts from change c join change_step t using (change_id)
        where c.plan_id = :plan and t.action = {sql_word(StepAction.ADD)} and t.state = :state
        group by t.list_role order by t.list_role
        """,
        plan=plan_id,
        state=state,
    )
    return {ListRole(row["list_role"]): int(row["contacts"]) for row in found}


def outcomes(connection: Connection, plan_id: int) -> Outcomes:
    """The outcomes of a plan's changes."""
    row = fetch_one(connection, f"with per_change as ({_PER_CHANGE}) select {_COUNTS} from per_change", plan=plan_id)
    return _outcomes(row) if row is not None else Outcomes()


def outcomes_by(connection: Connection, plan_id: int, column: str) -> Mapping[str, Outcomes]:
    """The outcomes by a column of the plan items (``reason`` or ``action``)."""
    if column not in ("reason", "action"):
        raise ValueError("outcomes are counted by reason or by action")
    rows = fetch_all(
        connection,
        f"""
        with per_change as ({_PER_CHANGE})
        select i.{column} as label, {_COUNTS}
        from per_change c {_ITEM_OF_CHANGE.format(columns=column)} group by i.{column} order by i.{column}
        """,
        plan=plan_id,
    )
    return {str(row["label"]): _outcomes(row) for row in rows}


def _outcomes(row: RowMapping) -> Outcomes:
    return Outcomes(**{count.name: int(row[count.name]) for count in fields(Outcomes)})


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
    written = execute(
        connection,
        f"""
        insert into contact_suppression_history (contact_id, email, suppressed_at, reason, bounce_type, bounce_count,
               ai_rationale, ai_confidence, removed_from_lists, added_to_suppression_list, maintenance_log_id, change_id)
        select c.contact_id, m.email, :now, i.reason, i.bounce_type, i.bounce_count, i.explanation, i.confidence,
               coalesce((select array_agg(cast(:ids as jsonb) ->> s.list_role order by s.ordinal) from change_step s
                         where s.change_id = c.change_id and s.action = {_REMOVE} and s.state = {_CONFIRMED}), '{{}}'),
               a.note is distinct from {_WAS_THERE_ALREADY}, :log, c.change_id
        from change c
        {_ITEM_OF_CHANGE.format(columns="reason, bounce_type, bounce_count, explanation, confidence")}
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
    look_again_after(connection, written, "contact_suppression_history")
    return written


_DONE_CHANGE = f"""
    select c.change_id, c.contact_id, c.kind, c.before, i.reason,
           coalesce((select array_agg(array[s.action, s.list_role] order by s.ordinal) from change_step s
                     where s.change_id = c.change_id and s.state = {_CONFIRMED}
                       and s.note is distinct from {sql_word(StepNote.WAS_THERE_ALREADY)}), '{{}}') as done
    from change c {_ITEM_OF_CHANGE.format(columns="reason")}
"""


def done_changes(connection: Connection, plan_id: int) -> tuple[DoneChange, ...]:
    """The changes of a plan of which something took effect and was not taken back, by contact id. A quarantine that ended is
    over, whoever ended it."""
    found = fetch_all(
        connection,
        _DONE_CHANGE
        + f"""where c.plan_id = :plan and exists (select 1 from change_step s
                   where s.change_id = c.change_id and s.state = {_CONFIRMED} offset 0)
                 and {may_be_taken_back("c")} order by c.contact_id""",
        plan=plan_id,
    )
    return tuple(_done_change(row) for row in found)


def reversed_changes(connection: Connection, plan_id: int) -> tuple[DoneChange, ...]:
    """The changes that a correction took back, as they were: what it is verified against."""
    found = fetch_all(
        connection,
        _DONE_CHANGE + "where c.change_id in (select reverses_change_id from change where plan_id = :plan)",
        plan=plan_id,
    )
    return tuple(_done_change(row) for row in found)


def changes_by_id(connection: Connection, change_ids: Sequence[int]) -> tuple[DoneChange, ...]:
    """Changes with what of them took effect, by contact id."""
    found = fetch_all(
        connection, _DONE_CHANGE + "where c.change_id = any(:ids) order by c.contact_id", ids=list(change_ids)
    )
    return tuple(_done_change(row) for row in found)


def latest_changes(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, DoneChange]:
    """The latest change of each contact of which something took effect and was not taken back."""
    found = fetch_all(
        connection,
        _DONE_CHANGE
        + f"""where c.change_id in (
                  select max(x.change_id) from change x join change_step y using (change_id)
                  where x.contact_id = any(:ids) and y.state = {_CONFIRMED} group by x.contact_id)""",
        ids=list(contact_ids),
    )
    return {int(row["contact_id"]): _done_change(row) for row in found}


def standing_suppression(connection: Connection, contact_id: int) -> DoneChange | None:
    """The latest suppression of a contact by us that was not taken back, or None."""
    row = fetch_one(
        connection,
        _DONE_CHANGE
        + f"""where c.contact_id = :contact and c.kind = {sql_word(ItemAction.SUPPRESS)} and exists (
                   select 1 from change_step s
                   where s.change_id = c.change_id and s.ordinal = 1 and s.state = {_CONFIRMED} offset 0)
             order by c.change_id desc limit 1""",
        contact=contact_id,
    )
    return _done_change(row) if row is not None else None


def standing_quarantines(connection: Connection, contact_ids: Sequence[int]) -> tuple[DoneChange, ...]:
    """The changes that keep contacts from mail now, by contact id."""
    found = fetch_all(
        connection,
        _DONE_CHANGE
        + f"""join quarantine q on q.plan_id = c.plan_id and q.contact_id = c.contact_id
              where c.contact_id = any(:ids) and c.kind = {sql_word(ItemAction.QUARANTINE)}
                and q.state = {sql_word(QuarantineState.ACTIVE)} order by c.contact_id""",
        ids=list(contact_ids),
    )
    return tuple(_done_change(row) for row in found)


def _done_change(row: RowMapping) -> DoneChange:
    before = row["before"]
    return DoneChange(
        change_id=int(row["change_id"]),
        contact_id=int(row["contact_id"]),
        kind=ItemAction(row["kind"]),
        done=frozenset((StepAction(action), ListRole(role) if role else None) for action, role in row["done"]),
        before=frozenset(ListRole(place["list"]) for place in before["places"]),
        was_excluded=bool(before["is_excluded"]),
        is_complaint=row["reason"] == "complaint",
    )


def contacts_now(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, ContactNow]:
    """The present state of contacts in our rows; a contact without a row is gone."""
    facts = members.facts_of(connection, contact_ids)
    return {
        contact_id: ContactNow(
            lists=frozenset(facts[contact_id]["roles"]),
            is_unsubscribed=facts[contact_id]["is_unsubscribed"],
            is_excluded=facts[contact_id]["is_excluded"],
            is_complaining=facts[contact_id]["is_complaining"],
            is_gone=facts[contact_id]["is_anonymised"],
            is_unreadable=facts[contact_id]["is_unreadable"],
            is_quarantined=facts[contact_id]["is_quarantined"],
        )
        if contact_id in facts
        else ContactNow(frozenset(), is_gone=True)
        for contact_id in contact_ids
    }


def failed_contacts(connection: Connection, plan_id: int) -> int:
    """Contacts of a plan that Mailjet did not change in three attempts; those that the deadline left out do not count."""
    return int(
        fetch_scalar(
            connection,
            f"""select count(distinct c.change_id) from change c join change_step s using (change_id)
               where c.plan_id = :plan and s.state = {_FAILED} and s.note is distinct from {sql_word(StepNote.DEADLINE)}""",
            plan=plan_id,
        )
    )


def left_out(connection: Connection, plan_id: int) -> Mapping[int, StepNote | None]:
    """The contacts of a plan whose change was left out as a whole, to the note that says why."""
    found = fetch_all(
        connection,
        f"""
        select c.contact_id, (array_agg(s.note order by s.ordinal desc))[1] as note
        from change c join change_step s using (change_id) where c.plan_id = :plan
        group by c.change_id, c.contact_id having bool_and(s.state = {_SKIPPED}) order by c.contact_id
        """,
        plan=plan_id,
    )
    return {int(row["contact_id"]): StepNote(row["note"]) if row["note"] else None for row in found}


def explained_sizes(connection: Connection, plan_id: int) -> Mapping[ListRole, int]:
    """The raw size that each list should have by now: before the first job of a plan, and what its steps changed since."""
    first = fetch_one(
        connection, "select sizes_before from mailjet_job where plan_id = :plan order by job_id limit 1", plan=plan_id
    )
    found = fetch_all(
        connection,
        f"""
        select s.list_role, count(*) filter (where s.action = {_ADD}) - count(*) filter (where s.action = {_REMOVE}) as delta
        from change c join change_step s using (change_id)
        where c.plan_id = :plan and s.state = {_CONFIRMED} and s.list_role is not null
          and coalesce(s.note, '') not in {sql_list(*EXPLAIN_NO_SIZE)} group by s.list_role
        """,
        plan=plan_id,
    )
    deltas = {ListRole(row["list_role"]): int(row["delta"]) for row in found}
    before = first["sizes_before"] if first is not None else {}
    return {role: int(before[role.value]) + deltas.get(role, 0) for role in ListRole if role.value in before}


def next_revision(connection: Connection, campaign_id: int, kind: PlanKind, sweep: Sweep) -> int:
    """The number of the next plan of this kind after a campaign."""
    return int(
        fetch_scalar(
            connection,
            "select coalesce(max(revision), 0) + 1 from plan where campaign_id = :c and kind = :k and sweep = :s",
            c=campaign_id,
            k=kind,
            s=sweep,
        )
    )


def compensate(connection: Connection, plan_id: int, now: datetime) -> int:
    """The steps that a correction took back are compensated, where all of its own steps are settled well."""
    return execute(
        connection,
        f"""
        update change_step o set state = :compensated, changed_at = :now
        from change c
        where c.plan_id = :plan and o.change_id = c.reverses_change_id
          and o.state in {left_for(STEP_LIFE, StepState.COMPENSATED)}
          and not exists (select 1 from change_step s where s.change_id = c.change_id
                          and s.state not in ({_CONFIRMED}, {_SKIPPED}) offset 0)
          and exists (select 1 from change_step s where s.change_id = c.change_id and s.state = {_CONFIRMED} offset 0)
        """,
        plan=plan_id,
        compensated=StepState.COMPENSATED,
        now=now,
    )


def mark_reinstated(connection: Connection, plan_id: int, by: str, now: datetime) -> int:
    """The history says who took a suppression back, and when; its row stays."""
    return execute(
        connection,
        f"""
        update contact_suppression_history h set reinstated_at = :now, reinstated_by = :by
        from change c
        where c.plan_id = :plan and h.change_id = c.reverses_change_id and h.reinstated_at is null
          and exists (select 1 from change_step s where s.change_id = h.change_id and s.state = {_COMPENSATED} offset 0)
        """,
        plan=plan_id,
        by=by,
        now=now,
    )


def reinstated_since(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, datetime]:
    """When each contact was last reinstated: what happened before then is no evidence any more. An undo that was taken back
    protects nobody."""
    found = fetch_all(
        connection,
        f"""select contact_id, max(reinstated_at) as at from contact_suppression_history h
           where contact_id = any(:ids) and reinstated_at is not null and not exists (
               select 1 from change u join change_step s using (change_id)
               where u.reverses_change_id = h.change_id and s.state = {_COMPENSATED})
           group by contact_id""",
        ids=list(contact_ids),
    )
    return {int(row["contact_id"]): row["at"] for row in found}


def waiting_corrections(connection: Connection, kinds: Collection[PlanKind] = CORRECTIONS) -> tuple[int, ...]:
    """Corrections that were let through and are not carried out to the end, oldest first."""
    found = fetch_all(
        connection,
        f"""select plan_id from plan where kind = any(:kinds) and status = {_APPROVED} and executed_at is null
           order by plan_id""",
        kinds=[kind.value for kind in kinds],
    )
    return tuple(int(row["plan_id"]) for row in found)


def waiting_corrections_of(connection: Connection, campaign_id: int, sweep: Sweep, *kinds: PlanKind) -> tuple[int, ...]:
    """The corrections of one maintenance and of some kinds that wait or died midway, oldest first."""
    found = fetch_all(
        connection,
        f"""select plan_id from plan where campaign_id = :campaign and sweep = :sweep and kind = any(:kinds)
             and status = {_APPROVED} and executed_at is null order by plan_id""",
        campaign=campaign_id,
        sweep=sweep,
        kinds=[kind.value for kind in kinds],
    )
    return tuple(int(row["plan_id"]) for row in found)


def contact_ids_of(connection: Connection, address: str) -> tuple[int, ...]:
    """The contacts with an address in any spelling that counts as the same, newest first; anonymised ones left out."""
    found = fetch_all(
        connection,
        """select contact_id from contact_list_membership
           where address_key = address_key(cast(:email as text)) and not is_anonymised order by contact_id desc""",
        email=address,
    )
    return tuple(int(row["contact_id"]) for row in found)
