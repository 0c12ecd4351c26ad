"""Restoring a backup in place of the schema: whole or not at all, with the one before kept, and nothing changed at Mailjet
until the lists were compared and a person says so.

A mark beside the schema stands from before the exchange until that stop is armed: a restore that is killed in between leaves a
database in which no list is changed until it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from list_pipeline.core.backups.message import restored_message
from list_pipeline.core.backups.verdicts import replaced_name
from list_pipeline.core.errors import ListPipelineError, RefusedError
from list_pipeline.core.messages import keys
from list_pipeline.core.wording import count_text, instant_text
from list_pipeline.operations.access import Telling
from list_pipeline.operations.backups.take import compare, record, usable
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.setup import prepare
from list_pipeline.storage import backups, dumps, safety
from list_pipeline.storage.database import SCHEMA
from list_pipeline.storage.dumps import Manifest

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. ``kept_as``: the schema that stood there before, under its new name; None where there was none.
    ``migrated``: migrations that were applied afterwards, since the backup was of an older version."""

    manifest: Manifest
    kept_as: str | None
    migrated: tuple[str, ...]
    restored_at: datetime


def restore_backup(
    services: Telling, backup: Path, *, by: str, note: str, replace: bool, progress: Callable[[str], None]
) -> Restored:
    """Put a backup in the place of our schema. Stop the services first.

    What stood there before is kept under another name until somebody drops it. Where anything fails before the end of
    restoring, it is put back.

    Args:
        replace: the database holds a schema with tables, and may be replaced.

    Raises:
        RefusedError: nobody is named, no reason is given, the database is not empty, or the backup is of a newer version.
        NotFoundError, IncompleteDataError: the backup is not there, or not whole.
        LockHeldError: lists are being changed right now.
        ConfigurationError, PermanentError, UnavailableError: pg_restore is missing or failed.
    """
    tried = f"Restoring the backup {backup.name}"
    by, why = reviewer(services, by, tried), reason_of(note, tried)
    manifest = usable(backup)
    with services.database.begin() as connection:
        there, server = len(backups.tables(connection)), backups.server_major(connection)
    if there and not replace:
        raise RefusedError(
            tried,
            f"the database holds {count_text(there, 'table')} of this product already",
            "Restore into an empty database, or repeat it with --replace",
        )
    program = dumps.tool("pg_restore", max(server, manifest.server), services.settings.postgres_tools_folder)
    with backups.nobody_changes_lists(services.database):
        kept_as = replaced_name(SCHEMA, services.clock.now()) if there else None
        progress("Restoring")
        _exchange(services, backup, program, manifest, kept_as)
        progress("Bringing the schema up to date")
        migrated = tuple(prepare(services))
        now = services.clock.now()
        with services.database.begin() as connection:
            because = f"a backup of {instant_text(manifest.taken_at)} was restored by {by}"
            safety.must_reconcile_anew(connection, because, now)
            backups.end_restoring(connection)
            record(connection, manifest)
            number = backups.record_restoration(connection, manifest.name, manifest.taken_at, by, why, now)
    log.warning("a backup was restored", name=manifest.name, by=by, kept_as=kept_as, migrations=len(migrated))
    deliver(
        services,
        keys.restored(number, now),
        restored_message(manifest.taken_at, by, why),
        important=True,
    )
    return Restored(manifest, kept_as, migrated, now)


def _exchange(services: Telling, backup: Path, program: Path, manifest: Manifest, kept_as: str | None) -> None:
    with services.database.begin() as connection:
        backups.begin_restoring(connection)
        backups.move_schema_away(connection, kept_as or replaced_name(SCHEMA, services.clock.now()))
    try:
        dumps.restore_dump(services.database.url, program, backup / dumps.DUMP)
        compare(services.database, manifest)
    except (ListPipelineError, KeyboardInterrupt):
        with services.database.begin() as connection:
            backups.drop_schema(connection)
            if kept_as is not None:
                backups.move_schema_back(connection, kept_as)
            backups.end_restoring(connection)
        raise
