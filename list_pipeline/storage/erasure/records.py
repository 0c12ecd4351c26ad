"""Who is erased, who is to be, and the record of each erasure.

Does not belong here: the erasing (``rows``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.erasure import DELETION_LIFE, UNCONFIRMED, DeletionState, ErasureReport, Person
from list_pipeline.core.plans.journal import UNDER_WAY, UNSETTLED, StepNote, StepState
from list_pipeline.storage.database import (
    SCHEMA,
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    left_for,
    require_one,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.erasure.catalogue import columns

_BEGUN = f"""
    select s.change_id from change_step s
    where s.state in {sql_list(StepState.CONFIRMED, *UNDER_WAY)}
       or s.state = {sql_word(StepState.PLANNED)} and s.note = {sql_word(StepNote.ANSWER_LOST)}
"""
"""Changes of which something was done, or may have been."""


def person_of(connection: Connection, contact_id: int) -> Person | None:
    """A contact that we have a row of or are to erase, with its address as far as it is known; None: nothing is known."""
    row = fetch_one(
        connection,
        """
        select contact_pseudonym(:contact) as pseudonym, coalesce(d.address, case when not m.is_anonymised then m.email end)
               as address
        from (select cast(:contact as bigint) as contact_id) c
        left join contact_list_membership m using (contact_id) left join erasure_due d using (contact_id)
        where m.contact_id is not null or d.contact_id is not null
        """,
        contact=contact_id,
    )
    return Person(contact_id, int(row["pseudonym"]), row["address"]) if row is not None else None


def sharing(connection: Connection, person: Person) -> tuple[int, ...]:
    """Other contacts with the person's address that are not erased: Mailjet gives an address a new id when it comes back."""
    found = fetch_all(
        connection,
        """
        select contact_id from contact_list_membership
        where address_key = address_key(cast(:address as text)) and not is_anonymised
          and contact_id is distinct from cast(:contact as bigint) order by contact_id
        """,
        address=person.address,
        contact=person.contact_id,
    )
    return tuple(int(row["contact_id"]) for row in found)


def pseudonym_of(connection: Connection, contact_id: int) -> int:
    """The number that takes the place of an id."""
    return int(fetch_scalar(connection, "select contact_pseudonym(:contact)", contact=contact_id))


def erased_at(connection: Connection, *, pseudonym: int | None = None, address: str | None = None) -> datetime | None:
    """When a person was last erased (UTC), known by the number or by the address; None: never."""
    found: datetime | None = fetch_scalar(
        connection,
        """select max(erased_at) from erased_person
           where pseudonym = :pseudonym or address_key = address_key(cast(:address as text))""",
        pseudonym=pseudonym,
        address=address,
    )
    return found


def half_done_in(connection: Connection, contact_id: int) -> tuple[int, ...]:
    """The plans with a change of the contact of which something was done, or may have been, and something is still to do."""
    found = fetch_all(
        connection,
        f"""
        select distinct c.plan_id from change c join change_step s using (change_id)
        where c.contact_id = :contact and s.state in {sql_list(*UNSETTLED)} and s.change_id in ({_BEGUN}) order by c.plan_id
        """,
        contact=contact_id,
    )
    return tuple(int(row["plan_id"]) for row in found)


def waiting_plans(connection: Connection, contact_id: int) -> tuple[int, ...]:
    """The plans that wait for a decision or to be carried out, with an item of the contact."""
    found = fetch_all(
        connection,
        "select distinct plan_id from contact_waiting where contact_id = :contact order by plan_id",
        contact=contact_id,
    )
    return tuple(int(row["plan_id"]) for row in found)


def settle_due(connection: Connection, contact_id: int, *, whole: bool) -> None:
    """An erasure that was seen at Mailjet is done. ``whole``: the id too; else it waits, without the address."""
    if whole:
        execute(connection, "delete from erasure_due where contact_id = :contact", contact=contact_id)
    else:
        execute(connection, "update erasure_due set address = null where contact_id = :contact", contact=contact_id)


