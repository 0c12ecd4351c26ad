"""Who was mailed and what failed, in partitions by campaign: their spans, what is left of old ones, what the planner knows.

``campaign_recipient`` and ``bounce_event`` are partitioned by the number of the campaign, which grows with time; both have the
same spans. The default partition, ``…_newest``, takes whatever is in no other, so nothing is ever refused. Once a year what is
in it becomes a span of its own (``close_span``). A span that is older than history is kept is replaced by what a rule can still
ask for (``summarise``): one partition from the first campaign on, of a row or a few for each contact, beside the counts of
``contact_history`` and ``summarised_campaign``.

Belongs here: statements about partitions and summaries. Does not belong here: rows of a campaign (``campaigns.recipients``,
``bounces``), which attempts stay (``core.suppression.remembered``), and how long everything is kept (``core.retention``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.errors import HistorySummarisedError, LockHeldError
from list_pipeline.core.retention import SummarisedHistory
from list_pipeline.core.suppression.remembered import KEPT_UNKNOWN
from list_pipeline.core.wording import date_text
from list_pipeline.storage.database import (
    SCHEMA,
    answered_within,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    sql_list,
    sql_word,
)
from list_pipeline.storage.retention import DECIDED
from list_pipeline.storage.told_events import TOLD

TABLES = ("campaign_recipient", "bounce_event")
"""The partitioned tables."""

_NEWEST = "newest"
_UNSEEN_SHARE, _UNSEEN_ROWS = 1.2, 10_000
_LONGEST_S = 3600
"""A span of three years of 300 thousand contacts needs minutes."""
_LOCK_S, _LOCK_TRIES = 5, 12
"""Whoever reads or writes mailings waits behind us for so many seconds at the most, each time that we ask for the tables."""


@dataclass(frozen=True, slots=True)
class Span:
    """Campaigns from one number on up to another one, which is not among them; None: from the first on."""

    first: int | None
    end: int

    @property
    def name(self) -> str:
        """What the partitions of this span are called behind the name of their table."""
        return f"before_{self.end}" if self.first is None else f"{self.first}_to_{self.end}"

    @property
    def bounds(self) -> str:
        """The span in SQL."""
        return f"from ({'minvalue' if self.first is None else self.first}) to ({self.end})"


_SPANS = """
    select pg_get_expr(c.relpartbound, c.oid) as bounds from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = cast('campaign_recipient' as regclass)
