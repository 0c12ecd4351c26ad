"""Mass changes and the edits that they are made of: what explains an edit, how many are left, and what became of it all.

Everything is counted in sets over the edits of a day and the contacts of what is open, never over a whole list.

Belongs here: the rows of ``mass_change`` and ``list_edit`` once a sync wrote them. Does not belong here: how much is ordinary
(``core.drift.mass_changes``), and writing edits down (``storage.membership.list_edits``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.drift.mass_changes import (
    MASS_CHANGE_LIFE,
    UNDOES,
    Counts,
    ListEdit,
    MassChangeFigures,
    MassChangeKind,
    MassChangeStatus,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import UNDER_WAY, StepAction, StepState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.questions import MASS_CHANGE, REVIEW_LIFE, ReviewKind, ReviewStatus
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_scalar,
    left_for,
    require_all,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.membership.members import LIST_FLAG

_OPEN = sql_word(MassChangeStatus.OPEN)
_PLACE = sql_list(ListEdit.LEFT, ListEdit.CAME)
_SUBSCRIPTION = sql_list(ListEdit.UNSUBSCRIBED, ListEdit.SUBSCRIBED)

_STEP_OF = {
    ListEdit.LEFT: (StepAction.REMOVE, (StepAction.ADD, StepAction.REMOVE)),
    ListEdit.CAME: (StepAction.ADD, (StepAction.ADD, StepAction.REMOVE)),
    ListEdit.UNSUBSCRIBED: (StepAction.UNSUB, (StepAction.UNSUB,)),
    ListEdit.EXCLUDED: (StepAction.EXCLUDE, (StepAction.EXCLUDE, StepAction.INCLUDE)),
    ListEdit.INCLUDED: (StepAction.INCLUDE, (StepAction.EXCLUDE, StepAction.INCLUDE)),
}
"""The step of the journal that an edit is the effect of, and the steps of which it has to be the latest."""

_OURS = "false" + "".join(
    f"""
    or e.edit = {sql_word(edit)} and {sql_word(step)} = (
        select s.action from change c join change_step s using (change_id)
        where c.contact_id = e.contact_id and s.list_role is not distinct from e.list_role and s.action in {sql_list(*among)}
          and (s.state in {sql_list(*UNDER_WAY)}
               or s.state = {sql_word(StepState.PLANNED)} and (s.attempts > 0 or s.note is not null)
               or s.state in {sql_list(StepState.CONFIRMED, StepState.FAILED)}
                  and s.changed_at > e.seen_at - interval '24 hours')
        order by s.changed_at desc, s.change_id desc, s.ordinal desc limit 1)"""
    for edit, (step, among) in _STEP_OF.items()
)
"""Whether the edit ``e`` is the effect of a step of ours: one that is under way, that a lost job may have done, or that was
settled lately. The latest step counts: whom we put on a list today, somebody else took off it."""

_KIND_OF_EDIT = "".join(
    f" when {sql_word(kind)} then {sql_word(kind.edit)}" for kind in MassChangeKind if kind.edit is not None
)
_EDIT = f"case m.kind{_KIND_OF_EDIT} end"
"""The edit that a sync sees of each contact of the mass change ``m``."""

_UNDOES_IT = " or ".join(f"e.edit = {sql_word(edit)} and {_EDIT} = {sql_word(UNDOES[edit])}" for edit in ListEdit)

_STILL = f"""
    case {{edit}}
        when {sql_word(ListEdit.LEFT)} then l.left_at is not null
        when {sql_word(ListEdit.CAME)} then l.left_at is null
        when {sql_word(ListEdit.UNSUBSCRIBED)} then l.left_at is null and l.is_unsubscribed
        when {sql_word(ListEdit.SUBSCRIBED)} then l.left_at is null and not l.is_unsubscribed
        when {sql_word(ListEdit.EXCLUDED)} then l.left_at is null and c.is_excluded
        when {sql_word(ListEdit.INCLUDED)} then l.left_at is null and not c.is_excluded
    end"""
"""Whether the place ``l`` of the contact ``c`` is still as the edit left it."""

_ON_NO_LIST = "not (" + " or ".join(f"c.{flag}" for flag in LIST_FLAG.values()) + ")"

_CHANGED = f"""
    with recent as (
        select contact_id, list_role, (array_agg(edit order by edit_id))[1] as first_edit,
               (array_agg(edit order by edit_id desc))[1] as edit
        from list_edit where seen_at > :since and not is_explained and mass_change_id is null
        group by contact_id, list_role,
                 case when edit in {_PLACE} then 1 when edit in {_SUBSCRIPTION} then 2 else 3 end),
    changed as (
        select r.contact_id, l.list_role,
               case when r.edit = {sql_word(ListEdit.LEFT)} and {_ON_NO_LIST} then {sql_word(MassChangeKind.GONE)}
                    else r.edit end as kind
        from recent r
        join list_membership l on l.contact_id = r.contact_id and l.list_role = coalesce(r.list_role, l.list_role)
        join contact_list_membership c on c.contact_id = r.contact_id
        where r.edit = r.first_edit and (r.list_role is not null or l.list_role <> {sql_word(ListRole.SUPPRESSION)})
          and {_STILL.format(edit="r.edit")})
