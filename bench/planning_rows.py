"""Rows to plan on, made by DuckDB and copied into the product's own tables: years of campaigns, and lists of many members.

Belongs here: what the rows look like, and that both databases have the same. Does not belong here: measuring (``planning``).
Nothing is random: who fails when follows from hashes of the contact and the campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import psycopg

BETWEEN_CYCLES = timedelta(days=14)


@dataclass(frozen=True)
class Past:
    """An account with a history: every contact is in one of three lists, and each list is sent to once a cycle.

    ``healthy``: of a thousand messages to contacts without a lasting trouble so many fail.
    """

    contacts: int
    cycles: int
    healthy: int = 75

    @property
    def last_campaign(self) -> int:
        """The id of the campaign that is planned for."""
        return 3 * self.cycles


@dataclass(frozen=True)
class Members:
    """Lists that are out of balance, of so many contacts together, and contacts in master that are on none."""

    contacts: int


_DOMAIN = """case when h % 100 < 40 then 'gmail.com' when h % 100 < 55 then 'outlook.com' when h % 100 < 63 then 'yahoo.com'
    when h % 100 < 70 then 'web.de' else 'company-' || hash(c, 2) % greatest($contacts // 10, 1) || '.example' end"""

_CYCLES = """
    create table cycle as select k as cycle_id, k as number, $start + (k - 1) * interval 14 days as opened_at,
        case when k < $cycles then $start + k * interval 14 days end as closed_at,
        case when k < $cycles then 'complete' end as closed_reason
    from range(1, $cycles + 1) n (k)"""

_CAMPAIGNS = """
    create table campaign_schedule as
    select 3 * (y.number - 1) + r as id, 'news-' || y.number || '-' || r as campaign_key, 'news ' || y.number as campaign_name,
           r as round_number, y.cycle_id, cast(sent_at as date) as scheduled_date, time '09:00' as scheduled_time,
           'list ' || r as list_name, 10503496 + r as list_id, 1000 + 3 * y.number + r as mailjet_campaign_id,
           'COMPLETED' as status, sent_at as send_start_at, sent_at + interval 2 hours as send_end_at,
           'messages' as recipients_source, sent_at as recipients_known_at, sent_at as recipients_proven_at,
           sent_at as created_at, sent_at as updated_at
    from cycle y, range(1, 4) n (r), lateral (select y.opened_at + (r - 1) * interval 2 days as sent_at) t
    where $rounds > 0 or y.number < $cycles or r < 3"""

_CONTACTS = f"""
    create table contact_list_membership as
    select c as contact_id, 'c' || c || '@' || {_DOMAIN} as email, true as in_master_list, c % 3 = 1 as in_campaign_list_1,
           c % 3 = 2 as in_campaign_list_2, c % 3 = 0 as in_campaign_list_3, false as in_suppression_list,
           false as is_unsubscribed, false as is_excluded, $start as queued_at, $start as last_updated,
           cast(format('{{:032x}}', c) as uuid) as address_key, 0 as delivered_count, $start as delivered_counted_at
    from (select c, hash(c, 1) as h from range(1, $contacts + 1) n (c)) s"""

# One in ten came meanwhile, and half of those whose address died left after two more cycles.
_RECIPIENTS = """
    create table campaign_recipient as
    select s.id as campaign_id, c.contact_id
    from campaign_schedule s join contact_list_membership c on c.contact_id % 3 = s.round_number % 3
    where (hash(c.contact_id, 3) % 10 > 0 or hash(c.contact_id, 4) % $cycles < s.cycle_id)
      and not (hash(c.contact_id, 1) % 1000 between 940 and 969 and hash(c.contact_id, 5) % 2 = 0
               and s.cycle_id > hash(c.contact_id, 6) % $cycles + 3)"""

_FETCHES = """
    create table bounce_fetch as
    select s.id as campaign_id, w.sweep, s.send_end_at + w.days * interval 1 day as fetched_at, true as is_complete,
           0 as rows_read
    from campaign_schedule s, (values ('24h', 1), ('72h', 3), ('7d', 7)) w (sweep, days)
    where w.sweep = '24h' or s.id < (select max(id) from campaign_schedule)"""

# Most fail now and then and for changing reasons; some are full for long, some dead since a day, some inactive, some at a
# domain that gives no answer. What is read later has more.
_EVENTS = """
    create table bounce_event as
    select f.campaign_id, w.sweep, f.contact_id, f.occurred_at, k.bounce_class, k.reason, k.is_disputed, k.state_id,
           true as in_bounce_log, true as in_message_log, false as is_contradictory
    from (
        select r.campaign_id, r.contact_id, e, s.send_start_at + to_seconds(e % 7200) as occurred_at,
               case when kind < 880 then case when e // 1000 % 1000 < $healthy then 1 + e // 1000000 % 20 end
                    when kind < 940 then case when e % 10 < 7 then 1 end
                    when kind < 970 then case when s.cycle_id = died + 1 then 17 when s.cycle_id > died + 1 then 20 end
                    when kind < 990 then case when e % 10 < 6 then 18 end
                    else case when e % 10 < 9 then 15 end
               end as place
        from (select *, hash(contact_id, campaign_id, 7) as e, hash(contact_id, 1) % 1000 as kind,
                     hash(contact_id, 6) % $cycles as died from campaign_recipient) r
        join campaign_schedule s on s.id = r.campaign_id
    ) f join (values
        (1, 'soft', 'mailbox_full', false, 3), (2, 'soft', 'mailbox_full', false, 3), (3, 'soft', 'mailbox_full', false, 3),
        (4, 'soft', 'mailbox_full', false, 3), (5, 'soft', 'mailbox_full', false, 3), (6, 'block', 'access_denied', false, 6),
        (7, 'block', 'access_denied', false, 6), (8, 'block', 'policy_issue', false, 9), (9, 'block', 'greylisted', false, 13),
        (10, 'block', 'greylisted', false, 13), (11, 'block', 'greylisted', false, 13),
        (12, 'content', 'content_blocked', false, 8), (13, 'content', 'content_blocked', false, 8),
        (14, 'block', 'connection_issue', false, 12), (15, 'block', 'connection_issue', false, 12),
        (16, 'unknown', 'unclassified', false, null), (17, 'hard', 'user_unknown', false, 1),
        (18, 'hard', 'mailbox_inactive', true, 2), (19, 'hard', 'mailbox_inactive', true, 2),
        (20, 'not_evidence', 'preblocked', false, 14)) k (place, bounce_class, reason, is_disputed, state_id) using (place)
    join bounce_fetch w using (campaign_id)
    where w.sweep = '7d' or f.e // 7 % 100 < case w.sweep when '24h' then 92 else 97 end"""

# What earlier plans counted, so that the one that is measured counts its own campaign alone.
_COUNTS = """
    create table incident_count as
    select s.id as campaign_id, g.kind, g.name, $contacts // 3 * g.share // 100 as attempted,
           $contacts // 3 * g.share // 40000 as hard, g.name = 'Google' and s.id % 20 = 7 as is_flagged
    from campaign_schedule s, (values ('operator', 'Google', 38), ('operator', 'Yahoo', 7), ('pool', 'other domains', 30))
        g (kind, name, share)
    where s.id < (select max(id) from campaign_schedule)
    union all
    select s.id, 'domain', 'company-' || s.id || '.example', 10, 5, true from campaign_schedule s
    where s.id < (select max(id) from campaign_schedule)"""

# Two lists of which one has too many; one in twenty is new, one in thirty cannot be mailed. Of the open cycle two rounds of
# three were sent.
_MEMBERS = f"""
    create table contact_list_membership as
    select c as contact_id, 'c' || c || '@' || {_DOMAIN} as email, true as in_master_list, p < 36 as in_campaign_list_1,
           p between 36 and 65 as in_campaign_list_2, p between 66 and 94 as in_campaign_list_3,
           hash(c, 8) % 60 = 0 and p >= 95 as in_suppression_list, hash(c, 9) % 60 = 0 as is_unsubscribed,
           hash(c, 10) % 60 = 0 as is_excluded, $start + to_seconds(hash(c, 11) % 80000000) as queued_at,
           $start as last_updated, cast(format('{{:032x}}', c) as uuid) as address_key, 0 as delivered_count,
           $start as delivered_counted_at
    from (select c, hash(c, 1) as h, hash(c, 12) % 100 as p from range(1, $contacts + 1) n (c)) s"""

_LISTED = """
    create table campaign_recipient as
    select s.id as campaign_id, c.contact_id from campaign_schedule s join contact_list_membership c
      on s.round_number = case when in_campaign_list_1 then 1 when in_campaign_list_2 then 2 when in_campaign_list_3 then 3
                               -- Some that are on no list any more were on one.
                               when hash(c.contact_id, 13) % 4 = 0 then 1 end
    where not is_unsubscribed and not is_excluded"""

_PLACES = """
    create table list_membership as
    select 'campaign_' || l as list_role, contact_id, contact_id as recipient_id, is_unsubscribed, queued_at as subscribed_at,
           queued_at as first_seen_at
    from contact_list_membership, range(1, 4) n (l)
    where case l when 1 then in_campaign_list_1 when 2 then in_campaign_list_2 else in_campaign_list_3 end"""

_SUPPRESSED = """
    create table contact_suppression_history as
    select contact_id, email, $start as suppressed_at, 'hard_bounce' as reason, true as added_to_suppression_list, address_key
    from contact_list_membership where hash(contact_id, 8) % 60 = 0"""


def past_rows(past: Past, end: datetime) -> duckdb.DuckDBPyConnection:
    """A DuckDB with the account; its last campaign was sent a day before ``end`` and read once."""
    start = end - timedelta(days=5, hours=3) - (past.cycles - 1) * BETWEEN_CYCLES
    values = {"contacts": past.contacts, "cycles": past.cycles, "start": start, "healthy": past.healthy, "rounds": 3}
    return _made((_CYCLES, _CAMPAIGNS, _CONTACTS, _RECIPIENTS, _FETCHES, _EVENTS, _COUNTS), values)


def member_rows(members: Members, end: datetime) -> duckdb.DuckDBPyConnection:
    """A DuckDB with the lists."""
    cycles = 6
    start = end - timedelta(days=10) - cycles * BETWEEN_CYCLES
    values = {"contacts": members.contacts, "cycles": cycles, "start": start, "rounds": 0}
    return _made((_CYCLES, _CAMPAIGNS, _MEMBERS, _LISTED, _PLACES, _SUPPRESSED), values)


def _made(statements: tuple[str, ...], values: Mapping[str, object]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute("set timezone = 'UTC'")
    for statement in statements:
        used = {name: value for name, value in values.items() if f"${name}" in statement}
        connection.execute(statement, used)
    return connection


def copy_to(rows: duckdb.DuckDBPyConnection, database_url: str, folder: Path) -> dict[str, int]:
    """Copy all tables into the product's own of the same names, and return how many rows each has.

    Keys and indexes of large tables are made after the rows, and no trigger runs, as where a dump is loaded.
    """
    counts = {}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for setting in (
            "search_path = list_pipeline",
            "session_replication_role = replica",
            "synchronous_commit = off",
            "maintenance_work_mem = '512MB'",
        ):
            connection.execute(f"set {setting}".encode())
        tables = [str(name) for (name,) in rows.execute("select table_name from duckdb_tables()").fetchall()]
        for table in tables:
            counts[table] = _copy(rows, connection, table, folder / f"{table}.csv")
        connection.execute("vacuum (analyze)")
    return counts


def _copy(
    rows: duckdb.DuckDBPyConnection, connection: psycopg.Connection[tuple[object, ...]], table: str, path: Path
) -> int:
    columns = [str(row[0]) for row in rows.execute(f"describe {table}").fetchall()]
    (count,) = rows.execute(f"copy {table} to '{path}' (format csv, header false)").fetchone() or (0,)
    again = _without_indexes(connection, table)
    with (
        path.open("rb") as file,
        connection.cursor() as cursor,
        cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin (format csv)".encode()) as copy,
    ):
        while block := file.read(1 << 20):
            copy.write(block)
    path.unlink()
    for statement in again:
        connection.execute(statement.encode())
    return int(count)


def _without_indexes(connection: psycopg.Connection[tuple[object, ...]], table: str) -> list[str]:
    """Drop the indexes of a table that nothing else needs, and return the statements that make them again."""
    found = connection.execute(
        """
        select case when c.oid is null then 'drop index ' || i.indexrelid::regclass
                    else 'alter table ' || i.indrelid::regclass || ' drop constraint ' || quote_ident(c.conname) end,
               -- Of a partitioned table: with its partitions, as the migration made it.
               case when c.oid is null then replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
                    else 'alter table ' || i.indrelid::regclass || ' add constraint ' || quote_ident(c.conname) || ' '
                         || pg_get_constraintdef(c.oid) end
        from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
        where i.indrelid = cast(%s as regclass)
          and not exists (select 1 from pg_constraint f where f.conindid = i.indexrelid and f.contype = 'f')
        """,
        (table,),
    ).fetchall()
    for drop, _ in found:
        connection.execute(str(drop).encode())
    return [str(make) for _, make in found]