"""


def spans(connection: Connection) -> tuple[Span, ...]:
    """The spans that are closed, oldest first; the default partition is none."""
    found = []
    for row in fetch_all(connection, _SPANS):
        words = str(row["bounds"]).replace("(", " ").replace(")", " ").replace("'", " ").split()
        if words[0] == "FOR":  # FOR VALUES FROM (1) TO (157)
            first, end = words[words.index("FROM") + 1], words[words.index("TO") + 1]
            found.append(Span(None if first == "MINVALUE" else int(first), int(end)))
    return tuple(sorted(found, key=lambda one: one.end))


_SENT_AT = "coalesce(s.send_start_at, s.send_end_at)"
_OVER_AT = "coalesce(s.send_end_at, s.send_start_at, (s.scheduled_date + s.scheduled_time) at time zone 'UTC')"


def span_to_close(connection: Connection, sent_before: datetime, all_since: datetime) -> Span | None:
    """The oldest campaigns of the default partition, where the first of them was sent long enough ago; None: none was.

    Args:
        sent_before: a span is closed when its first campaign was sent before this instant (UTC).
        all_since: where that campaign was not sent before this one, all campaigns so far become the span, and no row is moved;
            else, as after the change to partitions, those of the first year.
    """
    closed = spans(connection)
    since = closed[-1].end if closed else 0
    row = fetch_row(
        connection,
        "the campaigns of the newest partition",
        f"""
        select min(s.id) as first, max(s.id) + 1 as end, min({_SENT_AT}) as sent_at,
               min(s.id) filter (where {_OVER_AT} >= o.at + interval '1 year') as next_year
        from campaign_schedule s cross join (
            select min({_SENT_AT}) as at from campaign_schedule s where s.id >= :since) o
        where s.id >= :since
        """,
        since=since,
    )
    if row["sent_at"] is None or row["sent_at"] >= sent_before:
        return None
    is_year = row["sent_at"] < all_since and row["next_year"] is not None and row["next_year"] > row["first"]
    return Span(since or None, int(row["next_year"] if is_year else row["end"]))


def close_span(connection: Connection, span: Span) -> int:
    """Make a span of the oldest campaigns of the default partition, in one transaction, and return how many rows were moved:
    none where all that is there belongs to it.

    Raises:
        LockHeldError: somebody worked with mailings all the time; nothing was changed.
    """
    moved = 0
    with _unhurried(connection):
        _lock_tables(connection)
        for table in TABLES:
            newest, own = f"{table}_{_NEWEST}", f"{table}_{span.name}"
            is_all = not fetch_scalar(
                connection, f"select exists (select 1 from {newest} where campaign_id >= :end)", end=span.end
            )
            if is_all:
                execute(connection, f"alter table {table} detach partition {newest}")
                _rename(connection, newest, own)
            else:
                execute(connection, f"create table {own} (like {newest} including defaults including constraints)")
                execute(connection, f"insert into {own} select * from {newest} where campaign_id < :end", end=span.end)
                moved += execute(connection, f"delete from {newest} where campaign_id < :end", end=span.end)
            execute(connection, f"alter table {table} attach partition {own} for values {span.bounds}")
            if is_all:
                execute(connection, f"create table {newest} partition of {table} default")
    return moved


def _rename(connection: Connection, table: str, name: str) -> None:
    """Give a table another name, and its indexes with it."""
    for row in fetch_all(
        connection,
        "select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid"
        " where i.indrelid = cast(:table as regclass)",
        table=table,
    ):
        execute(connection, f'alter index "{row["name"]}" rename to "{str(row["name"]).replace(table, name)}"')
    execute(connection, f"alter table {table} rename to {name}")


def old_end(connection: Connection, sent_before: datetime) -> int | None:
    """The end of the closed spans of which every campaign was over before an instant (UTC), and is waited for by nobody, where
    one of them is not summarised yet; None: there is none."""
    summarised = max(
        (one.end for one in spans(connection) if one.first is None and _is_summarised(connection, one)), default=0
    )
    for span in reversed(spans(connection)):
        if span.end <= summarised:
            return None
        if fetch_scalar(
            connection,
            f"""
            select not exists (select 1 from campaign_schedule s where s.id < :end and s.retired_at is null
                               and {_OVER_AT} >= :before)
               and not exists (select 1 from (select s.id as campaign_id from campaign_schedule s where s.id < :end) r
                               where not ({DECIDED}))
            """,
            end=span.end,
            before=sent_before,
        ):
            return span.end
    return None


def _is_summarised(connection: Connection, span: Span) -> bool:
    return bool(
        fetch_scalar(
            connection,
            f"""select not exists (select 1 from campaign_schedule s where s.id < :end and {_SENT_AT} is not null
                                   and not exists (select 1 from summarised_campaign d where d.campaign_id = s.id))""",
            end=span.end,
        )
    )


# What became of a mailing is said by the reading that is believed: the latest complete one, else the latest.
_CAMPAIGNS = f"""
    create temporary table old_campaign on commit drop as
    select s.id, {_SENT_AT} as sent_at, f.sweep, coalesce(f.is_complete, false) as is_complete,
           cast(row_number() over (order by {_SENT_AT}, s.id) as integer) as place,
           not exists (select 1 from summarised_campaign d where d.campaign_id = s.id) as is_new
    from campaign_schedule s left join lateral (
        select b.sweep, b.is_complete from bounce_fetch b where b.campaign_id = s.id and b.sweep <> '{TOLD}'
        order by b.is_complete desc, b.fetched_at desc limit 1) f on true
    where s.id < :end
