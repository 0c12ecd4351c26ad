"""Brings the schema forward and back with the plain-SQL files of ``sql/migrations``.

Belongs here: finding the files and handing them to yoyo. Does not belong here: any DDL.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from yoyo import get_backend, read_migrations

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.wording import count_text
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import SCHEMA, Database, fetch_all, fetch_scalar

logging.getLogger("yoyo").setLevel(logging.WARNING)

_APPLIED = "_yoyo_migration"
"""Where yoyo notes what it applied."""


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
    """Apply what is missing and return the names of what was applied, oldest first."""
    _create_schema(database)
    with _backend(database) as (backend, migrations), backend.lock():
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
    applied: set[str] = set()
    if fetch_scalar(connection, "select to_regclass(:name)", name=f"{SCHEMA}.{_APPLIED}") is not None:
        rows = fetch_all(connection, f"select migration_id from {SCHEMA}.{_APPLIED}")  # constants
        applied = {str(row["migration_id"]) for row in rows}
    return [name for name in _names() if name not in applied]


def missing_words(names: Sequence[str]) -> str:
    """That migrations are missing, as a phrase."""
    if len(names) == len(_names()):
        return "no migration is applied: there is no schema of ours yet"
    shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    return f"the schema is behind this version by {count_text(len(names), 'migration')} ({shown})"


def _names() -> list[str]:
    return sorted(path.stem for path in migrations_folder().glob("*.sql") if not path.stem.endswith(".rollback"))


def to_take_back(database: Database, *, everything: bool = False) -> list[str]:
    """Names of what ``rollback`` would take back now, newest first. Only reads."""
    with database.begin() as connection:
        absent = set(missing(connection))
    applied = [name for name in reversed(_names()) if name not in absent]
    return applied if everything else applied[:1]


def rollback(database: Database, *, everything: bool = False) -> list[str]:
    """Take back the newest migration, or all of them, and return the names in the order they were taken back."""
    with _backend(database) as (backend, migrations), backend.lock():
        applied = backend.to_rollback(migrations)
        chosen = applied if everything else applied[:1]
        names = [migration.id for migration in chosen]
        backend.rollback_migrations(chosen)
    return names


def _create_schema(database: Database) -> None:
    with database.begin() as connection:
        # Two processes that start together: "if not exists" alone lets the second fail on the catalogue's unique index.
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": lock_numbers.SCHEMA})
        connection.execute(text(f"create schema if not exists {SCHEMA}"))


@contextmanager
def _backend(database: Database) -> Iterator[tuple[Any, Any]]:
    url = make_url(database.url).set(drivername="postgresql+psycopg").update_query_dict({"schema": SCHEMA})
    backend = get_backend(url.render_as_string(hide_password=False))
    try:
        yield backend, read_migrations(str(migrations_folder()))
    finally:
        backend.connection.close()
