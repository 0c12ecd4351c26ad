"""Taking a backup, and trying one: restored into a database of its own, it has to hold what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import structlog
from sqlalchemy import Connection

from list_pipeline.core.backups.verdicts import differences, differences_text, schema_problem
from list_pipeline.core.errors import IncompleteDataError, NotFoundError, RefusedError
from list_pipeline.operations.access import Deciding
from list_pipeline.storage import backups, dumps, migrations
from list_pipeline.storage.database import Database
from list_pipeline.storage.dumps import Manifest

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup on disk. ``is_recorded``: its row was written; an older schema has no table for it."""

    path: Path
    manifest: Manifest
    is_recorded: bool


def take_backup(services: Deciding, folder: Path) -> Taken:
    """Write a backup of our schema as of one instant into a folder, and note it. Services may run meanwhile.

    Raises:
        NotFoundError: there is no schema of ours.
        ConfigurationError: pg_dump is missing or too old, or the folder cannot be written to.
        PermanentError, UnavailableError: pg_dump failed. Nothing is left behind.
    """
    taken_at = services.clock.now()
    with backups.snapshot(services.database) as (connection, snapshot):
        rows, applied = backups.rows_of_tables(connection), migrations.applied(connection)
        if not applied:
            raise NotFoundError("Taking a backup", "there is no schema of ours", "Run `list-pipeline migrate`")
        server = backups.server_major(connection)
        program = dumps.tool("pg_dump", server, services.settings.postgres_tools_folder)
        with dumps.new_backup(folder, dumps.name_of(taken_at)) as (target, finish):
            dumps.dump(services.database, program, snapshot, target)
            sha256, size = dumps.checksum(target)
            manifest = Manifest(
                name=dumps.name_of(taken_at),
                taken_at=taken_at,
                product_version=version("list_pipeline"),
                migrations=tuple(applied),
                server=server,
                sha256=sha256,
                size_bytes=size,
                rows=rows,
            )
            path = finish(manifest)
    is_recorded = _record(services, manifest)
    log.info("backup taken", name=manifest.name, size_bytes=size, rows=sum(rows.values()))
    return Taken(path, manifest, is_recorded)


def _record(services: Deciding, manifest: Manifest) -> bool:
    with services.database.begin() as connection:
        if not backups.is_recordable(connection):
            return False
        record(connection, manifest)
    return True


def record(connection: Connection, manifest: Manifest) -> None:
    """Note a backup within the caller's transaction."""
    backups.record(
        connection,
        manifest.name,
        manifest.taken_at,
        manifest.size_bytes,
        manifest.sha256,
        manifest.schema_version,
    )


def usable(backup: Path) -> Manifest:
    """What a backup holds, where this version can use it.

    Raises:
        NotFoundError, IncompleteDataError: as of ``storage.dumps.read_manifest``.
        RefusedError: its schema is of a newer version.
    """
    manifest = dumps.read_manifest(backup)
    if problem := schema_problem(manifest.migrations, migrations.known()):
        raise RefusedError(
            f"Using the backup {manifest.name}", problem, f"Use version {manifest.product_version} or a newer one"
        )
    return manifest


def verify_backup(services: Deciding, backup: Path) -> Manifest:
    """Restore a backup into a new database, compare its rows with those that were counted, and drop the database again. What
    DATABASE_URL holds is not touched, but for the note that the backup was tried.

    Raises:
        NotFoundError, IncompleteDataError, RefusedError: as of ``usable``.
        ConfigurationError: pg_restore is missing or too old, or the user may not create databases.
        IncompleteDataError: it does not hold what was counted.
        PermanentError: it cannot be restored.
    """
    manifest = usable(backup)
    with services.database.begin() as connection:
        server = backups.server_major(connection)
    program = dumps.tool("pg_restore", max(server, manifest.server), services.settings.postgres_tools_folder)
    with backups.scratch_database(services.database) as scratch:
        dumps.restore_dump(scratch.url, program, backup / dumps.DUMP)
        compare(scratch, manifest)
    with services.database.begin() as connection:
        if backups.is_recordable(connection):
            record(connection, manifest)
            backups.record_verified(connection, manifest.name, services.clock.now())
    log.info("backup verified", name=manifest.name)
    return manifest


def compare(database: Database, manifest: Manifest) -> None:
    """Compare a restored schema with what was counted when the backup was taken.

    Raises:
        IncompleteDataError: they differ.
    """
    with database.begin() as connection:
        found = differences(manifest.rows, backups.rows_of_tables(connection))
    if found:
        raise IncompleteDataError(
            f"Comparing the backup {manifest.name}",
            differences_text(found),
            "Use another one, and find out who changed it",
        )