"""
_MAILINGS = """
    campaign_recipient r join old_campaign c on c.id = r.campaign_id
    left join bounce_event e on e.campaign_id = c.id and e.sweep = c.sweep and e.contact_id = r.contact_id
         and e.campaign_id < :end
    where r.campaign_id < :end and c.sent_at is not null
"""
_DELIVERED = "(e.contact_id is null and c.is_complete)"
_CERTAIN = "e.contact_id is not null and not e.is_contradictory and e.bounce_class"
_HARD, _SOFT = (f"({_CERTAIN} = {sql_word(one)})" for one in (BounceClass.HARD, BounceClass.SOFT))
_OTHER = f"(e.contact_id is not null and not coalesce({_HARD} or {_SOFT}, false))"
_CONTACTS = f"""
    create temporary table old_contact on commit drop as
    select r.contact_id, max(c.place) filter (where {_DELIVERED}) as delivered_place, count(*) as mailings,
           count(*) filter (where c.is_new) as campaigns, count(*) filter (where c.is_new and {_DELIVERED}) as delivered,
           count(*) filter (where c.is_new and {_HARD}) as hard, count(*) filter (where c.is_new and {_SOFT}) as soft,
           count(*) filter (where c.is_new and {_OTHER}) as other,
           min(c.sent_at) filter (where c.is_new) as first_sent_at, max(c.sent_at) filter (where c.is_new) as last_sent_at
    from {_MAILINGS} group by r.contact_id
"""
_REMEMBERED = f"""
    create temporary table remembered on commit drop as
    select contact_id, campaign_id from (
        select r.contact_id, r.campaign_id, e.contact_id is null and not c.is_complete as is_unknown,
               row_number() over (partition by r.contact_id, e.contact_id is null and not c.is_complete
                                  order by c.place desc) as latest
        from {_MAILINGS} and c.place >= coalesce(
            (select o.delivered_place from old_contact o where o.contact_id = r.contact_id), 0)) since
    where not is_unknown or latest <= {KEPT_UNKNOWN}
    union
    -- Of every reading, of the believed one, and of a whole one: what explains where a contact is.
    (select distinct on (e.contact_id, e.bounce_class, e.is_believed, e.is_complete) e.contact_id, e.campaign_id from (
         select e.contact_id, e.campaign_id, e.bounce_class, c.place, c.is_complete,
                e.sweep = c.sweep and not e.is_contradictory as is_believed
         from bounce_event e join old_campaign c on c.id = e.campaign_id
         where e.campaign_id < :end and e.bounce_class in {sql_list(BounceClass.HARD, BounceClass.COMPLAINT)}) e
     order by e.contact_id, e.bounce_class, e.is_believed, e.is_complete, e.place desc)
    union
    -- What is not understood stays.
    select r.contact_id, r.campaign_id from campaign_recipient r join old_campaign c on c.id = r.campaign_id
    where r.campaign_id < :end and c.sent_at is null
