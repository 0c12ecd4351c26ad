"""The commands that take a backup of the product's schema, try one, and restore one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from list_pipeline.cli.common import By, Yes, confirm, give, opened_whatever_schema, progress, say, working
from list_pipeline.core.wording import count_text, instant_text


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(backup)
    app.command()(restore)


def backup(
    to: Annotated[Path, typer.Option(help="Folder that the backup is written into, as a folder of its own.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Restore it into a new database, compare its rows, and drop that again.")
    ] = False,
) -> None:
    """Write a backup of the schema as of one instant, with a checksum and the rows of each table. Services may run meanwhile.
    Dagster's database is another one."""
    from list_pipeline.operations.backups.take import take_backup, verify_backup

    # Also while migrations are missing: the time for a backup is before they are applied.
    with opened_whatever_schema() as services, working("Writing the backup"):
        taken = take_backup(services, to)
        if verify:
            verify_backup(services, taken.path)
    manifest = taken.manifest
    say(f"{taken.path}: {count_text(sum(manifest.rows.values()), 'row')} in {count_text(len(manifest.rows), 'table')}, "
        f"{manifest.size_bytes:,} bytes, schema {manifest.schema_version}")  # fmt: skip
    if verify:
        say("Restored into a database of its own and compared: it holds what was counted.")
    if not taken.is_recorded:
        say("It was not noted: the schema is older than this version. `list-pipeline migrate`")
    give({"path": str(taken.path), "manifest": manifest.model_dump(mode="json"), "verified": verify})


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of one backup.")],
    by: By = "",
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="The schema that is there may be replaced; it is kept under another name.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only try it in a new database, which is dropped again; restore nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Put a backup in the place of the schema; asks first. Stop the services before. Nothing is changed at Mailjet afterwards
    until `reconcile` compared the lists and a person accepted what it found."""
    from list_pipeline.operations.backups.restore import restore_backup
    from list_pipeline.operations.backups.take import usable, verify_backup

    with opened_whatever_schema() as services:
        if verify:
            with working("Trying the backup"):
                manifest = verify_backup(services, folder)
            say(f"{manifest.name} was restored into a database of its own and holds what was counted.")
            give({"manifest": manifest.model_dump(mode="json"), "verified": True})
            return
        shown = usable(folder)
        confirm(
            f"Restoring the backup of {instant_text(shown.taken_at)}",
            "what was written since then is out of the way, and nothing is changed at Mailjet until a person says so",
            yes=yes,
        )
        done = restore_backup(services, folder, by=by, note=note, replace=replace, progress=progress)
    say(f"Restored: the database is as it was {instant_text(done.manifest.taken_at)}.")
    if done.migrated:
        say(f"Applied: {', '.join(done.migrated)}")
    if done.kept_as is not None:
        say(f"What stood there is kept in the schema {done.kept_as}; drop it when nobody needs it any more.")
    say("No list is changed until `list-pipeline reconcile` and then `list-pipeline reconcile --accept --by NAME`.")
    say("Erase again who was erased since, and revoke again the tokens that were revoked since.")
    give(
        {
            "manifest": done.manifest.model_dump(mode="json"),
            "kept_as": done.kept_as,
            "migrated": done.migrated,
            "restored_at": done.restored_at,
        }
    )
