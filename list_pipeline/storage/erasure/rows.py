"""The statements that take a person out of every table: the rows stay, under the pseudonym.

Belongs here: the renaming of ids and the rewriting of texts, whatever tables there are. Does not belong here: which columns
there are (``catalogue``), and the record of it (``records``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.erasure import ERASED, KeptOff, Person, TableErasure, kept_off
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.observations import RowKind
from list_pipeline.core.wording import count_text
from list_pipeline.storage.database import SCHEMA, execute, fetch_all, fetch_one, fetch_scalar, sql_word, to_json
from list_pipeline.storage.erasure.catalogue import Column, Search, by_table, columns, names, rows_naming, search
from list_pipeline.storage.quarantine import is_excluded_for_good


class ErasureIncompleteError(ListPipelineError):
    """The search after an erasure still found the person. Nothing was written."""


def note_erased(connection: Connection, contact_id: int, pseudonym: int, now: datetime) -> tuple[KeptOff, ...]:
    """Remember that somebody is erased, and why they are to stay off the campaign lists. Called before the erasure."""
    row = fetch_one(
        connection,
        f"""
        select m.address_key, m.in_suppression_list or exists (
                   select 1 from contact_suppression_history h where h.contact_id = m.contact_id
                     and h.added_to_suppression_list and h.reinstated_at is null) as suppressed,
               m.is_complaining as complained,
               m.is_unsubscribed or exists (select 1 from kept_unsubscription k where k.contact_id = m.contact_id
                                            and k.taken_back_at is null) as unsubscribed,
               {is_excluded_for_good("m")} as excluded, m.hard_bounce_count > 0 as hard_bounced
        from contact_list_membership m where m.contact_id = :contact
        """,
        contact=contact_id,
    )
    because = kept_off(**{name: bool(row[name]) for name in row if name != "address_key"}) if row is not None else ()
    execute(
        connection,
        """
        insert into erased_person as e (pseudonym, address_key, kept_off_because, erased_at)
        values (:pseudonym, :key, :because, :now)
        on conflict (pseudonym) do update set address_key = coalesce(excluded.address_key, e.address_key),
               erased_at = excluded.erased_at, kept_off_because = array(
                   select distinct unnest(e.kept_off_because || excluded.kept_off_because) order by 1)
        """,
        pseudonym=pseudonym,
        key=row["address_key"] if row is not None else None,
        because=[one.value for one in because],
        now=now,
    )
    if KeptOff.UNSUBSCRIBED in because:
        execute(
            connection,
            """
            insert into kept_unsubscription (contact_id, list_role, unsubscribed_at, kept_at)
            select contact_id, list_role, null, :now from list_membership
            where contact_id = :contact and is_unsubscribed order by list_role limit 1
            on conflict (contact_id) do nothing
            """,
            contact=contact_id,
            now=now,
        )
    return because


def erase(connection: Connection, person: Person, now: datetime) -> tuple[tuple[TableErasure, ...], Search]:
    """Take a person out of every table: the rows stay, under the pseudonym. Returns what became of them, and the final search.

    Args:
        connection: a transaction. Committed, the person is erased everywhere or nowhere.

    Raises:
        ErasureIncompleteError: the search found the person all the same.
    """
    before = search(connection, person).rows
    removed: Counter[str] = Counter()
    if person.contact_id is not None:
        removed["unreadable_row"] = _forget_unreadable(connection, person.contact_id)
        for column in _in_order(connection, person.pseudonym):
            removed[column.table] += _rename(connection, column, person.contact_id, person.pseudonym)
        _forget_places(connection, person.pseudonym, now)
    for its in by_table(connection).values():
        _rewrite(connection, person, its)
    left = search(connection, person)
    if left.rows:
        raise ErasureIncompleteError(
            f"Erasing contact {person.pseudonym}",
            "the search still found the person in "
            + ", ".join(f"{count_text(rows, 'row')} of {t}" for t, rows in left.rows.items()),
            "Nothing was written; report it with this text",
        )
    tables = tuple(TableErasure(t, rows, removed[t], rows - removed[t]) for t, rows in sorted(before.items()))
    return tables, left


def _forget_unreadable(connection: Connection, contact_id: int) -> int:
    """Rows of the contact that could not be read go, also those that are over: they hold Mailjet's ids, which have no
    pseudonym, and no count rests on them. Returns how many there were."""
    return execute(
        connection,
        f"""delete from unreadable_row
            where contact_id = :contact or kind = {sql_word(RowKind.CONTACT)} and row_id = :contact""",
        contact=contact_id,
    )


def _in_order(connection: Connection, pseudonym: int) -> list[Column]:
    """The columns of contacts' ids in the order of their renaming: the contact's own row first, which others refer to; last
    where it was erased before, since the row of then stays and this one goes."""
    is_twin = fetch_scalar(
        connection, "select exists (select 1 from contact_list_membership where contact_id = :id)", id=pseudonym
    )
    its = [one for one in columns(connection) if one.names_contacts and one.is_number]
    return sorted(its, key=lambda one: (one.table == "contact_list_membership") is bool(is_twin))


def _forget_places(connection: Connection, pseudonym: int, now: datetime) -> None:
    """The contact's row and its places lose everything but what past sends and counts rest on."""
    execute(
        connection,
        """update list_membership set left_at = coalesce(left_at, :now), recipient_id = :pseudonym, subscribed_at = null,
                  unsubscribed_at = null where contact_id = :pseudonym""",
        pseudonym=pseudonym,
        now=now,
    )
    execute(
        connection,
        """
        update contact_list_membership m set is_anonymised = true, email = 'erased' || contact_id || '@domain.invalid',
               address_key = coalesce(m.address_key, (select e.address_key from erased_person e
                                                      where e.pseudonym = m.contact_id)),
               in_master_list = false, in_campaign_list_1 = false, in_campaign_list_2 = false, in_campaign_list_3 = false,
               in_suppression_list = false, queued_at = :now, last_updated = :now
        where contact_id = :pseudonym
        """,
        pseudonym=pseudonym,
        now=now,
    )
    execute(
        connection,
        "update contact_suppression_history set email = :erased where contact_id = :pseudonym",
        pseudonym=pseudonym,
        erased=ERASED,
    )