"""


_FORGET = "drop table old_campaign, old_contact, remembered"


def count_old_history(connection: Connection, end: int) -> SummarisedHistory:
    """What ``summarise`` would do.

    Args:
        end: as ``old_end`` says.
    """
    with _unhurried(connection):
        found = _weigh(connection, end)
        execute(connection, _FORGET)
    return found


def _weigh(connection: Connection, end: int) -> SummarisedHistory:
    for statement in (_CAMPAIGNS, _CONTACTS):
        execute(connection, statement, end=end)
    execute(connection, "create index on old_contact (contact_id)")
    execute(connection, _REMEMBERED, end=end)
    execute(connection, "create index on remembered (campaign_id, contact_id)")
    execute(connection, "analyze old_contact, remembered")
    row = fetch_row(
        connection,
        "the old history",
        """
        select (select count(*) from old_campaign where is_new and sent_at is not null) as campaigns,
               (select max(sent_at) from old_campaign where is_new) as sent_until,
               (select count(*) from campaign_recipient where campaign_id < :end) as mailings,
               (select count(*) from campaign_recipient r join remembered using (campaign_id, contact_id)
                where r.campaign_id < :end) as mailings_kept,
               (select count(*) from bounce_event where campaign_id < :end) as failures,
               (select count(*) from bounce_event b join remembered using (campaign_id, contact_id)
                where b.campaign_id < :end) as failures_kept,
               (select count(*) from old_contact where campaigns > 0) as contacts
        """,
        end=end,
    )
    return SummarisedHistory(**row)


def summarise(connection: Connection, end: int, now: datetime) -> SummarisedHistory:
    """Put what a rule can still ask for in the place of all mailings and failures of the campaigns up to a number, and their
    counts beside it, in one transaction.

    Nobody writes rows of these campaigns meanwhile; they are read until the last moment.

    Args:
        end: as ``old_end`` says.

    Raises:
        LockHeldError: somebody worked with mailings all the time; nothing was changed.
    """
    with _unhurried(connection):
        old = [span for span in spans(connection) if span.end <= end]
        for table in TABLES:
            for span in old:
                execute(connection, f"lock table {table}_{span.name} in share mode")
        found = _weigh(connection, end)
        execute(connection, _COUNT_CAMPAIGNS, end=end, now=now)
        execute(connection, _COUNT_CONTACTS, end=end)
        own = Span(None, end)
        for table in TABLES:
            execute(connection, f"create table {table}_summary (like {table} including defaults including constraints)")
            execute(
                connection,
                f"insert into {table}_summary select t.* from {table} t join remembered using (campaign_id, contact_id)"
                " where t.campaign_id < :end",
                end=end,
            )
        _lock_tables(connection)
        for table in TABLES:
            for span in old:
                execute(connection, f"alter table {table} detach partition {table}_{span.name}")
                execute(connection, f"drop table {table}_{span.name}")
            execute(connection, f"alter table {table}_summary rename to {table}_{own.name}")
            execute(connection, f"alter table {table} attach partition {table}_{own.name} for values {own.bounds}")
            execute(connection, f"analyze {table}")
        execute(connection, _FORGET)
    return found


_COUNT_CAMPAIGNS = f"""
    insert into summarised_campaign (campaign_id, summarised_at, recipients, delivered, hard, soft, other)
    select o.id, :now, coalesce(n.recipients, 0), case when o.is_complete then coalesce(n.delivered, 0) end,
           coalesce(n.hard, 0), coalesce(n.soft, 0), coalesce(n.other, 0)
    from old_campaign o left join (
        select c.id, count(*) as recipients, count(*) filter (where {_DELIVERED}) as delivered,
               count(*) filter (where {_HARD}) as hard, count(*) filter (where {_SOFT}) as soft,
               count(*) filter (where {_OTHER}) as other
        from {_MAILINGS} and c.is_new group by c.id) n using (id)
    where o.is_new and o.sent_at is not null
"""
_COUNT_CONTACTS = """
    with counted as (
        select o.contact_id, o.campaigns, o.delivered, o.hard, o.soft, o.other, o.mailings - coalesce(k.mailings, 0) as gone,
               o.first_sent_at, o.last_sent_at
        from old_contact o left join (
            select contact_id, count(*) as mailings from campaign_recipient r join remembered using (campaign_id, contact_id)
            join old_campaign c on c.id = r.campaign_id and c.sent_at is not null
            where r.campaign_id < :end group by contact_id) k using (contact_id)
        where o.campaigns > 0),
    known as (
        update contact_history h set campaigns = h.campaigns + n.campaigns, delivered = h.delivered + n.delivered,
               hard = h.hard + n.hard, soft = h.soft + n.soft, other = h.other + n.other, gone = h.gone + n.gone,
               first_sent_at = least(h.first_sent_at, n.first_sent_at), last_sent_at = greatest(h.last_sent_at, n.last_sent_at)
        from counted n where n.contact_id = h.contact_id returning h.contact_id)
    insert into contact_history (contact_id, campaigns, delivered, hard, soft, other, gone, first_sent_at, last_sent_at)
    select * from counted n where not exists (select 1 from known k where k.contact_id = n.contact_id)
