"""Unsubscriptions that are kept although the entry that said so is gone.

Mailjet knows of an unsubscription on the entry of a list only: whoever is taken off and put on again is subscribed there. A
new entry therefore takes nothing back; the same entry that says subscribed again does.

Belongs here: keeping them, and what takes one back. Does not belong here: what follows for a contact
(``members.refresh_flags``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.storage.database import execute, fetch_all

UNSUBSCRIBED_FOR_GOOD = """
    select c.contact_id from kept_unsubscription k join contact_list_membership o using (contact_id)
    join contact_list_membership c on c.address_key = o.address_key where k.taken_back_at is null"""
"""Contacts that are unsubscribed whatever their lists say, under this id or another one of the same address."""


def keep_replaced(connection: Connection, role: ListRole, now: datetime) -> None:
    """Keep the unsubscriptions whose entry on a list is about to be replaced by a new, subscribed one.

    Args:
        connection: with the rows just seen in ``seen_recipient``, which are not merged yet.
    """
    execute(
        connection,
        """
        insert into kept_unsubscription as k (contact_id, list_role, unsubscribed_at, kept_at)
        select m.contact_id, m.list_role, m.unsubscribed_at, :now
        from list_membership m join seen_recipient r using (list_role, contact_id)
        where m.list_role = :role and m.is_unsubscribed and not r.is_unsubscribed and r.recipient_id <> m.recipient_id
          -- Of one who is gone from Mailjet since there may be no row.
          and exists (select from contact_list_membership c where c.contact_id = m.contact_id)
        on conflict (contact_id) do update set list_role = excluded.list_role,
               unsubscribed_at = excluded.unsubscribed_at, kept_at = excluded.kept_at, taken_back_at = null,
               taken_back_by = null, note = null
        """,
        role=role.value,
        now=now,
    )


def take_back(connection: Connection, contact_id: int, by: str, note: str, now: datetime) -> bool:
    """Note that the subscriber wants mail again, as a person says. False: no unsubscription of the contact is kept, neither by
    itself, nor on an entry that is gone, nor from before it was erased and imported again."""
    gone = execute(
        connection,
        """
        with gone as (
            update list_membership set is_unsubscribed = false
            where contact_id = :contact and is_unsubscribed and left_at is not null
            returning contact_id, list_role, unsubscribed_at)
        insert into kept_unsubscription (contact_id, list_role, unsubscribed_at, kept_at)
        select contact_id, list_role, unsubscribed_at, :now from gone limit 1
        on conflict (contact_id) do nothing
        """,
        contact=contact_id,
        now=now,
    )
    kept = execute(
        connection,
        """
        update kept_unsubscription set taken_back_at = :now, taken_back_by = :by, note = :note
        where taken_back_at is null and contact_id in (
            select :contact union
            select e.pseudonym from erased_person e join contact_list_membership c using (address_key)
            where c.contact_id = :contact)
        """,
        contact=contact_id,
        by=by,
        note=note,
        now=now,
    )
    erased = execute(
        connection,
        """
        update erased_person e set kept_off_because = array_remove(kept_off_because, 'unsubscribed')
        from contact_list_membership c
        where c.contact_id = :contact and c.address_key = e.address_key and 'unsubscribed' = any(e.kept_off_because)
        """,
        contact=contact_id,
    )
    return gone + kept + erased > 0


def kept_and_listed(connection: Connection) -> tuple[int, ...]:
    """Contacts that unsubscribed once and that a campaign could reach all the same, because somebody put them on a campaign
    list again. Whoever was only told to have left is not among them: the list may show it with its next reading."""
    found = fetch_all(
        connection,
        f"""
        -- Few ever unsubscribed for good: they are found first, and only they are looked for on the lists.
        with kept as materialized ({UNSUBSCRIBED_FOR_GOOD})
        select distinct l.contact_id
        from kept k join list_membership l using (contact_id) join contact_list_membership c using (contact_id)
        where l.left_at is null and l.list_role in ('campaign_1', 'campaign_2', 'campaign_3') and not l.is_unsubscribed
          and not c.is_excluded
          and not exists (select 1 from kept_unsubscription t
                          where t.contact_id = l.contact_id and t.told_at is not null and t.taken_back_at is null)
        order by l.contact_id
        """,
    )
    return tuple(int(row["contact_id"]) for row in found)
