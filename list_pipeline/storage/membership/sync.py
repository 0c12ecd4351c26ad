"""The merging of a sync: temporary tables of one session, and the record of when each list was last read.

Belongs here: bringing our rows up to date with what was seen. Does not belong here: asking about them (``members``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import ContactSeen, RecipientSeen, RowKind, UnreadableRow
from list_pipeline.storage.database import execute, fetch_all, fetch_scalar, to_json
from list_pipeline.storage.membership import list_edits
from list_pipeline.storage.membership.members import StoredSizes
from list_pipeline.storage.membership.unsubscriptions import keep_replaced

FIRST_SUBSCRIPTION = "min(subscribed_at) filter (where list_role <> 'suppression')"
"""SQL: the earliest subscription among entries of a contact, by which it gets its place in the queue."""

USUAL_KEY = "usual_address_key(c.email, k.inner_pad, k.outer_pad)"
"""SQL: the key of the address of a contact ``c`` by the row ``k`` of ``erasure_key``. Null where it takes a closer look: a
trigger gives it to any row that has none."""


class SyncStaging:
    """Temporary tables of one session into which a sync reads before it merges: what is half read is never merged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.contacts = self.recipients = 0
        """Rows that were added since the last clearing, repeated ones as often as they came."""
        self._unreadable: dict[tuple[RowKind, int], UnreadableRow] = {}
        self._nameless: set[ListRole | None] = set()
        self._is_made = False
        self._is_empty = True

    @property
    def connection(self) -> Connection:
        """The session whose tables these are."""
        return self._connection

    def _make(self) -> None:
        """Make the tables when something is put in, or asked: most syncs find nothing new."""
        if self._is_made:
            return
        for statement in (
            """create temporary table seen_contact (contact_id bigint primary key, email text not null,
               is_excluded boolean not null, is_complaining boolean not null, is_anonymised boolean not null,
               created_at timestamptz, is_unreadable boolean not null, delivered_count integer)""",
            """create temporary table seen_recipient (list_role text not null, contact_id bigint not null,
               recipient_id bigint not null, is_unsubscribed boolean not null, subscribed_at timestamptz,
               unsubscribed_at timestamptz, mailjet_list_id bigint not null, is_unreadable boolean not null,
               primary key (list_role, contact_id))""",
        ):
            execute(self._connection, statement)
        self._is_made = True

    @property
    def unreadable(self) -> tuple[UnreadableRow, ...]:
        """Rows added since the last clearing that could not be read."""
        return tuple(self._unreadable.values())

    def is_nameless(self, role: ListRole | None) -> bool:
        """Whether something was added since the last clearing whose contact cannot be told: it may be anybody who was not seen.

        Args:
            role: the list that it is an entry of; None: a contact.
        """
        return role in self._nameless

    def add_contacts(self, contacts: Iterable[ContactSeen]) -> None:
        """Remember contacts as they were seen; of a repeated one the last counts."""
        # Adding to the count comes last: what has no contact is counted while the rows are gone through.
        added = self._upsert(
            "seen_contact",
            (
                "contact_id", "email", "is_excluded", "is_complaining", "is_anonymised", "created_at", "is_unreadable",
                "delivered_count",
            ),
            ("contact_id",),
            (
                (
                    c.contact_id, c.email, c.is_excluded, c.is_complaining, c.is_anonymised, c.created_at, bool(c.problem),
                    c.delivered_count,
                )
                for c in self._named_contacts(contacts)
            ),
        )  # fmt: skip
        self.contacts += added

    def _named_contacts(self, contacts: Iterable[ContactSeen]) -> Iterator[ContactSeen]:
        for contact in contacts:
            is_named = contact.contact_id > 0
            if contact.problem:
                self._note_unreadable(
                    UnreadableRow(
                        RowKind.CONTACT, contact.contact_id, contact.problem, contact.contact_id if is_named else None
                    )
                )
            if is_named:
                yield contact
            else:
                self.contacts += 1
                self._nameless.add(None)

    def add_recipients(self, role: ListRole, recipients: Iterable[RecipientSeen]) -> None:
        """Remember places in a list as they were seen; of a repeated one the last counts. One that cannot be read gives no
        place in the queue: nobody can tell which of its values are true."""
        added = self._upsert(
            "seen_recipient",
            (
                "list_role", "contact_id", "recipient_id", "is_unsubscribed", "subscribed_at", "unsubscribed_at",
                "mailjet_list_id", "is_unreadable",
            ),
            ("list_role", "contact_id"),
            (
                (
                    role.value, r.contact_id, r.recipient_id, r.is_unsubscribed,
                    None if r.problem else r.subscribed_at, r.unsubscribed_at, r.list_id, bool(r.problem),
                )
                for r in self._named_recipients(role, recipients)
            ),
        )  # fmt: skip
        self.recipients += added

    def _named_recipients(self, role: ListRole, recipients: Iterable[RecipientSeen]) -> Iterator[RecipientSeen]:
        for entry in recipients:
            contact_id = entry.contact_id if entry.contact_id > 0 else self._known_entry(role, entry.recipient_id)
            if entry.problem:
                self._note_unreadable(
                    UnreadableRow(
                        RowKind.RECIPIENT, entry.recipient_id, entry.problem, contact_id, list_id=entry.list_id
                    )
                )
            if contact_id is not None:
                yield entry if entry.contact_id == contact_id else replace(entry, contact_id=contact_id)
            else:
                self.recipients += 1
                self._nameless.add(role)

    def _known_entry(self, role: ListRole, recipient_id: int) -> int | None:
        """Whose entry it is by our rows: an entry never passes to another contact."""
        found = fetch_scalar(
            self._connection,
            "select contact_id from list_membership where list_role = :role and recipient_id = :id and left_at is null",
            role=role.value,
            id=recipient_id,
        )
        return None if found is None else int(found)

    def _note_unreadable(self, row: UnreadableRow) -> None:
        self._unreadable[row.kind, row.row_id] = row

    def clear(self) -> None:
        """Drop everything that was read and is merged, or must not be."""
        # Emptying them makes files anew, and mostly nothing was read.
        if not self._is_empty:
            execute(self._connection, "truncate seen_contact, seen_recipient")
            self._is_empty = True
        self.contacts = self.recipients = 0
        self._unreadable.clear()
        self._nameless.clear()

    def clear_contacts(self) -> None:
        """Drop the contacts that were read and are merged."""
        if not self._is_empty:
            execute(self._connection, "truncate seen_contact")
        self.contacts = 0
        self._unreadable = {key: row for key, row in self._unreadable.items() if key[0] is not RowKind.CONTACT}
        self._nameless.discard(None)

    def forget_list(self, role: ListRole) -> None:
        """Drop what was read of a list, before it is read again."""
        if not self._is_empty:
            execute(self._connection, "delete from seen_recipient where list_role = :role", role=role.value)
        self._nameless.discard(role)

    def recipients_of(self, role: ListRole) -> int:
        """Contacts seen on a list so far."""
        self._make()
        return int(
            fetch_scalar(self._connection, "select count(*) from seen_recipient where list_role = :r", r=role.value)
        )

    def finish_reading(self) -> None:
        """Let the planner know how much was read: temporary tables are not analysed by themselves."""
        self._make()
        execute(self._connection, "analyze seen_contact")
        execute(self._connection, "analyze seen_recipient")

    def unknown_contacts(self) -> tuple[int, ...]:
        """Contacts that were seen on a list and whose address is neither read nor stored yet."""
        self._make()
        found = fetch_all(
            self._connection,
            """
            select distinct contact_id from seen_recipient r
            where not exists (select 1 from seen_contact s where s.contact_id = r.contact_id)
              and not exists (select 1 from contact_list_membership m where m.contact_id = r.contact_id)
            order by contact_id
            """,
        )
        return tuple(int(row["contact_id"]) for row in found)

    def _upsert(self, table: str, columns: Sequence[str], key: Sequence[str], values: Iterable[Sequence[Any]]) -> int:
        self._make()
        others = [c for c in columns if c not in key]
        unique = {tuple(row[columns.index(k)] for k in key): row for row in values}
        if not unique:
            return 0
        self._is_empty = False
        # A page in one statement: a COPY, which knows no conflicts, needs a table of its own in between, and its files.
        execute(
            self._connection,
            f"insert into {table} ({', '.join(columns)}) "
            f"select {', '.join(columns)} from json_populate_recordset(cast(null as {table}), cast(:rows as json)) "
            f"on conflict ({', '.join(key)}) do update set {', '.join(f'{c} = excluded.{c}' for c in others)}",
            rows=to_json([dict(zip(columns, row, strict=True)) for row in unique.values()]),
        )
        return len(unique)