"""


@contextmanager
def _unhurried(connection: Connection) -> Iterator[None]:
    """Statements may take as long as years of history need. The limits of the transaction stay as they are set here."""
    execute(connection, "set local statement_timeout = 0")
    execute(connection, "set local work_mem = '64MB'")
    with answered_within(connection, _LONGEST_S):
        yield


def _lock_tables(connection: Connection) -> None:
    """Take the tables for ourselves. Whoever comes behind us waits for seconds, then goes first before we ask again."""
    before = fetch_scalar(connection, "show lock_timeout")
    execute(connection, f"set local lock_timeout = '{_LOCK_S}s'")
    for _ in range(_LOCK_TRIES):
        try:
            with connection.begin_nested():
                execute(connection, f"lock table {', '.join(TABLES)} in access exclusive mode")
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            continue
        execute(connection, f"set local lock_timeout = '{before}'")
        return
    raise LockHeldError(
        "Changing the partitions of the history",
        "somebody worked with it all the time",
        "Nothing was changed; the daily job tries it again",
    )


def mailings_gone(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, int]:
    """How many mailings of each contact nothing is left of but a count; a contact without any is missing."""
    found = fetch_all(
        connection,
        "select contact_id, gone from contact_history where contact_id = any(:ids) and gone > 0",
        ids=list(contact_ids),
    )
    return {int(row["contact_id"]): int(row["gone"]) for row in found}


IS_SUMMARISED = "exists (select 1 from summarised_campaign d where d.campaign_id = s.id)"
"""Whether only a summary is left of the campaign ``s``."""


def is_summarised(connection: Connection, campaign_id: int) -> bool:
    """Whether only a summary is left of a campaign."""
    return bool(
        fetch_scalar(
            connection,
            "select exists (select 1 from summarised_campaign where campaign_id = :campaign)",
            campaign=campaign_id,
        )
    )


def require_kept(connection: Connection, tried: str, campaign_ids: Sequence[int]) -> None:
    """Nothing of these campaigns is summarised.

    Raises:
        HistorySummarisedError: something is.
    """
    row = fetch_one(
        connection,
        """
        select s.campaign_key, d.summarised_at, (select max(coalesce(o.send_start_at, o.send_end_at)) from campaign_schedule o
                                                 join summarised_campaign n on n.campaign_id = o.id) as until
        from summarised_campaign d join campaign_schedule s on s.id = d.campaign_id
        where d.campaign_id = any(:ids) order by coalesce(s.send_start_at, s.send_end_at) desc limit 1
        """,
        ids=list(campaign_ids),
    )
    if row is not None:
        raise HistorySummarisedError(
            tried,
            f"the mailings of {row['campaign_key']} were summarised on {date_text(row['summarised_at'])}, and only counts and"
            " each contact's last ones are left",
            f"Ask about campaigns that were sent after {date_text(row['until'])}, or restore a backup from before elsewhere",
        )


def keep_statistics(connection: Connection) -> tuple[str, ...]:
    """Let PostgreSQL look at a partitioned table again that grew by a fifth since it did, and return their names.

    Autovacuum looks at partitions only. What they have in common (how many campaigns a contact got) is what a join is planned
    with, and without it PostgreSQL takes a contact for a two-hundredth of all rows.
    """
    found = fetch_all(
        connection,
        """
        select p.relname as name from pg_class p join pg_inherits i on i.inhparent = p.oid
        join pg_class c on c.oid = i.inhrelid left join pg_stat_user_tables s on s.relid = c.oid
        where p.oid = any(cast(:tables as regclass[]))
        group by p.relname, p.reltuples
        having sum(greatest(c.reltuples, s.n_live_tup, 0)) > :share * greatest(p.reltuples, 0) + :rows
        order by p.relname
        """,
        tables=[f"{SCHEMA}.{table}" for table in TABLES],
        share=_UNSEEN_SHARE,
        rows=_UNSEEN_ROWS,
    )
    names = tuple(str(row["name"]) for row in found)
    for name in names:
        execute(connection, f"analyze {name}")  # of TABLES
    return names
