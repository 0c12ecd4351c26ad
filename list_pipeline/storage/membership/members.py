"""Membership: our rows of the lists, kept current by the sync and by the journal.

Addresses enter and leave through this module only. Rows of contacts are never deleted by a sync; a contact that left a
list keeps its row with the time it was missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.drift.mass_changes import MassChangeKind
from list_pipeline.core.foreign_text import address_problem
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.observations import RecipientSeen, RowKind
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_row,
    fetch_scalar,
    in_parts,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.membership.unsubscriptions import UNSUBSCRIBED_FOR_GOOD
from list_pipeline.storage.quarantine import is_active, is_excluded_for_good
from list_pipeline.storage.unreadable_rows import UNREADABLE_CONTACTS

LIST_FLAG: Mapping[ListRole, str] = {
    ListRole.MASTER: "in_master_list",
    ListRole.CAMPAIGN_1: "in_campaign_list_1",
    ListRole.CAMPAIGN_2: "in_campaign_list_2",
    ListRole.CAMPAIGN_3: "in_campaign_list_3",
    ListRole.SUPPRESSION: "in_suppression_list",
}
"""The column of a contact's row that says whether it is on a list."""

_DELTAS_MAX = 200
"""So many changes of sizes are added up at each asking, before they are put together: a millisecond."""


@dataclass(frozen=True, slots=True)
class StoredSizes:
    """Sizes of one list as our rows have them: everybody, and those who would get mail."""

    raw: int
    mailable: int
    unsubscribed: int
    excluded: int


def derived_flags(entries: str) -> str:
    """SQL: the list flags of a contact out of its entries, as columns.

    Args:
        entries: name of ``list_membership`` in a statement that groups by contact.
    """
    return ", ".join(
        f"coalesce(bool_or({entries}.list_role = '{role.value}' and {entries}.left_at is null), false) as {flag}"
        for role, flag in LIST_FLAG.items()
    )


def refresh_flags(connection: Connection, now: datetime, contact_ids: Sequence[int] | None = None) -> int:
    """Derive the contacts' list flags from their places in the lists; of all contacts, or of those given.

    Unsubscribed on any list means on all of them, and leaving a list or coming back to one does not subscribe anybody again.
    """
    names = [*LIST_FLAG.values(), "is_unsubscribed"]
    return execute(
        connection,
        f"""
        with derived as (
            select c.contact_id, {derived_flags("l")}, coalesce(bool_or(l.is_unsubscribed), false)
                   or c.contact_id in ({UNSUBSCRIBED_FOR_GOOD}) as is_unsubscribed
            from contact_list_membership c left join list_membership l using (contact_id)
            where cast(:contacts as bigint[]) is null or c.contact_id = any(:contacts)
            group by c.contact_id)
        update contact_list_membership m set {", ".join(f"{n} = d.{n}" for n in names)}, last_updated = :now
        from derived d
        where d.contact_id = m.contact_id
          and ({", ".join(f"m.{n}" for n in names)}) is distinct from ({", ".join(f"d.{n}" for n in names)})
        """,
        now=now,
        contacts=None if contact_ids is None else list(contact_ids),
    )


SIZES = f"""
    select r.list_role, coalesce(d.raw, 0) as raw, coalesce(d.unsubscribed, 0) as unsubscribed,
           coalesce(e.excluded, 0) as excluded,
           coalesce(d.raw, 0) - coalesce(d.unsubscribed, 0) - coalesce(e.only_excluded, 0) as mailable
    from unnest(cast(:roles as text[])) as r (list_role)
    left join (select list_role, sum(raw)::bigint as raw, sum(unsubscribed)::bigint as unsubscribed
               from list_size_delta group by list_role) d using (list_role)
    left join (select l.list_role, count(*) as excluded, count(*) filter (where not l.is_unsubscribed) as only_excluded
               from contact_list_membership c join list_membership l using (contact_id)
               where {is_excluded_for_good("c")} and l.left_at is null group by l.list_role) e using (list_role)
"""
"""SQL: the sizes of the lists named in ``:roles``. Who is in quarantine is present: mailable, and not excluded. Only those who
are excluded are read one by one; triggers keep how many are on each list."""