def seen_contacts(connection: Connection) -> tuple[int, ...]:
    """Contacts that the session's staging tables hold."""
    found = fetch_all(connection, "select contact_id from seen_recipient union select contact_id from seen_contact")
    return tuple(int(row["contact_id"]) for row in found)


def merge_contacts(connection: Connection, now: datetime) -> int:
    """Bring the rows of the contacts that were seen up to date and return how many changed.

    A new contact gets its place in the queue here: the earliest subscription that is known, else its creation. Of one that
    cannot be read nothing is taken over: a known one stays as it was, a new one gets a row without an address, to be counted.
    How many messages reached it by Mailjet's count is kept of the first sight alone: from then on we read it ourselves.
    """
    list_edits.note_seen_contacts(connection, now)
    changed = execute(
        connection,
        """
        insert into contact_list_membership (contact_id, email, is_excluded, queued_at, last_updated)
        select c.contact_id, 'unreadable-' || c.contact_id || '@domain.invalid', c.is_excluded,
               coalesce((select min(subscribed_at) from seen_recipient s
                         where s.contact_id = c.contact_id and list_role <> 'suppression'), c.created_at, :now), :now
        from seen_contact c where c.is_unreadable on conflict (contact_id) do nothing
        """,
        now=now,
    )
    return changed + execute(
        connection,
        f"""
        with subscribed as (
            select contact_id, min(subscribed_at) as first_at from seen_recipient
            where list_role <> 'suppression' group by contact_id)
        insert into contact_list_membership as m (contact_id, email, is_excluded, is_complaining, is_anonymised,
               queued_at, last_updated, delivered_count, delivered_counted_at, address_key)
        select c.contact_id, c.email, c.is_excluded, c.is_complaining, c.is_anonymised,
               coalesce(s.first_at, c.created_at, :now), :now,
               c.delivered_count, case when c.delivered_count is not null then cast(:now as timestamptz) end,
               case when not c.is_anonymised then {USUAL_KEY} end
        from seen_contact c left join subscribed s using (contact_id) left join erasure_key k on true
        where not c.is_unreadable
        on conflict (contact_id) do update set email = excluded.email, is_excluded = excluded.is_excluded,
               is_complaining = m.is_complaining or excluded.is_complaining, is_anonymised = excluded.is_anonymised,
               last_updated = excluded.last_updated
        where (m.email, m.is_excluded, m.is_complaining or excluded.is_complaining, m.is_anonymised)
              is distinct from (excluded.email, excluded.is_excluded, m.is_complaining or excluded.is_complaining,
                                excluded.is_anonymised)
           or (excluded.is_complaining and not m.is_complaining)
        """,
        now=now,
    )


