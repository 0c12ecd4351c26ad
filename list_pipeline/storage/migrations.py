"""Brings the schema forward and back with the plain-SQL files of ``sql/migrations``.

Belongs here: finding the files and handing them to yoyo. Does not belong here: any DDL.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from yoyo import get_backend, read_migrations
from yoyo.exceptions import LockTimeout

from list_pipeline.core.errors import ConfigurationError, LockHeldError
from list_pipeline.core.wording import count_text
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import SCHEMA, Database, execute, fetch_all, fetch_scalar
from list_pipeline.storage.database_errors import plain_errors

logging.getLogger("yoyo").setLevel(logging.WARNING)

_APPLIED = "_yoyo_migration"
"""Where yoyo notes what it applied."""
_LOCKED = "yoyo_lock"
"""Where yoyo notes who is at it: one row, whose ``pid`` is negative where this version wrote it."""
_LOOKS = 20
_BETWEEN_LOOKS_S = 0.1
"""A version before this one, which holds no lock of the database, is looked for so often: between two migrations it rests for a
few milliseconds, and within one it holds locks on what it changes."""


def migrations_folder() -> Path:
    """Where the files are: beside the package in a checkout, inside it in a wheel."""
    checkout = Path(__file__).resolve().parents[2] / "sql" / "migrations"
    if checkout.is_dir():
        return checkout
    packaged = Path(str(files("list_pipeline"))) / "_sql" / "migrations"
    if packaged.is_dir():
        return packaged
    raise ConfigurationError("Looking for the migrations", "the folder sql/migrations is missing", "Install again")


def migrate(database: Database) -> list[str]:
    """Apply what is missing and return the names of what was applied, oldest first.

    Raises:
        LockHeldError: another program is at it.
        DatabaseUnavailableError, StatementFailedError: as of any statement; what was applied before it stays.
    """
    with _alone(database, "Migrating the schema"), _backend(database) as (backend, migrations):
        pending = backend.to_apply(migrations)
        names = [migration.id for migration in pending]
        backend.apply_migrations(pending)
    return names


def pending(database: Database) -> list[str]:
    """Names of the migrations that are not applied yet, oldest first."""
    with database.begin() as connection:
        return missing(connection)


def missing(connection: Connection) -> list[str]:
    """Names of the migrations that are not applied yet, oldest first. Only reads, also where there is no schema at all."""
    done = set(applied(connection))
    return [name for name in known() if name not in done]


def applied(connection: Connection) -> list[str]:
    """Names of the migrations that the schema has, oldest first. Only reads, also where there is no schema at all."""
    if fetch_scalar(connection, "select to_regclass(:name)", name=f"{SCHEMA}.{_APPLIED}") is None:
        return []
    rows = fetch_all(connection, f"select migration_id from {SCHEMA}.{_APPLIED} order by migration_id")  # constants
    return [str(row["migration_id"]) for row in rows]


def unknown(connection: Connection) -> list[str]:
    """Names of the migrations that the schema has and this version does not: a newer one was at work."""
    mine = set(known())
    return [name for name in applied(connection) if name not in mine]


def missing_words(names: Sequence[str]) -> str:
    """That migrations are missing, as a phrase."""
    if len(names) == len(known()):
        return "no migration is applied: there is no schema of ours yet"
    shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    return f"the schema is behind this version by {count_text(len(names), 'migration')} ({shown})"


def known() -> list[str]:
    """Names of the migrations of this version, oldest first."""
    return sorted(path.stem for path in migrations_folder().glob("*.sql") if not path.stem.endswith(".rollback"))


def to_take_back(database: Database, *, everything: bool = False) -> list[str]:
    """Names of what ``rollback`` would take back now, newest first. Only reads."""
    with database.begin() as connection:
        absent = set(missing(connection))
    present = [name for name in reversed(known()) if name not in absent]
    return present if everything else present[:1]


def rollback(database: Database, *, everything: bool = False) -> list[str]:
    """Take back the newest migration, or all of them, and return the names in the order they were taken back.

    Raises:
        LockHeldError, DatabaseUnavailableError, StatementFailedError: as of ``migrate``.
    """
    with _alone(database, "Taking migrations back"), _backend(database) as (backend, migrations):
        found = backend.to_rollback(migrations)
        chosen = found if everything else found[:1]
        names = [migration.id for migration in chosen]
        backend.rollback_migrations(chosen)
    return names


@contextmanager
def _alone(database: Database, tried: str) -> Iterator[None]:
    """Nobody else changes the schema meanwhile, which is there. The lock goes with its connection, so whoever was killed leaves
    none; yoyo's own, a row of a table, stays behind and is taken away, but from under an older version at work."""
    with database.session() as session, plain_errors(tried):
        try:
            execute(session, "select pg_advisory_lock(:key)", key=lock_numbers.SCHEMA)
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            raise _at_it(tried) from None
        execute(session, f"create schema if not exists {SCHEMA}")
        if fetch_scalar(session, "select to_regclass(:name)", name=f"{SCHEMA}.{_LOCKED}") is not None:
            noted = fetch_scalar(session, f"select max(pid) from {SCHEMA}.{_LOCKED}")
            # One of ours held the lock of this session as long as it lived.
            if noted is not None and noted > 0 and _is_somebody_at_it(session):
                raise _at_it(tried)
            execute(session, f"delete from {SCHEMA}.{_LOCKED}")
        yield


def _is_somebody_at_it(session: Connection) -> bool:
    """Whether another session changes the schema without the lock, as versions before it do."""
    for _ in range(_LOOKS):
        if fetch_scalar(
            session,
            """
            select exists (
                select 1 from pg_locks l join pg_stat_activity a using (pid) left join pg_class c on c.oid = l.relation
                where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
                  and pid <> pg_backend_pid() and a.backend_type = 'client backend'
                  and (c.oid is null or c.relnamespace = to_regnamespace(:schema))
                  and (l.mode in ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
                       or c.relname like '%yoyo%'
                       or (l.mode = 'RowExclusiveLock' and a.xact_start < clock_timestamp() - interval '5 seconds')))
            """,
            schema=SCHEMA,
        ):
            return True
        fetch_scalar(session, "select pg_sleep(:seconds)", seconds=_BETWEEN_LOOKS_S)
    return False


def _at_it(tried: str) -> LockHeldError:
    return LockHeldError(
        tried,
        "another program is changing the schema of this database, or hangs with its lock",
        "Wait until it is done; if it hangs, end that process: the lock goes with its connection",
    )


@contextmanager
def _backend(database: Database) -> Iterator[tuple[Any, Any]]:
    url = make_url(database.url).set(drivername="postgresql+psycopg").update_query_dict({"schema": SCHEMA})
    backend = get_backend(url.render_as_string(hide_password=False))
    try:
        # Its own lock keeps a version before this one out, which knows no other.
        with backend.lock():
            _turn_note(backend)
            try:
                yield backend, _read(migrations_folder())
            finally:
                # Else yoyo would not find its note again. Where the connection is gone, the next one takes it away.
                with suppress(backend.DatabaseError):
                    _turn_note(backend)
    except LockTimeout:
        raise _at_it("Changing the schema") from None
    finally:
        backend.connection.close()


@cache
def _read(folder: Path) -> Any:
    """The migrations of a folder. Taking all their files apart takes most of a second, so a process does it once."""
    return read_migrations(str(folder))


def _turn_note(backend: Any) -> None:
    """Note that it is this version that is at it, whose note says nothing once its lock is free; or take that back."""
    with backend.transaction():
        backend.execute(f"update {SCHEMA}.{_LOCKED} set pid = -pid")  # constants