def analyse(connection: Connection) -> None:
    """Tell the planner of PostgreSQL what the rows are like, after all of them were written: by itself it looks minutes later,
    and plans as if there were none until then."""
    execute(connection, "analyze contact_list_membership")
    execute(connection, "analyze list_membership")


def stored_sizes(connection: Connection) -> Mapping[ListRole, StoredSizes]:
    """Sizes of the five lists as our rows have them. Who is in quarantine is present: mailable, and not excluded."""
    found = fetch_all(connection, SIZES, roles=[role.value for role in ListRole])
    return {
        ListRole(row["list_role"]): StoredSizes(
            raw=int(row["raw"]),
            mailable=int(row["mailable"]),
            unsubscribed=int(row["unsubscribed"]),
            excluded=int(row["excluded"]),
        )
        for row in found
    }


def raw_size(connection: Connection, role: ListRole) -> int:
    """How many entries of a list our rows have."""
    statement = "select coalesce(sum(raw), 0) from list_size_delta where list_role = :role"
    return int(fetch_scalar(connection, statement, role=role.value))


def fold_sizes(connection: Connection) -> None:
    """Put the rows that the sizes are the sum of together, where they have become many."""
    execute(
        connection,
        """
        with folded as (
            delete from list_size_delta where (select count(*) from list_size_delta) > :most returning *)
        insert into list_size_delta
        select list_role, sum(raw), sum(unsubscribed) from folded group by list_role
        """,
        most=_DELTAS_MAX,
    )


def excluded_contacts(connection: Connection) -> int:
    """Contacts that our rows have as excluded from campaigns."""
    return int(fetch_scalar(connection, "select count(*) from contact_list_membership where is_excluded"))


def end_of_list(connection: Connection, role: ListRole) -> tuple[int, int | None]:
    """How many entries of a list our rows have, and the highest id among them; None when we have none of it."""
    row = fetch_row(
        connection,
        "the end of a list",
        """select (select coalesce(sum(raw), 0) from list_size_delta where list_role = :role) as entries,
                  (select max(recipient_id) from list_membership where list_role = :role and left_at is null) as last_id""",
        role=role.value,
    )
    return int(row["entries"]), row["last_id"]


def entries_of(connection: Connection, role: ListRole) -> list[int]:
    """The ids of the entries of a list that our rows have, in Mailjet's order."""
    found = fetch_all(
        connection,
        "select recipient_id from list_membership where list_role = :role and left_at is null order by recipient_id",
        role=role.value,
    )
    return [int(row["recipient_id"]) for row in found]


def contacts_before(connection: Connection, contact_id: int) -> int:
    """How many contacts we know whose id is smaller."""
    return int(
        fetch_scalar(
            connection,
            "select count(*) from contact_list_membership where contact_id between 1 and :id - 1",
            id=contact_id,
        )
    )