def merge_list(
    connection: Connection,
    role: ListRole,
    now: datetime,
    *,
    whole: bool,
    known_until: int | None = None,
    noted: bool = True,
) -> int:
    """Bring our rows of one list up to date with what was seen, and return how many changed. Of an entry that cannot be read
    only that it is there is taken over.

    Args:
        whole: the list was read from the first to the last row, so whoever was not seen has left it.
        known_until: the highest id of an entry in our rows when the reading began. A higher one that was not seen may have
            come after it and been merged by somebody else: that one has not left.
        noted: what differs is somebody's edit, and no first reading of this list.
    """
    keep_replaced(connection, role, now)
    if noted:
        list_edits.note_seen(connection, role, now)
    changed = execute(
        connection,
        """
        insert into list_membership as m (list_role, contact_id, recipient_id, is_unsubscribed, first_seen_at)
        select list_role, contact_id, recipient_id, is_unsubscribed, :now
        from seen_recipient where list_role = :role and is_unreadable
        on conflict (list_role, contact_id) do update set recipient_id = excluded.recipient_id, left_at = null
        where (m.recipient_id, m.left_at) is distinct from (excluded.recipient_id, null)
        """,
        role=role.value,
        now=now,
    )
    changed += execute(
        connection,
        """
        insert into list_membership as m (list_role, contact_id, recipient_id, is_unsubscribed, subscribed_at,
               unsubscribed_at, first_seen_at)
        select list_role, contact_id, recipient_id, is_unsubscribed, subscribed_at, unsubscribed_at, :now
        from seen_recipient where list_role = :role and not is_unreadable
        on conflict (list_role, contact_id) do update set recipient_id = excluded.recipient_id,
               is_unsubscribed = excluded.is_unsubscribed, subscribed_at = excluded.subscribed_at,
               unsubscribed_at = excluded.unsubscribed_at, left_at = null
        where (m.recipient_id, m.is_unsubscribed, m.subscribed_at, m.unsubscribed_at, m.left_at) is distinct from
              (excluded.recipient_id, excluded.is_unsubscribed, excluded.subscribed_at, excluded.unsubscribed_at, null)
        """,
        role=role.value,
        now=now,
    )
    if whole:
        changed += _changed(
            connection,
            list_edits.noting_left("""
            update list_membership m set left_at = :now
            where m.list_role = :role and m.left_at is null
              and not exists (select 1 from seen_recipient r where r.list_role = :role and r.contact_id = m.contact_id)
              and m.recipient_id <= greatest(
                  cast(:known_until as bigint),
                  (select max(recipient_id) from seen_recipient where list_role = :role))"""),
            role=role.value,
            known_until=known_until,
            now=now,
            noted=noted,
        )
    return changed


