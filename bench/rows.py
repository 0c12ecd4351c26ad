"""Bytes a row of the product's tables, indexes included, after a maintenance of an account.

    python -m bench.rows [contacts]

An account of so many contacts (50,000) is read for the first time and maintained once; then each table's size on disk is
divided by its rows. Small tables are left out: their figure would be that of an empty page.

Belongs here: sizes as PostgreSQL reports them. Does not belong here: what follows from them (``bench.scale``).
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

import psycopg
import structlog

from bench.account import account, admin_url, quiet
from list_pipeline.operations import setup
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.synchronisation import synchronise

LEAST_ROWS = 200
SIZES = """
    select relname, sum(pg_relation_size(relid)), sum(pg_indexes_size(relid)), sum(pg_total_relation_size(relid))
    from pg_class c join pg_namespace n on n.oid = relnamespace,
         -- A table that is partitioned is one; its leaves hold the rows.
         lateral (select relid from pg_partition_tree(c.oid) where isleaf union select c.oid where relkind = 'r') leaves (relid)
    where nspname = 'list_pipeline' and relkind in ('r', 'p') and not relispartition
    group by relname order by 4 desc
"""


@dataclass(frozen=True)
class Table:
    """A table's rows, and its bytes on disk: of the rows, and of the indexes on them."""

    name: str
    rows: int
    heap: int
    indexes: int
    total: int

    @property
    def bytes_a_row(self) -> float:
        """Everything that belongs to the table, by its rows."""
        return self.total / self.rows


def tables(database_url: str) -> list[Table]:
    """The tables with enough rows to say something, the largest first."""
    with psycopg.connect(database_url) as connection:
        found = []
        for name, heap, indexes, total in connection.execute(SIZES).fetchall():
            counted = psycopg.sql.SQL("select count(*) from list_pipeline.{}").format(psycopg.sql.Identifier(name))
            (rows,) = connection.execute(counted).fetchone() or (0,)
            if rows >= LEAST_ROWS:
                found.append(Table(str(name), int(rows), int(heap), int(indexes), int(total)))
    return found


def main() -> None:
    """Measure, and print a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    contacts = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with account(contacts, admin_url(), seed={"scenario": "closed_cycle"}) as made:
        services = made.services
        setup.prepare(services)
        synchronise(services, progress=quiet)
        confirm_lists(services, by="Who Measures")
        for one in due(services):
            workflow.maintain(services, one.campaign_key, run_id="rows", progress=quiet)
        print(f"{'table':<34} {'rows':>10} {'bytes a row':>12} {'of it indexes':>14}")
        for table in tables(made.database_url):
            indexes = table.indexes / table.rows
            print(f"{table.name:<34} {table.rows:>10,} {table.bytes_a_row:>12,.0f} {indexes:>14,.0f}")


if __name__ == "__main__":
    main()
