"""Which columns can name a person, as the catalogue has them now, and the search of all of them.

Does not belong here: what names a person within a value (``core.erasure``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.erasure import Person
from list_pipeline.storage.database import SCHEMA, fetch_all

OTHER_NUMBERS = frozenset(
    {
        "recipient_id", "list_id", "mailjet_list_id", "mailjet_campaign_id", "mailjet_draft_id", "mailjet_job_id",
        "row_id", "state_id", "size_bytes", "fence", "pseudonym", "execution_time_ms", "duration_ms", "waited_ms",
        "plan_ids",
    }
)  # fmt: skip
"""Whole numbers that are ids of something else or no ids at all; a number of any other name is searched."""

OTHER_ADDRESSES = frozenset({"campaign_schedule.sender_email"})
"""Addresses that are nobody's of the lists: the one that campaigns are sent from."""

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("text", "varchar", "bpchar", "name"), "text"),
    **dict.fromkeys(("json", "jsonb"), "json"),
    **dict.fromkeys(("_text", "_varchar"), "texts"),
    **dict.fromkeys(("int4", "int8", "numeric"), "number"),
    **dict.fromkeys(("_int4", "_int8"), "numbers"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can name a person. ``kind``: ``text``, ``json``, ``texts``, ``number`` or ``numbers``."""

    table: str
    name: str
    kind: str

    @property
    def names_contacts(self) -> bool:
        """Whether its numbers are ids of contacts."""
        return "contact_id" in self.name

    @property
    def is_number(self) -> bool:
        """Whether it holds whole numbers."""
        return self.kind in ("number", "numbers")


def columns(connection: Connection) -> tuple[Column, ...]:
    """Every column that can name a person, by table, as the catalogue has them now; a table added later is among them.
    The partitions of a table are searched and changed through it.

    Left out are numbers that the database gives itself and references to them, and what is known to be something else.
    """
    found = fetch_all(
        connection,
        """
        select c.relname as table, a.attname as name, t.typname as type, a.attidentity <> '' as is_identity,
               exists (select 1 from pg_constraint f where f.contype = 'f' and f.conrelid = c.oid
                         and a.attnum = any(f.conkey) and f.confrelid <> cast(:members as regclass)) as is_reference
        from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
        where c.relnamespace = cast(:schema as regnamespace) and c.relkind in ('r', 'p')
          and not c.relispartition and a.attnum > 0 and not a.attisdropped
        order by c.relname, a.attnum
        """,
        schema=SCHEMA,
        members=f"{SCHEMA}.contact_list_membership",
    )
    return tuple(
        Column(str(row["table"]), str(row["name"]), _KINDS[row["type"]]) for row in found if _can_name_a_person(row)
    )


def _can_name_a_person(row: RowMapping) -> bool:
    kind = _KINDS.get(row["type"])
    if kind is None or f"{row['table']}.{row['name']}" in OTHER_ADDRESSES:
        return False
    is_other = row["is_identity"] or row["is_reference"] or row["name"] in OTHER_NUMBERS
    return "contact_id" in row["name"] or not (kind in ("number", "numbers") and is_other)


def by_table(connection: Connection) -> dict[str, list[Column]]:
    """The columns that can name a person, by table."""
    tables: dict[str, list[Column]] = {}
    for column in columns(connection):
        tables.setdefault(column.table, []).append(column)
    return tables


def rows_naming(
    connection: Connection, person: Person, table: Sequence[Column]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a table that name a person, each with its place (partition and ``ctid``) and its columns.

    The statement finds a few too many, by parts of the address; each value is judged by itself.

    Args:
        table: the columns of one table.
    """
    for row in fetch_all(connection, _candidates(table), **_needles(person)):
        values = {column.name: row[column.name] for column in table}
        if any(names(person, column, values[column.name]) for column in table):
            yield str(row["place"]), values


def _candidates(table: Sequence[Column]) -> str:
    texts = [f'r."{column.name}"::text' for column in table if not column.is_number]
    contact = "cast(:contact as bigint)"
    numbers = [f'r."{column.name}" = {contact}' for column in table if column.kind == "number"]
    numbers += [f'{contact} = any(r."{column.name}")' for column in table if column.kind == "numbers"]
    conditions = list(numbers)
    if texts:
        conditions.append(
            """(cast(:local as text) <> '' and strpos(w.words, lower(:local)) > 0 and strpos(w.words, lower(:domain)) > 0
                or cast(:digits as text) <> '' and strpos(w.words, :digits) > 0)"""
        )
    names = ", ".join(f'r."{column.name}"' for column in table)
    words = f"lower(concat_ws(' ', {', '.join(texts)}))" if texts else "''"
    return f"""
        select r.tableoid::text || ' ' || r.ctid::text as place, {names} from {SCHEMA}."{table[0].table}" r
        cross join lateral (select {words} as words) w where {" or ".join(conditions)}
    """


def _needles(person: Person) -> Mapping[str, Any]:
    local, domain = person.parts
    # Within JSON a quote and a backslash stand escaped: then the part without them has to do.
    parts = [part for part in local.replace("\\", '"').split('"') if part]
    digits = "" if person.contact_id is None else str(person.contact_id)
    return {"local": max(parts, key=len, default=""), "domain": domain, "contact": person.contact_id, "digits": digits}


def names(person: Person, column: Column, value: Any) -> bool:
    """Whether a value of a column names a person."""
    if value is None:
        return False
    if column.kind == "number":
        return person.is_number(int(value), of_contact=column.names_contacts)
    if column.kind == "numbers":
        return any(person.is_number(int(one), of_contact=column.names_contacts) for one in value)
    if column.kind == "texts":
        return any(person.is_in(str(one)) for one in value)
    if column.kind == "json":
        return person.is_in_json(value, column.name)
    return person.is_in(str(value))


@dataclass(frozen=True, slots=True)
class Search:
    """What a search of everything found: rows by table, and how much was searched."""

    rows: Mapping[str, int]
    tables: int
    columns: int


def search(connection: Connection, person: Person) -> Search:
    """Look for a person in every column of every table."""
    tables = by_table(connection)
    found = {table: sum(1 for _ in rows_naming(connection, person, its)) for table, its in tables.items()}
    return Search({table: rows for table, rows in found.items() if rows}, len(tables), sum(map(len, tables.values())))
