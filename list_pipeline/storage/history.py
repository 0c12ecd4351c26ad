"""Who was mailed and what failed, in partitions by campaign: their spans, and what the planner of queries knows of them.

``campaign_recipient`` and ``bounce_event`` are partitioned by the number of the campaign, which grows with time; both have the
same spans. The default partition, ``…_newest``, takes whatever is in no other, so nothing is ever refused.

Belongs here: statements about partitions as such. Does not belong here: rows of a campaign (``campaigns.recipients``,
``bounces``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.storage.database import SCHEMA, execute, fetch_all

TABLES = ("campaign_recipient", "bounce_event")
"""The partitioned tables."""

_UNSEEN_SHARE, _UNSEEN_ROWS = 1.2, 10_000


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
