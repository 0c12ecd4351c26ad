"""What people did at Mailjet while a plan is carried out, as far as the journal has to follow.

Belongs here: SQL that turns a change round half way. Does not belong here: the ordinary life of steps (``journal``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.database import execute, fetch_all

UNSUBSCRIBED = "unsubscribed_meanwhile"
"""Note of what is turned round because the contact unsubscribed after it was added to another list."""

CREATED_AGAIN = "created_again"
"""Note of what concerns a contact that a job created out of an erased person's address."""


def reverse_unsubscribed(connection: Connection, plan_id: int, now: datetime) -> int:
    """Changes whose contact unsubscribed after it was added, and is still on its old list: the old entry, which remembers that,
    stays, and the new one is removed instead. Returns how many changes."""
    found = fetch_all(
        connection,
        """
        select a.change_id, array_agg(a.list_role) as roles
        from change c join change_step a using (change_id) join contact_list_membership m using (contact_id)
        where c.plan_id = :plan and c.kind <> 'suppress' and m.is_unsubscribed
          and a.action = 'add' and a.state = 'confirmed' and a.list_role like 'campaign%'
          and a.note is distinct from 'was_there_already'
          and (c.kind = 'enrol' and m.in_master_list
               or exists (select 1 from change_step r where r.change_id = c.change_id and r.action = 'remove'
                          and r.state = 'planned'))
          and not exists (select 1 from change_step r where r.change_id = c.change_id and r.note = :note)
        group by a.change_id
        """,
        plan=plan_id,
        note=UNSUBSCRIBED,
    )
    for row in found:
        execute(
            connection,
            "update change_step set state = 'skipped', note = :note, changed_at = :now"
            " where change_id = :change and state = 'planned'",
            change=row["change_id"],
            note=UNSUBSCRIBED,
            now=now,
        )
        for role in row["roles"]:
            execute(
                connection,
                """
                insert into change_step (change_id, ordinal, action, list_role, state, note, changed_at)
                select :change, max(ordinal) + 1, 'remove', :role, 'planned', :note, :now
                from change_step where change_id = :change
                """,
                change=row["change_id"],
                role=role,
                note=UNSUBSCRIBED,
                now=now,
            )
    return len(found)


def unsubscribe_where_added(connection: Connection, plan_id: int, now: datetime) -> int:
    """Changes whose contact unsubscribed so late that the old entry is gone: it is unsubscribed on its new list too, as it
    would be had it never moved. Returns how many."""
    return execute(
        connection,
        """
        insert into change_step (change_id, ordinal, action, list_role, state, note, changed_at)
        select a.change_id, (select max(ordinal) + 1 from change_step o where o.change_id = a.change_id), 'unsub',
               a.list_role, 'planned', :note, :now
        from change c join change_step a using (change_id) join contact_list_membership m using (contact_id)
        join list_membership l on l.contact_id = c.contact_id and l.list_role = a.list_role
        where c.plan_id = :plan and c.kind <> 'suppress' and m.is_unsubscribed and not m.is_anonymised
          and a.action = 'add' and a.state = 'confirmed' and a.list_role like 'campaign%'
          and l.left_at is null and not l.is_unsubscribed
          and not exists (select 1 from change_step r where r.change_id = c.change_id
                          and (r.note = :note or r.action = 'remove' and r.state = 'planned'))
        """,
        plan=plan_id,
        note=UNSUBSCRIBED,
        now=now,
    )


def settle_reversed(connection: Connection, plan_id: int, now: datetime) -> int:
    """What was added and removed again counts as skipped: neither done nor failed."""
    return execute(
        connection,
        """
        update change_step s set state = 'skipped', note = :note, changed_at = :now
        from change c
        where c.change_id = s.change_id and c.plan_id = :plan and s.state = 'confirmed'
          and exists (select 1 from change_step r where r.change_id = c.change_id and r.action = 'remove'
                      and r.note = :note and r.state = 'confirmed' and r.list_role = s.list_role)
        """,
        plan=plan_id,
        note=UNSUBSCRIBED,
        now=now,
    )


def note_created_again(connection: Connection, plan_id: int, contact_ids: Sequence[int]) -> None:
    """Mark the steps about contacts that a job created: their removal explains no size that the journal added to."""
    execute(
        connection,
        """update change_step s set note = :note from change c
           where c.change_id = s.change_id and c.plan_id = :plan and c.contact_id = any(:contacts)""",
        plan=plan_id,
        contacts=list(contact_ids),
        note=CREATED_AGAIN,
    )
