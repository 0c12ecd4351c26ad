"""What a sync sees that others did at Mailjet, one row a contact: written where a sync merges, before or with the merge.

What our journal writes into our rows does not pass here. The first reading of a list is no edit, and neither is another list in
its role. Contact ids only.

Belongs here: writing them down. Does not belong here: what explains them, and whether they are too many
(``storage.mass_changes``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.drift.mass_changes import ListEdit
from list_pipeline.core.lists import ListRole
from list_pipeline.storage.database import execute, sql_word

_LEFT, _CAME = sql_word(ListEdit.LEFT), sql_word(ListEdit.CAME)
_UNSUBSCRIBED, _SUBSCRIBED = sql_word(ListEdit.UNSUBSCRIBED), sql_word(ListEdit.SUBSCRIBED)
_EXCLUDED, _INCLUDED = sql_word(ListEdit.EXCLUDED), sql_word(ListEdit.INCLUDED)

ALL_READ = "exists (select from sync_state)"
"""Every list was read to its end once: what differs from then on is somebody's doing."""


def note_seen(connection: Connection, role: ListRole, now: datetime) -> None:
    """Note who came onto a list, and who is unsubscribed or subscribed again there, before that is merged.

    Args:
        connection: with the rows just seen in ``seen_recipient``, which are not merged yet.
    """
    execute(
        connection,
        f"""
        insert into list_edit (contact_id, list_role, edit, seen_at)
        select r.contact_id, r.list_role,
               case when m.contact_id is null or m.left_at is not null then {_CAME}
                    when r.is_unsubscribed then {_UNSUBSCRIBED} else {_SUBSCRIBED} end, :now
        from seen_recipient r left join list_membership m using (list_role, contact_id)
        where r.list_role = :role and {ALL_READ}
          and (m.contact_id is null or m.left_at is not null
               or (m.is_unsubscribed <> r.is_unsubscribed and not r.is_unreadable))
        """,
        role=role.value,
        now=now,
    )


def note_seen_contacts(connection: Connection, now: datetime) -> None:
    """Note which contacts that we know were excluded from campaigns, or no longer are, before that is merged.

    Args:
        connection: with the contacts just seen in ``seen_contact``, which are not merged yet.
    """
    execute(
        connection,
        f"""
        insert into list_edit (contact_id, edit, seen_at)
        select c.contact_id, case when c.is_excluded then {_EXCLUDED} else {_INCLUDED} end, :now
        from seen_contact c join contact_list_membership m using (contact_id)
        where c.is_excluded <> m.is_excluded and not c.is_unreadable and {ALL_READ}
        """,
        now=now,
    )


def noting_left(update: str, counted: str = "count(*)") -> str:
    """A statement that takes contacts off lists in our rows, with their edits; its result is how many, in one row.

    Args:
        update: the update of ``list_membership`` without a ``returning``; its parameters are ``now`` and ``noted``.
        counted: what is returned of those who left.
    """
    return _noting(f"{update} returning contact_id, list_role", f"list_role, {_LEFT}", counted)


def noting_unsubscribed(update: str) -> str:
    """A statement that takes over who is unsubscribed on a list, with the edits; its result is how many, in one row."""
    return _noting(
        f"{update} returning m.contact_id, m.list_role, m.is_unsubscribed",
        f"list_role, case when is_unsubscribed then {_UNSUBSCRIBED} else {_SUBSCRIBED} end",
    )


def noting_excluded(update: str) -> str:
    """A statement that takes over who is excluded from campaigns, with the edits; its result is how many, in one row."""
    return _noting(
        f"{update} returning m.contact_id, m.is_excluded",
        f"null, case when is_excluded then {_EXCLUDED} else {_INCLUDED} end",
    )


def _noting(update: str, values: str, counted: str = "count(*)") -> str:
    return f"""
        with changed as ({update}),
             noted as (insert into list_edit (contact_id, list_role, edit, seen_at)
                       select contact_id, {values}, :now from changed where :noted and {ALL_READ})
        select {counted} from changed
    """