def taken_off_by_others(connection: Connection, since: datetime) -> Mapping[ListRole, tuple[int, int]]:
    """For each campaign list the contacts that left it since an instant without a step of our journal, and the contacts that
    are on it now. Who was erased, and whom others suppressed, is left out: that explains why it left. So is who left in a mass
    change: people are asked about that by itself, and the list is frozen until they decide."""
    found = fetch_all(
        connection,
        f"""
        with gone as materialized (
            select l.list_role, l.contact_id, l.left_at
            from list_membership l join contact_list_membership c using (contact_id)
            where l.list_role in {sql_list(*CAMPAIGN_LISTS)} and l.left_at > :since and not c.is_anonymised
              and not c.in_suppression_list),
        explained as (
            select g.list_role, g.contact_id
            from gone g join change h using (contact_id)
            join change_step s on s.change_id = h.change_id and s.list_role = g.list_role
            where s.action = {sql_word(StepAction.REMOVE)}
              and s.state in {sql_list(StepState.CONFIRMED, StepState.COMPENSATED)}
              and s.changed_at >= g.left_at - interval '1 minute'
            union
            select g.list_role, g.contact_id
            from gone g join mass_change m using (list_role)
            join mass_change_contact n on n.mass_change_id = m.mass_change_id and n.contact_id = g.contact_id
            where m.kind in {sql_list(MassChangeKind.LEFT, MassChangeKind.GONE)} and m.seen_at >= g.left_at)
        select list_role, count(*) as taken_off
        from (select list_role, contact_id from gone except select list_role, contact_id from explained) unexplained
        group by list_role
        """,
        since=since,
    )
    taken_off = {ListRole(row["list_role"]): int(row["taken_off"]) for row in found}
    return {role: (taken_off.get(role, 0), raw_size(connection, role)) for role in CAMPAIGN_LISTS}


def in_two_campaign_lists(connection: Connection) -> tuple[int, ...]:
    """Contacts that stand in more than one campaign list."""
    found = fetch_all(
        connection,
        """
        select contact_id from contact_list_membership
        where in_campaign_list_1::int + in_campaign_list_2::int + in_campaign_list_3::int > 1 order by contact_id
        """,
    )
    return tuple(int(row["contact_id"]) for row in found)


def suppressed_and_mailable(connection: Connection) -> tuple[int, ...]:
    """Contacts on the suppression list that a campaign could still reach."""
    found = fetch_all(
        connection,
        """
        select contact_id from contact_list_membership
        where in_suppression_list and not is_excluded and not is_unsubscribed
          and (in_campaign_list_1 or in_campaign_list_2 or in_campaign_list_3) order by contact_id
        """,
    )
    return tuple(int(row["contact_id"]) for row in found)


def addresses_of(
    connection: Connection, contact_ids: Sequence[int], *, despite_entries: bool = False
) -> Mapping[int, str]:
    """Addresses for a request that is built right now. None have anonymised contacts, those with a row that cannot be read, and
    those whose address, kept by an earlier version, is not fit to be sent.

    Args:
        despite_entries: those have one, too, whose own row can be read, and only an entry of a list cannot.
    """
    unreadable = (
        f"{UNREADABLE_CONTACTS} and kind = {sql_word(RowKind.CONTACT)}" if despite_entries else UNREADABLE_CONTACTS
    )
    found = fetch_all(
        connection,
        f"""select contact_id, email from contact_list_membership
           where contact_id = any(:ids) and not is_anonymised and contact_id not in ({unreadable})""",
        ids=list(contact_ids),
    )
    return {int(row["contact_id"]): str(row["email"]) for row in found if not address_problem(str(row["email"]))}


def domains_of(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, str]:
    """Receiving domain of each contact, case-folded; none of those whose address is not known."""
    found = fetch_all(
        connection,
        f"""select contact_id, domain from contact_list_membership
           where contact_id = any(:ids) and not is_anonymised and contact_id not in ({UNREADABLE_CONTACTS})""",
        ids=list(contact_ids),
    )
    return {int(row["contact_id"]): str(row["domain"]) for row in found}


