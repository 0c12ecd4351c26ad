"""Backups that were taken and restored, the rows that one counts, and the schemas that a restore moves.

Does not belong here: files and PostgreSQL's programs (``storage.dumps``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from list_pipeline.core.backups.verdicts import LastBackup
from list_pipeline.core.errors import ConfigurationError, LockHeldError
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import (
    RESTORING,
    SCHEMA,
    Database,
    execute,
    fetch_all,
    fetch_row,
    fetch_scalar,
)


def tables(connection: Connection) -> list[str]:
    """Names of the tables of our schema, in order; none where there is no schema. A table stands for its partitions."""
    found = fetch_all(
        connection,
        "select c.relname as name from pg_class c where c.relnamespace = to_regnamespace(:schema) and c.relkind in ('r', 'p')"
        " and not c.relispartition order by c.relname",
        schema=SCHEMA,
    )
    return [str(row["name"]) for row in found]


def rows_of_tables(connection: Connection) -> dict[str, int]:
    """How many rows each table of our schema has, as the transaction sees them."""
    # Names out of the catalogue, quoted.
    return {
        name: int(fetch_scalar(connection, f'select count(*) from "{SCHEMA}"."{name}"')) for name in tables(connection)
    }


def server_major(connection: Connection) -> int:
    """The major version of the server."""
    return int(fetch_scalar(connection, "select current_setting('server_version_num')::int")) // 10_000


@contextmanager
def snapshot(database: Database) -> Iterator[tuple[Connection, str]]:
    """A transaction that sees one instant, and the name by which another program sees the same. However long it takes."""
    with database.session() as connection:
        execute(connection, "begin isolation level repeatable read read only")
        # Nothing is asked of it while the program writes, and it holds no row.
        execute(connection, "set local idle_in_transaction_session_timeout = 0")
        execute(connection, "set local statement_timeout = 0")
        yield connection, str(fetch_scalar(connection, "select pg_export_snapshot()"))
        execute(connection, "commit")


def is_recordable(connection: Connection) -> bool:
    """Whether the schema has the tables of this module; an older one has not."""
    return fetch_scalar(connection, "select to_regclass(:name)", name=f"{SCHEMA}.restoration") is not None


def record(
    connection: Connection, name: str, taken_at: datetime, size_bytes: int, sha256: str, schema_version: str
) -> None:
    """Write down that a backup was taken; a second time changes nothing."""
    execute(
        connection,
        """
        insert into backup (name, taken_at, size_bytes, sha256, schema_version)
        values (:name, :taken_at, :size_bytes, :sha256, :schema_version) on conflict (name) do nothing
        """,
        name=name,
        taken_at=taken_at,
        size_bytes=size_bytes,
        sha256=sha256,
        schema_version=schema_version,
    )


def record_verified(connection: Connection, name: str, now: datetime) -> None:
    """Write down that a backup was restored into a database of its own, and held what it should."""
    execute(connection, "update backup set verified_at = :now where name = :name", name=name, now=now)


def record_restoration(
    connection: Connection, name: str, taken_at: datetime, by: str, reason: str, now: datetime
) -> int:
    """Write down that a backup was restored here; its number."""
    return int(
        fetch_scalar(
            connection,
            """
            insert into restoration (restored_at, backup_name, taken_at, restored_by, reason)
            values (:now, :name, :taken_at, :by, :reason) returning restoration_id
            """,
            name=name,
            taken_at=taken_at,
            by=by,
            reason=reason,
            now=now,
        )
    )


def restored_since(connection: Connection, since: datetime) -> bool:
    """Whether a backup was restored here at an instant or later."""
    return bool(
        fetch_scalar(connection, "select exists (select 1 from restoration where restored_at >= :since)", since=since)
    )


def last(connection: Connection) -> LastBackup:
    """The last backup, and the last that was compared."""
    row = fetch_row(
        connection, "the backups", "select max(taken_at) as taken_at, max(verified_at) as verified_at from backup"
    )
    return LastBackup(row["taken_at"], row["verified_at"])


# Schemas and databases


@contextmanager
def nobody_changes_lists(database: Database) -> Iterator[None]:
    """No process changes lists while a block runs, and none begins to.

    Raises:
        LockHeldError: somebody does.
    """
    with database.session() as session:
        if not fetch_scalar(session, "select pg_try_advisory_lock(:key)", key=lock_numbers.MUTATION):
            raise LockHeldError(
                "Restoring a backup", "lists are being changed right now", "Stop the services first, then repeat it"
            )
        yield


def begin_restoring(connection: Connection) -> None:
    """Put up the mark of a restore that is under way; from then on no list is changed (``storage.safety.continuity``)."""
    execute(connection, f"create schema if not exists {RESTORING}")


def end_restoring(connection: Connection) -> None:
    """Take the mark away."""
    execute(connection, f"drop schema if exists {RESTORING}")


def move_schema_away(connection: Connection, name: str) -> None:
    """Give our schema another name; an empty one is removed, and none is no error."""
    if not tables(connection):
        drop_schema(connection)
        return
    execute(connection, f"alter schema {SCHEMA} rename to {name}")


def drop_schema(connection: Connection) -> None:
    """Remove our schema with everything in it: what a restore that failed left behind."""
    execute(connection, f"drop schema if exists {SCHEMA} cascade")


def move_schema_back(connection: Connection, name: str) -> None:
    """Give a schema that was moved away our name again."""
    execute(connection, f"alter schema {name} rename to {SCHEMA}")


@contextmanager
def scratch_database(database: Database) -> Iterator[Database]:
    """A new database on the same server, empty, and dropped afterwards.

    Raises:
        ConfigurationError: the user may not create one.
    """
    name = f"list_pipeline_scratch_{uuid.uuid4().hex[:12]}"
    with database.session() as session:
        try:
            execute(session, f"create database {name} template template0")
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            raise ConfigurationError(
                "Making a database to try the backup in",
                "the user of DATABASE_URL may not create databases",
                "Grant it CREATEDB, or try the backup on another server",
            ) from None
    scratch = Database(make_url(database.url).set(database=name).render_as_string(hide_password=False))
    try:
        yield scratch
    finally:
        scratch.close()
        with database.session() as session:
            execute(session, f"drop database if exists {name} with (force)")