def note_left(
    connection: Connection, role: ListRole, recipient_ids: Sequence[int], now: datetime, *, noted: bool = True
) -> tuple[int, ...]:
    """Take over that entries are no longer in a list, and return whose they were. ``noted`` as of ``merge_list``."""
    found = fetch_all(
        connection,
        list_edits.noting_left(
            """update list_membership set left_at = :now
               where list_role = :role and recipient_id = any(:ids) and left_at is null""",
            counted="contact_id",
        ),
        role=role.value,
        ids=list(recipient_ids),
        now=now,
        noted=noted,
    )
    return tuple(int(row["contact_id"]) for row in found)


def queue_by_first_subscription(connection: Connection) -> int:
    """After the first reading of all lists: everybody's place in the queue is the earliest subscription that is known, else it
    stays the creation."""
    return execute(
        connection,
        """
        update contact_list_membership c set queued_at = s.first_at
        from (select contact_id, min(subscribed_at) as first_at from list_membership
              where list_role <> 'suppression' group by contact_id) s
        where s.contact_id = c.contact_id and s.first_at is distinct from c.queued_at and s.first_at is not null
        """,
    )


def merge_unsubscribed(
    connection: Connection,
    role: ListRole,
    now: datetime,
    *,
    all_named: bool,
    among: Sequence[int] | None = None,
) -> int:
    """Take over the unsubscribed members of a list, all of which were seen, and return how many rows changed.

    Args:
        all_named: each of them can be told; else whoever was not seen may be the one that cannot, and stays as it is.
        among: of these contacts alone it is known that who was not seen is not unsubscribed; None: of everybody.
    """
    return _changed(
        connection,
        list_edits.noting_unsubscribed("""
        update list_membership m set is_unsubscribed = o.is_seen, unsubscribed_at = o.unsubscribed_at
        from (
            -- Those who are seen and those who were known: both few, and nobody else changes.
            select r.contact_id, true as is_seen, r.unsubscribed_at from seen_recipient r where r.list_role = :role
            union all
            select k.contact_id, false, null from list_membership k
            where k.list_role = :role and k.is_unsubscribed and k.left_at is null and :all_named
              and (cast(:among as bigint[]) is null or k.contact_id = any(:among))
              and not exists (select 1 from seen_recipient r where r.list_role = :role and r.contact_id = k.contact_id)) o
        where m.list_role = :role and m.contact_id = o.contact_id and m.left_at is null
          and m.is_unsubscribed is distinct from o.is_seen"""),
        role=role.value,
        now=now,
        noted=True,
        all_named=all_named,
        among=None if among is None else list(among),
    )


def merge_excluded(
    connection: Connection, now: datetime, *, all_named: bool, among: Sequence[int] | None = None
) -> int:
    """Take over the excluded contacts, all of which were seen, and return how many rows changed. ``all_named`` and ``among``:
    as of ``merge_unsubscribed``."""
    return _changed(
        connection,
        list_edits.noting_excluded("""
        update contact_list_membership m set is_excluded = o.is_seen, last_updated = :now
        from (
            with seen as (
                select contact_id from seen_contact where is_excluded
                union select contact_pseudonym(contact_id) from seen_contact where is_excluded and is_anonymised)
            select contact_id, true as is_seen from seen
            union all
            select k.contact_id, false from contact_list_membership k
            where k.is_excluded and :all_named and not exists (select 1 from seen where seen.contact_id = k.contact_id)
              and (cast(:among as bigint[]) is null or k.contact_id = any(:among))) o
        where m.contact_id = o.contact_id and m.is_excluded is distinct from o.is_seen"""),
        now=now,
        noted=True,
        all_named=all_named,
        among=None if among is None else list(among),
    )