"""
"""Contacts that others changed since ``:since``, by list and kind, that belong to no mass change yet. Who was changed and
changed back is none of them. Who is suppressed is excluded by right, so that is none of the suppression list's."""


@dataclass(frozen=True, slots=True)
class MassChange:
    """A mass change as it stands. ``remaining``: of its contacts, those that are still as it left them."""

    mass_change_id: int
    matter: int
    figures: MassChangeFigures
    found_at: datetime
    status: MassChangeStatus
    remaining: int
    closed_at: datetime | None
    closed_by: str | None
    note: str | None
    repair_plan_id: int | None
    is_repaired: bool
    """Its repair was carried out."""


# Judging


def is_quiet(connection: Connection) -> bool:
    """Nothing came or went that nobody looked at, and no mass change is open."""
    return not fetch_scalar(
        connection,
        f"""select exists (select from list_edit where is_explained is null)
                or exists (select from mass_change where status = {_OPEN})""",
    )


def explain(connection: Connection, *, all_of_it: bool) -> None:
    """Say of each edit just seen whether it is explained: by our journal, or because it takes an open mass change back.

    Args:
        all_of_it: people are asked about these edits anyway.
    """
    execute(
        connection,
        f"""
        update list_edit e set is_explained = :all_of_it or coalesce({_OURS}, false) or exists (
            select from mass_change m join mass_change_contact n using (mass_change_id)
            where m.status = {_OPEN} and n.contact_id = e.contact_id
              and m.list_role = coalesce(e.list_role, m.list_role) and ({_UNDOES_IT}))
        where is_explained is null
        """,
        all_of_it=all_of_it,
    )


def counts(connection: Connection, since: datetime) -> Counts:
    """Contacts that others changed since an instant (UTC), by list and kind, those of known mass changes left out."""
    found = fetch_all(
        connection,
        _CHANGED + "select list_role, kind, count(*) as n from changed group by list_role, kind",
        since=since,
    )
    return {(ListRole(row["list_role"]), MassChangeKind(row["kind"])): int(row["n"]) for row in found}


def by_day(
    connection: Connection, role: ListRole, kind: MassChangeKind, since: datetime, until: datetime
) -> tuple[int, ...]:
    """Contacts that others changed on each day on which they did, in some order. What was repaired, taken back or is not
    decided was not usual, and is left out."""
    found = fetch_all(
        connection,
        f"""
        select count(distinct e.contact_id) as n
        from list_edit e left join mass_change m using (mass_change_id)
        where e.seen_at > :since and e.seen_at <= :until and not e.is_explained and e.edit = :edit
          and (m.status is null or m.status = {sql_word(MassChangeStatus.ACCEPTED)})
          and (e.list_role = :role or e.list_role is null and exists (
              select from list_membership l
              where l.contact_id = e.contact_id and l.list_role = :role and l.left_at is null))
        group by (e.seen_at at time zone 'UTC')::date
        """,
        since=since,
        until=until,
        edit=kind.edit,
        role=role.value,
    )
    return tuple(int(row["n"]) for row in found)


