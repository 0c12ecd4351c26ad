"""The first reading of the lists into empty tables: COPY straight into them, and each row written once.

Entries of lists come first. So when contacts come, their flags and their place in the queue are known and stand in the row that
is inserted. Whatever of it is not as nearly everything is goes the ordinary way (``sync``), with the same result: an entry
that we know, a row that cannot be read, a contact that somebody else inserted meanwhile.

Belongs here: statements of that reading. Does not belong here: what is read next (``operations.membership.list_reading``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import ContactSeen, RecipientSeen
from list_pipeline.storage.database import COPIED_NULL, copied_text, copy_lines, execute, fetch_all, fetch_scalar
from list_pipeline.storage.membership.members import LIST_FLAG, derived_flags
from list_pipeline.storage.membership.sync import FIRST_SUBSCRIPTION, USUAL_KEY


class EntriesKnownError(Exception):
    """One of the entries is of a contact whose place in the list we know: none of them was written."""


def add_entries(connection: Connection, role: ListRole, entries: Sequence[RecipientSeen], now: datetime) -> int:
    """Write entries of a list that we do not know, all of which can be read, and return how many. In a transaction.

    Raises:
        EntriesKnownError: some of them we do know, or a contact has two. Take the transaction back.
    """
    try:
        return copy_lines(
            connection,
            "list_membership",
            (
                "list_role", "contact_id", "recipient_id", "is_unsubscribed", "subscribed_at", "unsubscribed_at",
                "first_seen_at",
            ),
            _entry_lines(role, entries, now),
        )  # fmt: skip
    except UniqueViolation:
        raise EntriesKnownError from None


def _entry_lines(role: ListRole, entries: Sequence[RecipientSeen], now: datetime) -> Iterator[str]:
    first, last = f"{role.value}\t", f"\t{now.isoformat()}\n"
    for one in entries:
        yield (
            f"{first}{one.contact_id}\t{one.recipient_id}\t{'t' if one.is_unsubscribed else 'f'}\t"
            f"{one.subscribed_at or COPIED_NULL}\t{one.unsubscribed_at or COPIED_NULL}{last}"
        )


def add_contacts(connection: Connection, contacts: Sequence[ContactSeen], now: datetime) -> int:
    """Insert those of the contacts whom we do not know, with flags and place in the queue out of their entries.

    Args:
        contacts: each once, and all of them can be read.

    Returns:
        How many were inserted. The others go the ordinary way.
    """
    if not contacts:
        return 0
    execute(
        connection,
        """
        create temporary table if not exists contact_read (contact_id bigint not null, email text not null,
            is_excluded boolean not null, is_complaining boolean not null, is_anonymised boolean not null,
            created_at timestamptz, delivered_count integer) on commit delete rows
        """,
    )
    copy_lines(
        connection,
        "contact_read",
        (
            "contact_id", "email", "is_excluded", "is_complaining", "is_anonymised", "created_at", "delivered_count",
        ),
        _contact_lines(contacts),
    )  # fmt: skip
    execute(connection, "analyze contact_read")
    return execute(
        connection,
        f"""
        with derived as materialized (
            select c.contact_id, {derived_flags("l")}, coalesce(bool_or(l.is_unsubscribed), false) as is_unsubscribed,
                   {FIRST_SUBSCRIPTION} as first_at
            from contact_read c left join list_membership l
                 on l.contact_id = c.contact_id and l.contact_id between :lowest and :highest
            group by c.contact_id)
        insert into contact_list_membership (contact_id, email, is_excluded, is_complaining, is_anonymised, queued_at,
               last_updated, delivered_count, delivered_counted_at, address_key, {", ".join(LIST_FLAG.values())},
               is_unsubscribed)
        select c.contact_id, c.email, c.is_excluded, c.is_complaining, c.is_anonymised,
               coalesce(d.first_at, c.created_at, :now), :now,
               c.delivered_count, case when c.delivered_count is not null then cast(:now as timestamptz) end,
               case when not c.is_anonymised then {USUAL_KEY} end, {", ".join(LIST_FLAG.values())}, d.is_unsubscribed
        from contact_read c join derived d using (contact_id) left join erasure_key k on true
        order by c.contact_id
        on conflict (contact_id) do nothing
        """,
        now=now,
        lowest=min(one.contact_id for one in contacts),
        highest=max(one.contact_id for one in contacts),
    )


def _contact_lines(contacts: Sequence[ContactSeen]) -> Iterator[str]:
    for one in contacts:
        yield (
            f"{one.contact_id}\t{copied_text(one.email)}\t{'t' if one.is_excluded else 'f'}\t"
            f"{'t' if one.is_complaining else 'f'}\t{'t' if one.is_anonymised else 'f'}\t"
            f"{one.created_at or COPIED_NULL}\t"
            f"{COPIED_NULL if one.delivered_count is None else one.delivered_count}\n"
        )


def contacts_missing(connection: Connection, role: ListRole, most: int | None = None) -> tuple[int, ...]:
    """Contacts that stand in a list and of whom we have no row, by ascending id; no more than ``most``."""
    found = fetch_all(
        connection,
        """
        select contact_id from list_membership l
        where list_role = :role and left_at is null
          and not exists (select from contact_list_membership m where m.contact_id = l.contact_id)
        order by contact_id limit :most
        """,
        role=role.value,
        most=most,
    )
    return tuple(int(row["contact_id"]) for row in found)


def is_derived(connection: Connection, inserted: int) -> bool:
    """Whether the flags of all contacts are as their entries say.

    Args:
        inserted: by ``add_contacts`` since the last entry was written. Any other row may be of before.
    """
    return bool(
        fetch_scalar(
            connection,
            """select (select count(*) from contact_list_membership) = :inserted
               and not exists (select from kept_unsubscription)""",
            inserted=inserted,
        )
    )