def due(connection: Connection, limit: int) -> tuple[tuple[int, bool, bool], ...]:
    """Contacts that Mailjet shows as erased: id, whether an address is still to go, and whether the id may go.

    The id stays while Mailjet shows the contact on a list, so that its size is explained, and while a change of it is half
    done.
    Those of which nothing can be done now are left out.
    """
    found = fetch_all(
        connection,
        f"""
        select * from (
            select d.contact_id, d.address is not null as has_address,
                   not exists (select 1 from list_membership l where l.contact_id = d.contact_id and l.left_at is null)
                   and not exists (select 1 from change c join change_step s using (change_id)
                                   where c.contact_id = d.contact_id and s.state in {sql_list(*UNSETTLED)}
                                     and s.change_id in ({_BEGUN})) as is_free
            from erasure_due d) x
        where has_address or is_free order by contact_id limit :limit
        """,
        limit=limit,
    )
    return tuple((int(row["contact_id"]), bool(row["has_address"]), bool(row["is_free"])) for row in found)


def came_back(connection: Connection) -> tuple[int, ...]:
    """Ids of erased people that a reading of an older log wrote again, without a row of membership."""
    found: set[int] = set()
    for column in columns(connection):
        if column.kind == "number" and column.names_contacts:
            rows = fetch_all(
                connection,
                f"""
                select distinct r."{column.name}" as contact_id from {SCHEMA}."{column.table}" r
                where r."{column.name}" > 0 and exists (select 1 from erased_person)
                  and not exists (select 1 from contact_list_membership m where m.contact_id = r."{column.name}")
                  and contact_pseudonym(r."{column.name}") in (select pseudonym from erased_person)
                """,
            )
            found |= {int(row["contact_id"]) for row in rows}
    return tuple(sorted(found))


def begin(
    connection: Connection,
    contact_id: int,
    pseudonym: int,
    *,
    by: str | None,
    reason: str,
    state: DeletionState | None,
    now: datetime,
) -> tuple[int, DeletionState | None]:
    """Write down that somebody is to be erased; one that is under way is gone on with. Returns its number, and where the
    deletion at Mailjet is."""
    row = fetch_one(
        connection,
        """select erasure_id, state from erasure where pseudonym = :pseudonym and finished_at is null
           order by erasure_id desc limit 1""",
        pseudonym=pseudonym,
    )
    if row is not None:
        return int(row["erasure_id"]), DeletionState(row["state"]) if row["state"] else None
    number = fetch_scalar(
        connection,
        """
        insert into erasure (pseudonym, contact_id, requested_by, reason, requested_at, state)
        values (:pseudonym, :contact, :by, :reason, :now, :state) returning erasure_id
        """,
        pseudonym=pseudonym,
        contact=contact_id,
        by=by,
        reason=reason,
        now=now,
        state=state,
    )
    return int(number), state


def submitting(connection: Connection, erasure_id: int, fence: int) -> None:
    """Committed before Mailjet is asked for the deletion.

    Raises:
        StateChangedError: it is confirmed since.
    """
    touched = execute(
        connection,
        f"""update erasure set state = :state, attempts = attempts + 1, fence = :fence
            where erasure_id = :id and state in {sql_list(*UNCONFIRMED)}""",
        id=erasure_id,
        state=DeletionState.SUBMITTING,
        fence=fence,
    )
    require_one(touched, f"Submitting the deletion of erasure {erasure_id}")


def settle(connection: Connection, erasure_id: int, state: DeletionState, note: str | None) -> None:
    """The deletion is ``confirmed`` by reading back, or ``failed`` with the failure.

    Raises:
        StateChangedError: somebody else settled it.
    """
    touched = execute(
        connection,
        f"""update erasure set state = :state, note = :note
            where erasure_id = :id and state in {left_for(DELETION_LIFE, state)}""",
        id=erasure_id,
        state=state,
        note=note,
    )
    require_one(touched, f"Making the deletion of erasure {erasure_id} {state.value}")


def finish(connection: Connection, erasure_id: int, now: datetime) -> None:
    """The record forgets the id. Called before the final search, which searches the record too."""
    execute(
        connection,
        "update erasure set contact_id = null, finished_at = :now where erasure_id = :id",
        id=erasure_id,
        now=now,
    )


def save_report(connection: Connection, erasure_id: int, report: ErasureReport) -> None:
    """Keep an erasure's report: numbers, names of tables, and the pseudonym."""
    execute(
        connection,
        "update erasure set report = cast(:report as jsonb) where erasure_id = :id",
        id=erasure_id,
        report=to_json(report.as_json()),
    )
