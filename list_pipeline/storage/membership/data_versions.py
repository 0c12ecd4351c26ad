"""Rows as people are shown them, and the versions of the data that say when a cached value is outdated.

Contact ids and flags only; no statement here reads an address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.lists import ListRole
from list_pipeline.core.quarantine.life import QuarantineState
from list_pipeline.storage.database import fetch_all, fetch_one, fetch_row, fetch_scalar, sql_word
from list_pipeline.storage.membership.members import SIZES

_MEMBERSHIP = f"""
    select contact_id, in_master_list, in_campaign_list_1, in_campaign_list_2, in_campaign_list_3, in_suppression_list,
           is_unsubscribed, is_excluded, is_complaining, is_anonymised, hard_bounce_count, soft_bounce_count,
           queued_at, last_updated,
           (select q.ends_at from quarantine q where q.contact_id = contact_list_membership.contact_id
              and q.state = {sql_word(QuarantineState.ACTIVE)}) as quarantined_until
    from contact_list_membership
"""


def data_versions(connection: Connection) -> Mapping[str, str]:
    """The versions of what cached values are read from: ``members``, ``synced`` and ``campaigns``."""
    found = fetch_row(
        connection, "the versions of our rows", "select members::text, synced::text, campaigns::text from data_version"
    )
    return {name: str(value) for name, value in found.items()}


def installation_name(connection: Connection) -> str:
    """16 hexadecimal digits that tell this installation from every other, also from a copy of its database elsewhere."""
    name = fetch_scalar(
        connection,
        """
        select encode(sha256(convert_to(concat_ws(' ', v.installation_id, d.oid, d.datname), 'UTF8')), 'hex')
        from data_version v cross join pg_database d where d.datname = current_database()
        """,
    )
    return str(name)[:16]


def list_rows(connection: Connection) -> Mapping[ListRole, RowMapping]:
    """Per list: members by state, and when it was last read from Mailjet (None: never). Who is in quarantine is present."""
    found = fetch_all(
        connection,
        f"""
        select sizes.*, s.last_synced_at, s.last_full_sync_at
        from ({SIZES}) sizes left join sync_state s using (list_role)
        """,
        roles=[role.value for role in ListRole],
    )
    return {ListRole(row["list_role"]): row for row in found}


def memberships(connection: Connection, contact_ids: Sequence[int]) -> Sequence[RowMapping]:
    """Places and flags of contacts; those that we have no row of are missing."""
    return fetch_all(connection, _MEMBERSHIP + "where contact_id = any(:ids)", ids=list(contact_ids))


def last_changed_memberships(connection: Connection, most: int) -> Sequence[RowMapping]:
    """Places and flags of the contacts whose row changed last: who is looked up is mostly one of them."""
    return fetch_all(connection, _MEMBERSHIP + "order by last_updated desc, contact_id limit :most", most=most)


def members(connection: Connection, role: ListRole) -> tuple[list[int], list[bool], list[bool]]:
    """Contact ids of a list by ascending id, with whether each is unsubscribed there, and excluded. As arrays: a row
    object for each would cost ten times the time."""
    found = fetch_one(
        connection,
        """
        select array_agg(l.contact_id order by l.contact_id) as ids,
               array_agg(l.is_unsubscribed order by l.contact_id) as unsubscribed,
               array_agg(c.is_excluded order by l.contact_id) as excluded
        from list_membership l join contact_list_membership c using (contact_id)
        where l.list_role = :role and l.left_at is null
        """,
        role=role.value,
    )
    if found is None or found["ids"] is None:
        return [], [], []
    return list(found["ids"]), list(found["unsubscribed"]), list(found["excluded"])


def snapshot_taken_at(connection: Connection, campaign_id: int, sweep: str, phase: str) -> datetime | None:
    """When the sizes of a phase were counted; None when they were not, or when any of our rows changed since."""
    found = fetch_scalar(
        connection,
        """
        select min(s.taken_at) from list_snapshot s
        where s.campaign_id = :campaign and s.sweep = :sweep and s.phase = :phase
          and not exists (select from contact_list_membership m where m.last_updated > s.taken_at)
        """,
        campaign=campaign_id,
        sweep=sweep,
        phase=phase,
    )
    return found if isinstance(found, datetime) else None


def campaign_rows(connection: Connection) -> Sequence[RowMapping]:
    """Campaigns that are not retired, oldest first, with the state of their maintenance (the look after a day; None: none
    yet)."""
    return fetch_all(
        connection,
        """
        select q.campaign_key as key, q.campaign_name as name, q.round_number, c.number as cycle_number, q.status,
               coalesce(q.send_end_at, q.send_start_at) as sent_at,
               (q.scheduled_date + q.scheduled_time) at time zone 'UTC' as scheduled_at,
               q.recipient_count as recipients, l.status as maintenance
        from campaign_schedule q
        left join cycle c using (cycle_id)
        left join lateral (
            select status from list_maintenance_log
            where campaign_schedule_id = q.id and maintenance_type = 'post_campaign' and sweep = '24h'
            order by attempt desc limit 1) l on true
        where q.retired_at is null
        order by coalesce(q.send_end_at, q.send_start_at, q.created_at), q.id
        """,
    )