def _rename(connection: Connection, column: Column, contact_id: int, pseudonym: int) -> int:
    """Put the pseudonym in the place of an id. Returns how many rows went, because one stood there under the pseudonym."""
    name, table = f'"{column.name}"', f'{SCHEMA}."{column.table}"'
    if column.kind == "numbers":
        execute(
            connection,
            f"update {table} set {name} = array_replace({name}, cast(:contact as bigint), cast(:pseudonym as bigint))"
            f" where :contact = any({name})",
            contact=contact_id,
            pseudonym=pseudonym,
        )
        return 0
    removed = 0
    for key in _unique_keys(connection, column):
        same = "".join(f' and o."{other}" is not distinct from r."{other}"' for other in key)
        removed += execute(
            connection,
            f"delete from {table} r where r.{name} = :contact"
            f" and exists (select 1 from {table} o where o.{name} = :pseudonym{same})",
            contact=contact_id,
            pseudonym=pseudonym,
        )
    execute(
        connection,
        f"update {table} set {name} = :pseudonym where {name} = :contact",
        contact=contact_id,
        pseudonym=pseudonym,
    )
    return removed


def _unique_keys(connection: Connection, column: Column) -> tuple[tuple[str, ...], ...]:
    """The other columns of each unique index that holds a column."""
    found = fetch_all(
        connection,
        """
        select array(select a.attname::text from unnest(i.indkey::int2[]) k join pg_attribute a
                     on a.attrelid = i.indrelid and a.attnum = k where a.attname <> :name) as others
        from pg_index i where i.indrelid = cast(:table as regclass) and i.indisunique and i.indexprs is null
          and exists (select 1 from pg_attribute a where a.attrelid = i.indrelid and a.attname = :name
                      and a.attnum = any(i.indkey::int2[]))
        """,
        name=column.name,
        table=f'{SCHEMA}."{column.table}"',
    )
    return tuple(tuple(map(str, row["others"])) for row in found)


def _rewrite(connection: Connection, person: Person, table: Sequence[Column]) -> None:
    """Take a person out of the texts and JSON of a table."""
    written = [column for column in table if not column.is_number]
    if not written:
        return
    for place, values in list(rows_naming(connection, person, written)):
        named = [column for column in written if names(person, column, values[column.name])]
        partition, row = place.split(" ")
        execute(
            connection,
            f'update {SCHEMA}."{table[0].table}" set '
            + ", ".join(f'"{column.name}" = {_CASTS[column.kind].format(n)}' for n, column in enumerate(named))
            # The same ``ctid`` is a row in each partition.
            + " where tableoid = cast(:partition as oid) and ctid = cast(:row as tid)",
            partition=partition,
            row=row,
            **{f"v{n}": _without(person, column, values[column.name]) for n, column in enumerate(named)},
        )


_CASTS: Mapping[str, str] = {
    "text": ":v{}",
    "texts": "cast(:v{} as text[])",
    "json": "cast(:v{} as jsonb)",
}


def _without(person: Person, column: Column, value: Any) -> Any:
    if column.kind == "json":
        return to_json(person.taken_out_of_json(value, column.name))
    if column.kind == "texts":
        return [person.taken_out_of(one) for one in value]
    return person.taken_out_of(value)