def _changed(connection: Connection, statement: str, **parameters: Any) -> int:
    return int(fetch_scalar(connection, statement, **parameters))


def save_sync_state(
    connection: Connection,
    role: ListRole,
    sizes: StoredSizes,
    now: datetime,
    *,
    list_id: int,
    name: str,
    full: bool,
) -> None:
    """Note when a list was last read, its sizes then, and its id and name at Mailjet."""
    execute(
        connection,
        """
        insert into sync_state as s (list_role, raw_count, unsubscribed_count, excluded_count, last_synced_at,
               last_full_sync_at, mailjet_list_id, list_name)
        values (:role, :raw, :unsubscribed, :excluded, :now, :now, :list_id, :name)
        on conflict (list_role) do update set raw_count = excluded.raw_count,
               unsubscribed_count = excluded.unsubscribed_count, excluded_count = excluded.excluded_count,
               mailjet_list_id = excluded.mailjet_list_id, list_name = excluded.list_name,
               last_synced_at = excluded.last_synced_at,
               last_full_sync_at = case when :full then excluded.last_full_sync_at else s.last_full_sync_at end
        """,
        role=role.value,
        raw=sizes.raw,
        unsubscribed=sizes.unsubscribed,
        excluded=sizes.excluded,
        now=now,
        list_id=list_id,
        name=name,
        full=full,
    )


def note_full_sync(connection: Connection, role: ListRole, list_id: int, now: datetime) -> None:
    """Note that a list, which was read to its end before, was read whole just now."""
    execute(
        connection,
        "update sync_state set last_full_sync_at = :now where list_role = :role and mailjet_list_id = :list_id",
        role=role.value,
        list_id=list_id,
        now=now,
    )


def save_sync_run(
    connection: Connection,
    *,
    started_at: datetime,
    finished_at: datetime,
    full_lists: Sequence[ListRole],
    rows_read: int,
    rows_changed: int,
    requests: int,
    findings: Sequence[str],
) -> int:
    """Keep what a sync did, and return its number."""
    return int(
        fetch_scalar(
            connection,
            """
            insert into sync_run (started_at, finished_at, full_lists, rows_read, rows_changed, requests, findings)
            values (:started, :finished, :full, :read, :changed, :requests, cast(:findings as jsonb))
            returning sync_run_id
            """,
            started=started_at,
            finished=finished_at,
            full=[role.value for role in full_lists],
            read=rows_read,
            changed=rows_changed,
            requests=requests,
            findings=to_json(list(findings)),
        )
    )


def set_sync_requests(connection: Connection, sync_run_id: int, requests: int) -> None:
    """Count what belonged to a sync although it came after it: recipients and past bounces of new sends."""
    execute(
        connection,
        "update sync_run set requests = :requests where sync_run_id = :id",
        id=sync_run_id,
        requests=requests,
    )


def last_finished(connection: Connection) -> datetime | None:
    """When the last complete sync ended (UTC), or None."""
    found: datetime | None = fetch_scalar(connection, "select max(finished_at) from sync_run")
    return found


def sync_states(connection: Connection) -> Mapping[ListRole, Mapping[str, Any]]:
    """When each list was last read; a list that never was is missing."""
    return {ListRole(row["list_role"]): dict(row) for row in fetch_all(connection, "select * from sync_state")}


def on_no_list(connection: Connection, limit: int) -> tuple[int, ...]:
    """Contacts that were on a list and are on none now, those that are known to be erased left out."""
    found = fetch_all(
        connection,
        """
        select contact_id from contact_list_membership c
        where not is_anonymised and not in_master_list and not in_campaign_list_1 and not in_campaign_list_2
          and not in_campaign_list_3 and not in_suppression_list
          and exists (select 1 from list_membership l where l.contact_id = c.contact_id)
        order by contact_id limit :limit
        """,
        limit=limit,
    )
    return tuple(int(row["contact_id"]) for row in found)


def note_purged(connection: Connection, contact_ids: Sequence[int], now: datetime) -> None:
    """Take over that contacts no longer exist at Mailjet: their address goes, their id stays as what plans refer to."""
    execute(
        connection,
        """
        update contact_list_membership set is_anonymised = true, email = 'erased-' || contact_id || '@domain.invalid',
               last_updated = :now where contact_id = any(:ids)
        """,
        ids=list(contact_ids),
        now=now,
    )