def add_to_open(connection: Connection, since: datetime, now: datetime) -> None:
    """What goes on of an open mass change belongs to it: people are asked once."""
    execute(
        connection,
        f"""
        {_CHANGED}
        insert into mass_change_contact (mass_change_id, contact_id)
        select m.mass_change_id, d.contact_id from changed d join mass_change m using (list_role, kind)
        where m.status = {_OPEN} on conflict do nothing
        """,
        since=since,
    )
    _assign(connection, since, now)


def save(connection: Connection, found: Sequence[MassChangeFigures], since: datetime, now: datetime) -> int:
    """Write mass changes down that one look found, with their contacts. Returns the number of the matter."""
    matter = 0
    for one in found:
        number = int(
            fetch_scalar(
                connection,
                """
                insert into mass_change (matter, list_role, kind, found_at, seen_at, contacts, size_before, ordinary, usual)
                values (greatest(:matter, 1), :role, :kind, :now, :now, :contacts, :size_before, :ordinary, :usual)
                returning mass_change_id
                """,
                matter=matter,
                role=one.role.value,
                kind=one.kind.value,
                now=now,
                contacts=one.contacts,
                size_before=one.size_before,
                ordinary=one.ordinary,
                usual=one.usual,
            )
        )
        if not matter:
            matter = number
            execute(connection, "update mass_change set matter = mass_change_id where mass_change_id = :id", id=number)
    add_to_open(connection, since, now)
    return matter


def _assign(connection: Connection, since: datetime, now: datetime) -> None:
    execute(
        connection,
        f"""
        update list_edit e set mass_change_id = m.mass_change_id
        from mass_change m join mass_change_contact n using (mass_change_id)
        where m.status = {_OPEN} and n.contact_id = e.contact_id and e.mass_change_id is null and not e.is_explained
          and e.seen_at > :since and e.list_role is not distinct from
              case when e.list_role is null then null else m.list_role end
          and e.edit = {_EDIT}
        """,
        since=since,
    )
    execute(
        connection,
        f"""
        update mass_change m set contacts = n.contacts, seen_at = :now
        from (select mass_change_id, count(*) as contacts from mass_change_contact group by mass_change_id) n
        where n.mass_change_id = m.mass_change_id and m.status = {_OPEN} and n.contacts > m.contacts
        """,
        now=now,
    )


def forget(connection: Connection, before: datetime) -> None:
    """Forget what was seen of single contacts before an instant (UTC), those of open mass changes left alone."""
    open_ones = f"select mass_change_id from mass_change where status = {_OPEN}"
    execute(
        connection,
        f"""delete from list_edit
            where seen_at < :before and (mass_change_id is null or mass_change_id not in ({open_ones}))""",
        before=before,
    )
    execute(
        connection,
        f"""delete from mass_change_contact n using mass_change m
            where m.mass_change_id = n.mass_change_id and m.status <> {_OPEN} and m.closed_at < :before""",
        before=before,
    )


# What became of it


def mass_changes(connection: Connection, *, since: datetime) -> tuple[MassChange, ...]:
    """Those that are open, and those found or closed since an instant (UTC), oldest first."""
    found = fetch_all(
        connection,
        f"""
        select m.*, coalesce(p.status = {sql_word(PlanStatus.EXECUTED)}, false) as is_repaired, (
            select count(*) from mass_change_contact n
            join contact_list_membership c using (contact_id)
            join list_membership l on l.contact_id = n.contact_id and l.list_role = m.list_role
            where n.mass_change_id = m.mass_change_id and {_STILL.format(edit=_EDIT)}) as remaining
        from mass_change m left join plan p on p.plan_id = m.repair_plan_id
        where m.status = {_OPEN} or m.found_at >= :since or m.closed_at >= :since order by m.mass_change_id
        """,
        since=since,
    )
    return tuple(_mass_change(row) for row in found)


