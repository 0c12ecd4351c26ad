"""States that an earlier version left, unpacked: its database as it was dumped, and the rehearsed account beside it.

Belongs here: loading them, and bringing a database to the present schema and back. Does not belong here: how they were made
(``make_states``, README.md), and what has to come of them.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.operations import setup
from list_pipeline.operations.five_lists.look import look_at
from list_pipeline.operations.services import Services
from list_pipeline.settings import Settings
from list_pipeline.storage import five_lists, migrations
from list_pipeline.storage.database import Database
from list_pipeline_tests.integration.accounts import Account
from list_pipeline_tests.virtual_clock import VirtualClock

ARCHIVE = Path(__file__).with_name("states.tar.xz")
LAST_MIGRATION = "0015_cached_reads"
"""The newest migration of the version that made them."""
STATES = (
    "synchronised",
    "plan_waits",
    "suppression_submitting",
    "moves_submitted",
    "ended_badly",
    "finished",
    "approved_waits",
    "undo_half_done",
)

Rows = dict[str, list[str]]


@dataclass(frozen=True)
class EarlierState:
    """A state on disk. ``settings`` are those with which it came to be, where they differ from the tests' own."""

    name: str
    account: Account
    settings: Mapping[str, Any]
    folder: Path

    def load(self, url: str) -> None:
        """Fill an empty database as the earlier version left it."""
        with psycopg.connect(url, autocommit=True) as connection:
            # Statements of our own archive, without parameters.
            connection.execute((self.folder / "database.sql").read_bytes())


def unpacked(folder: Path) -> Mapping[str, EarlierState]:
    """Every state, unpacked into a folder."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return {name: _state(folder / name) for name in STATES}


def _state(folder: Path) -> EarlierState:
    about = json.loads((folder / "state.json").read_text())
    account = folder / "account"
    account.mkdir()
    for dump in folder.glob("*.sqlite*.sql"):
        connection = sqlite3.connect(account / dump.stem)
        connection.executescript(dump.read_text())
        connection.close()
    return EarlierState(
        folder.name,
        Account(
            folder=account,
            now=datetime.fromisoformat(about["now"]),
            lists=ListIds(*about["lists"]),
            people={int(number): contact_id for number, contact_id in about["people"].items()},
            campaigns=tuple(about["campaigns"]),
        ),
        about["settings"],
        folder,
    )


def migrate(url: str) -> list[str]:
    """Bring a database to the present schema; the names of what was applied."""
    database = Database(url)
    try:
        return migrations.migrate(database)
    finally:
        database.close()


def prepare(url: str, account: Account) -> None:
    """Bring a database to the present schema as the command does. Lists that this state never changed are confirmed, as by a
    person."""
    variables = {f"mailjet_{role.value.replace('campaign', 'campaign_list')}": role for role in CAMPAIGN_LISTS}
    variables |= {"mailjet_master_list": ListRole.MASTER, "mailjet_suppression_list": ListRole.SUPPRESSION}
    ids: dict[str, Any] = {f"{name}_id": account.lists[role] for name, role in variables.items()}
    with Services(Settings(database_url=SecretStr(url), **ids), VirtualClock(account.now)) as services:
        setup.prepare(services)
        with services.database.begin() as connection:
            if (found := look_at(services, connection)).confirmation is None:
                now = services.clock.now()
                five_lists.save(connection, found.facts, by="ada", note=None, despite=(), replaces=None, now=now)


def roll_back(url: str) -> list[str]:
    """Take back what the earlier version did not have, newest first; the names of what was taken back."""
    database, taken = Database(url), []
    try:
        while _applied(url)[-1] > LAST_MIGRATION:
            taken += migrations.rollback(database)
    finally:
        database.close()
    return taken


def _applied(url: str) -> list[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("select migration_id from list_pipeline._yoyo_migration order by 1").fetchall()
    return [str(row[0]) for row in found]


def rows_of(url: str) -> Rows:
    """Every row of every table as text, without the books of the migrations, and without the version of what is cached: it is
    another one after each change, a migration's too."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'list_pipeline' and tablename !~ 'yoyo'"
            " and tablename <> 'data_version' order by 1"
        ).fetchall()
        found: Rows = {}
        for (table,) in tables:
            statement = psycopg.sql.SQL("select to_jsonb(t)::text from list_pipeline.{} t order by 1")
            answer = connection.execute(statement.format(psycopg.sql.Identifier(table)))
            found[str(table)] = [str(row[0]) for row in answer.fetchall()]
    return found
