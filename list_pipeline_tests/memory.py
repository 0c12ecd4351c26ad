"""A tablespace of the embedded PostgreSQL in the machine's memory, for databases that live as long as a test.

A database of a test is a copy of some nine hundred files. On a disk their making and deleting takes a quarter of the time of
the server, more on a file system without a journal, which looks through what was deleted in the last minute for each new one.

Belongs here: the folder and the tablespace. Does not belong here: what is put into it. A copy of a database goes where that is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

MEMORY = Path("/dev/shm")
NEEDED = 2 * 1024**3
"""Free bytes below which the databases stay on the disk: a container has 64 MB unless it is told otherwise."""
_NAME = "list_pipeline_tests"


@contextmanager
def in_memory(admin_url: str) -> Iterator[str | None]:
    """The name of a tablespace in memory while a block runs; None where there is no room.

    Args:
        admin_url: a superuser's URL of a server on this machine.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < NEEDED:
        yield None
        return
    with psycopg.connect(admin_url, autocommit=True) as connection:
        _drop_abandoned(connection)
        name = f"{_NAME}_{os.getpid()}"
        folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=MEMORY))
        ((data,),) = connection.execute("show data_directory").fetchall()
        owner = os.stat(data)
        if owner.st_uid != os.geteuid():
            os.chown(folder, owner.st_uid, owner.st_gid)
        connection.execute(
            sql.SQL("create tablespace {} location {}").format(sql.Identifier(name), sql.Literal(str(folder)))
        )
    yield name
    with psycopg.connect(admin_url, autocommit=True) as connection:
        _drop(connection, name, folder)


def _drop_abandoned(connection: psycopg.Connection[Any]) -> None:
    """Drop the tablespaces of runs that were killed."""
    rows = connection.execute(
        "select spcname, pg_tablespace_location(oid) from pg_tablespace where starts_with(spcname, %s)", [f"{_NAME}_"]
    )
    for name, folder in rows.fetchall():
        if not psutil.pid_exists(int(name.rpartition("_")[2])):
            # Another worker may be at it.
            with suppress(psycopg.Error):
                _drop(connection, name, Path(folder))


def _drop(connection: psycopg.Connection[Any], name: str, folder: Path) -> None:
    left = connection.execute(
        "select datname from pg_database d join pg_tablespace t on t.oid = d.dattablespace where spcname = %s", [name]
    )
    for (database,) in left.fetchall():
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))
    connection.execute(sql.SQL("drop tablespace if exists {}").format(sql.Identifier(name)))
    shutil.rmtree(folder, ignore_errors=True)