def _mass_change(row: RowMapping) -> MassChange:
    return MassChange(
        mass_change_id=int(row["mass_change_id"]),
        matter=int(row["matter"]),
        figures=MassChangeFigures(
            ListRole(row["list_role"]),
            MassChangeKind(row["kind"]),
            int(row["contacts"]),
            int(row["size_before"]),
            int(row["ordinary"]),
            int(row["usual"]),
        ),
        found_at=row["found_at"],
        status=MassChangeStatus(row["status"]),
        remaining=int(row["remaining"]),
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        note=row["note"],
        repair_plan_id=row["repair_plan_id"],
        is_repaired=bool(row["is_repaired"]),
    )


def close(
    connection: Connection,
    mass_change_ids: Collection[int],
    status: MassChangeStatus,
    by: str,
    note: str | None,
    now: datetime,
) -> None:
    """Close mass changes that are open.

    Raises:
        StateChangedError: somebody else closed one of them in between.
    """
    touched = execute(
        connection,
        f"""update mass_change set status = :status, closed_at = :now, closed_by = :by, note = :note
            where mass_change_id = any(:ids) and status in {left_for(MASS_CHANGE_LIFE, status)}""",
        ids=sorted(mass_change_ids),
        status=status,
        by=by,
        note=note,
        now=now,
    )
    require_all(touched, len(mass_change_ids), f"Making mass changes {status.value}")


def open_lists(connection: Connection) -> frozenset[ListRole]:
    """The lists with a mass change on which nobody has decided."""
    found = fetch_all(connection, f"select distinct list_role from mass_change where status = {_OPEN}")
    return frozenset(ListRole(row["list_role"]) for row in found)


def open_since(connection: Connection) -> Mapping[ListRole, datetime]:
    """The lists with a mass change on which nobody has decided, each with when the first one was found (UTC)."""
    found = fetch_all(
        connection,
        f"select list_role, min(found_at) as since from mass_change where status = {_OPEN} group by list_role",
    )
    return {ListRole(row["list_role"]): row["since"] for row in found}


def contacts_of(connection: Connection, mass_change_id: int) -> tuple[int, ...]:
    """The contacts of a mass change, by id."""
    found = fetch_all(
        connection,
        "select contact_id from mass_change_contact where mass_change_id = :id order by contact_id",
        id=mass_change_id,
    )
    return tuple(int(row["contact_id"]) for row in found)


def repaired_by(connection: Connection, mass_change_ids: Collection[int], plan_id: int) -> None:
    """Note the plan that puts the contacts of open mass changes back."""
    touched = execute(
        connection,
        f"""update mass_change set repair_plan_id = :plan where mass_change_id = any(:ids) and status = {_OPEN}""",
        ids=sorted(mass_change_ids),
        plan=plan_id,
    )
    require_all(touched, len(mass_change_ids), "Noting the repair of mass changes")


# The question to people


def ask(connection: Connection, matter: int, summary: str, now: datetime) -> None:
    """Ask people about a matter, once."""
    execute(
        connection,
        """
        insert into review_item (kind, summary, details, created_at)
        values (:kind, :summary, cast(:details as jsonb), :now)
        """,
        kind=ReviewKind.FINDING,
        summary=summary,
        details=to_json({"about": MASS_CHANGE, "mass_change": matter}),
        now=now,
    )


def close_question(
    connection: Connection, matter: int, status: ReviewStatus, by: str, note: str | None, now: datetime
) -> None:
    """Nothing of a matter is open any more, and neither is its question."""
    execute(
        connection,
        f"""
        update review_item set status = :status, decided_at = :now, decided_by = :by, note = :note
        where details ->> 'mass_change' = :matter and status in {left_for(REVIEW_LIFE, status, ReviewStatus.OPEN)}
        """,
        matter=str(matter),
        status=status,
        by=by,
        note=note,
        now=now,
    )


def asked_as_mass_change(connection: Connection, contact_ids: Collection[int]) -> bool:
    """Whether all these contacts belong to mass changes that are open: people are asked about them already."""
    found = fetch_scalar(
        connection,
        f"""select count(distinct n.contact_id) from mass_change m join mass_change_contact n using (mass_change_id)
            where m.status = {_OPEN} and n.contact_id = any(:ids)""",
        ids=list(contact_ids),
    )
    return bool(contact_ids) and int(found) == len(set(contact_ids))