def known_contacts(connection: Connection, contact_ids: Sequence[int]) -> frozenset[int]:
    """The contacts among these that we have a row of."""
    found = fetch_all(
        connection,
        "select contact_id from contact_list_membership where contact_id = any(:ids)",
        ids=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def facts_of(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """Flags of each contact, with the campaign lists it is in (``roles``) and Mailjet's count of messages that reached it."""
    found = fetch_all(
        connection,
        f"""
        select contact_id, in_suppression_list, is_unsubscribed, is_excluded, is_anonymised, is_complaining,
               in_master_list, in_campaign_list_1, in_campaign_list_2, in_campaign_list_3,
               delivered_count, delivered_counted_at,
               contact_id in ({UNREADABLE_CONTACTS}) as is_unreadable,
               {is_active("contact_list_membership.contact_id")} as is_quarantined
        from contact_list_membership where contact_id = any(:ids)
        """,
        ids=list(contact_ids),
    )
    result: dict[int, Mapping[str, Any]] = {}
    for row in found:
        roles = tuple(role for role, flag in LIST_FLAG.items() if row[flag])
        result[int(row["contact_id"])] = {**row, "roles": roles}
    return result


def places_of(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    """The lists each contact is on now, as they go into the journal before a change."""
    found = fetch_all(
        connection,
        """select contact_id, list_role, is_unsubscribed, subscribed_at from list_membership
           where contact_id = any(:ids) and left_at is null order by contact_id, list_role""",
        ids=list(contact_ids),
    )
    result: dict[int, list[dict[str, Any]]] = {contact_id: [] for contact_id in contact_ids}
    for row in found:
        result[int(row["contact_id"])].append(
            {
                "list": row["list_role"],
                "unsubscribed": row["is_unsubscribed"],
                "subscribed_at": row["subscribed_at"].isoformat() if row["subscribed_at"] else None,
            }
        )
    return result


@dataclass(frozen=True, slots=True)
class PlaceInOrder:
    """Where our rows have a contact in a series sorted by id. ``rank``: how many rows of the series stand in front of it."""

    contact_id: int
    row_id: int
    rank: int


def places_in_order(connection: Connection, role: ListRole, contact_ids: Sequence[int]) -> tuple[PlaceInOrder, ...]:
    """Where contacts stand in a list, which Mailjet sorts by the id of the entry; those that are on it in our rows.

    The list is counted between the asked ones, and never sorted.
    """
    found = fetch_all(
        connection,
        """
        with asked as (
            select contact_id, recipient_id as row_id, row_number() over (order by recipient_id) as place
            from list_membership where list_role = :role and left_at is null and contact_id = any(:ids)),
        counted as (
            select width_bucket(recipient_id, (select array_agg(row_id order by row_id) from asked)) as place,
                   count(*) as entries
            from list_membership where list_role = :role and left_at is null and exists (select 1 from asked) group by 1)
        select contact_id, row_id, coalesce(rank, 0) as rank
        from asked left join (select place + 1 as place, sum(entries) over (order by place)::bigint as rank from counted) before
            using (place)
        order by row_id
        """,
        role=role.value,
        ids=list(contact_ids),
    )
    return tuple(PlaceInOrder(**row) for row in found)


def places_among_unsubscribed(
    connection: Connection, role: ListRole, contact_ids: Sequence[int]
) -> tuple[PlaceInOrder, ...]:
    """Where contacts of a list stand, or would stand, among those unsubscribed on it, whom Mailjet sorts by the id of the
    entry; those that are on it in our rows."""
    return _places(
        connection,
        """select contact_id, recipient_id as row_id from list_membership
           where list_role = :role and left_at is null and contact_id = any(:ids)""",
        "select recipient_id as row_id from list_membership where list_role = :role and left_at is null and is_unsubscribed",
        role=role.value,
        ids=list(contact_ids),
    )


def places_among_excluded(connection: Connection, contact_ids: Sequence[int]) -> tuple[PlaceInOrder, ...]:
    """Where contacts stand, or would stand, among the excluded ones, which Mailjet sorts by contact id."""
    return _places(
        connection,
        "select contact_id, contact_id as row_id from contact_list_membership where contact_id = any(:ids)",
        "select contact_id as row_id from contact_list_membership where is_excluded",
        ids=list(contact_ids),
    )


def _places(connection: Connection, asked: str, series: str, **values: Any) -> tuple[PlaceInOrder, ...]:
    """Where the asked ones stand in a series of few: only these and the series are sorted, never everybody."""
    found = fetch_all(
        connection,
        f"""
        select contact_id, row_id, rank from (
            select contact_id, row_id, count(*) filter (where contact_id is null) over (
                       order by row_id, contact_id nulls last rows between unbounded preceding and current row) as rank
            from ({asked} union all select null, row_id from ({series}) s) both_of_them) o
        where contact_id is not null order by row_id
        """,
        **values,
    )
    return tuple(PlaceInOrder(**row) for row in found)


def note_added(connection: Connection, role: ListRole, recipients: Iterable[RecipientSeen], now: datetime) -> None:
    """Take over rows of a list that were read back after a job added them; of a contact's several the last."""
    rows = {recipient.contact_id: recipient for recipient in recipients}
    for part in in_parts(list(rows.values())):
        execute(
            connection,
            """
            insert into list_membership (list_role, contact_id, recipient_id, is_unsubscribed, subscribed_at,
                   unsubscribed_at, first_seen_at)
            select :role, contact_id, recipient_id, is_unsubscribed, subscribed_at, unsubscribed_at, :now
            from json_populate_recordset(cast(null as list_membership), cast(:rows as json))
            on conflict (list_role, contact_id) do update set recipient_id = excluded.recipient_id,
                   is_unsubscribed = excluded.is_unsubscribed, subscribed_at = excluded.subscribed_at,
                   unsubscribed_at = excluded.unsubscribed_at, left_at = null
            """,
            role=role.value,
            rows=to_json(
                [
                    {
                        "contact_id": recipient.contact_id,
                        "recipient_id": recipient.recipient_id,
                        "is_unsubscribed": recipient.is_unsubscribed,
                        "subscribed_at": recipient.subscribed_at,
                        "unsubscribed_at": recipient.unsubscribed_at,
                    }
                    for recipient in part
                ]
            ),
            now=now,
        )


def note_removed(connection: Connection, role: ListRole, contact_ids: Sequence[int], now: datetime) -> None:
    """Take over that contacts left a list."""
    execute(
        connection,
        """update list_membership set left_at = :now
           where list_role = :role and contact_id = any(:ids) and left_at is null""",
        role=role.value,
        ids=list(contact_ids),
        now=now,
    )


def note_excluded(connection: Connection, contact_ids: Sequence[int], now: datetime, excluded: bool = True) -> None:
    """Take over that contacts are excluded from campaigns, or no longer."""
    execute(
        connection,
        "update contact_list_membership set is_excluded = :excluded, last_updated = :now where contact_id = any(:ids)",
        ids=list(contact_ids),
        excluded=excluded,
        now=now,
    )


def count_bounces(connection: Connection, campaign_id: int, sweep: str, now: datetime) -> None:
    """Add the failures that a sweep saw first to the contacts' counters; what an earlier sweep counted is left out."""
    execute(
        connection,
        """
        update contact_list_membership m set
               hard_bounce_count = hard_bounce_count + (e.bounce_class = 'hard')::int,
               soft_bounce_count = soft_bounce_count + (e.bounce_class = 'soft')::int,
               last_bounce_date = greatest(m.last_bounce_date, e.occurred_at),
               is_complaining = is_complaining or e.bounce_class = 'complaint', last_updated = :now
        from (
            -- One pass over the campaign's failures. Looking each up among those of the other sweeps was quadratic as long as
            -- nothing was known of how the new campaign's are spread.
            select contact_id, bounce_class, max(occurred_at) as occurred_at from bounce_event
            where campaign_id = :campaign and bounce_class in ('hard', 'soft', 'complaint') and not is_contradictory
              and (sweep = :sweep or sweep = any(array(
                  select sweep from bounce_fetch where campaign_id = :campaign and is_complete)))
            group by contact_id, bounce_class having bool_and(sweep = :sweep)) e
        where e.contact_id = m.contact_id
        """,
        campaign=campaign_id,
        sweep=sweep,
        now=now,
    )


def iterate(pages: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
    """The rows of pages, one by one."""
    for page in pages:
        yield from page
