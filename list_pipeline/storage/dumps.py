"""PostgreSQL's own programs for a backup and its restoring, and the files that they write.

A backup is a folder with two files: a dump in PostgreSQL's custom format (``DUMP``), and a manifest (``MANIFEST``), which
says what is in it. It appears under its name at once and whole: it is written beside it, and renamed when everything is on
the disk. Files and folder are for their user only, since they hold addresses.

Belongs here: finding the programs, running them, checksums, the manifest. Does not belong here: what may be restored
(``core.backups``), and rows about backups (``storage.backups``).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.engine import make_url

from list_pipeline.core.errors import (
    ConfigurationError,
    IncompleteDataError,
    NotFoundError,
    PermanentError,
    RefusedError,
    UnavailableError,
)
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.storage.database import SCHEMA, Database

log = structlog.get_logger(__name__)

DUMP, MANIFEST = "schema.dump", "manifest.json"
LONGEST_S = 6 * 3600
"""A program that needs longer is given up; a database of a million contacts takes minutes."""
_PACKAGES = Path("/usr/lib/postgresql")
"""Where Debian and its kin keep the programs of each version."""
_PIECE = 1024 * 1024
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")
_MAJOR = re.compile(r"\(PostgreSQL\) (\d+)")


class Manifest(BaseModel):
    """What a backup holds.

    ``taken_at``: the instant that it shows (UTC). ``migrations``: those that its schema has, oldest first. ``server``: major
    version of PostgreSQL. ``rows``: of each table.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    name: str = Field(pattern=_NAME.pattern)
    taken_at: datetime
    product_version: str
    migrations: tuple[str, ...]
    server: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    rows: Mapping[str, int]

    @property
    def schema_version(self) -> str:
        """The newest migration that it has; empty for none."""
        return self.migrations[-1] if self.migrations else ""


def tool(name: Literal["pg_dump", "pg_restore"], server: int, folder: str | None) -> Path:
    """A program of PostgreSQL's that is not older than the server.

    Args:
        server: major version of the server.
        folder: POSTGRES_TOOLS_FOLDER; None: looked for on PATH, then where Debian's packages put them.

    Raises:
        ConfigurationError: there is none, or only older ones.
    """
    on_path = shutil.which(name)
    places = (
        [Path(folder) / name]
        if folder
        else [*([Path(on_path)] if on_path else []), *sorted(_PACKAGES.glob(f"*/bin/{name}"), reverse=True)]
    )
    found = {place: major for place in places if (major := _major(place)) is not None}
    fitting = [place for place, major in found.items() if major >= server]
    if fitting:
        return fitting[0]
    happened = f"only version {max(found.values())} is there" if found else f"there is no {name}"
    raise ConfigurationError(
        f"Looking for {name} of PostgreSQL {server} or newer",
        happened,
        f"Install postgresql-client-{server} (or newer), or name the folder of its programs in POSTGRES_TOOLS_FOLDER",
    )


def _major(place: Path) -> int | None:
    try:
        answer = subprocess.run([str(place), "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = _MAJOR.search(answer.stdout)
    return int(found[1]) if found else None


def _run(tried: str, database_url: str, command: Sequence[str]) -> None:
    """Run a program on a database. The password goes into its environment: everybody can read the arguments of a process.

    Raises:
        PermanentError: it failed. UnavailableError: it needed too long.
    """
    url = make_url(database_url).set(drivername="postgresql")
    passed = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG") or name[:2] == "PG"}
    if url.password is not None:
        passed["PGPASSWORD"] = str(url.password)
    # ``set`` takes None for "leave it".
    shown = url._replace(password=None).render_as_string(hide_password=False)
    try:
        done = subprocess.run(
            [*command, f"--dbname={shown}", "--no-password"],
            env={**passed, "PGCONNECT_TIMEOUT": "10", "PGAPPNAME": "list_pipeline: backup", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            umask=0o077,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(tried, f"it did not end within {LONGEST_S // 3600} h", "Try again later") from None
    if done.returncode != 0:
        # The first line says what went wrong; further ones can quote rows.
        first = next((line for line in done.stderr.splitlines() if line.strip()), f"exit status {done.returncode}")
        raise PermanentError(tried, redact_foreign_text(first)[:300].rstrip("."), "Repair that, and repeat it")


def dump(database: Database, program: Path, snapshot: str, target: Path) -> None:
    """Write the product's schema as a snapshot shows it, without owners and privileges. Raises as ``restore_dump``."""
    _run(
        "Writing the backup",
        database.url,
        [
            str(program),
            "--format=custom",
            f"--schema={SCHEMA}",
            f"--snapshot={snapshot}",
            "--no-owner",
            "--no-privileges",
            f"--file={target}",
        ],
    )


def restore_dump(database_url: str, program: Path, source: Path) -> None:
    """Bring a schema back into a database that has none of that name, whole or not at all.

    Raises:
        PermanentError: the program failed; nothing is left of it.
        UnavailableError: it needed too long.
    """
    _run(
        "Restoring the backup",
        database_url,
        [str(program), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source)],
    )


def checksum(path: Path) -> tuple[str, int]:
    """SHA-256 of a file in hexadecimal digits, and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


@contextmanager
def new_backup(folder: Path, name: str) -> Iterator[tuple[Path, Callable[[Manifest], Path]]]:
    """A place to write a backup into, and what puts it under its name once it is whole; what was not is removed.

    Args:
        folder: where backups stand; made where it is missing.

    Raises:
        RefusedError: one of that name is there.
        ConfigurationError: the folder cannot be written to.
    """
    final = folder / name
    if final.exists():
        raise RefusedError(f"Writing the backup {name}", "it is there already", "Wait a second, and repeat it")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder))
    except OSError as error:
        raise ConfigurationError(
            "Writing a backup", f"the folder cannot be written to ({error.strerror})", "Name another one: --to"
        ) from None

    def finish(manifest: Manifest) -> Path:
        with os.fdopen(os.open(beside / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(manifest.model_dump_json(indent=2) + "\n")
        for path in (beside / DUMP, beside / MANIFEST, beside):
            _on_disk(path)
        beside.rename(final)
        _on_disk(folder)
        return final

    try:
        yield beside / DUMP, finish
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _on_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read_manifest(backup: Path) -> Manifest:
    """What a backup says that it holds, after its checksum was compared.

    Raises:
        NotFoundError: there is no backup.
        IncompleteDataError: it is not whole, or was changed.
    """
    tried = f"Reading the backup {backup.name}"
    again = "Use another one"
    try:
        manifest = Manifest.model_validate_json((backup / MANIFEST).read_bytes())
        found = checksum(backup / DUMP)
    except FileNotFoundError:
        raise NotFoundError(
            tried, f"there is no {MANIFEST} with a {DUMP}", "Name the folder that `list-pipeline backup` wrote"
        ) from None
    except OSError as error:
        raise IncompleteDataError(tried, f"it cannot be read ({error.strerror})", again) from None
    except ValidationError as error:
        raise IncompleteDataError(
            tried, f"its manifest cannot be read ({error.error_count()} problems)", again
        ) from None
    if found != (manifest.sha256, manifest.size_bytes):
        raise IncompleteDataError(tried, f"{DUMP} is not the file that its manifest describes", again)
    return manifest


def name_of(at: datetime) -> str:
    """The name of a backup that shows an instant; names sort by it."""
    return f"{SCHEMA}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
