"""The rehearsed account on disk: an SQLite file whose tables mirror what Mailjet keeps.

Belongs here: the schema, one connection behind one lock, number sequences and small named values.
Does not belong here: what any of it means on the wire. Times are whole seconds since 1970 in UTC, 0 means never.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS contact (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL DEFAULT '',
    excluded INTEGER NOT NULL DEFAULT 0, excluded_at INTEGER NOT NULL DEFAULT 0,
    complaining INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL DEFAULT 0,
    active_at INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
    anonymised_at INTEGER NOT NULL DEFAULT 0, condition TEXT, block_state INTEGER
);
CREATE TABLE IF NOT EXISTS list (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, name TEXT NOT NULL,
    created_at INTEGER NOT NULL, is_deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS member (
    id INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL, list_id INTEGER NOT NULL,
    unsubscribed INTEGER NOT NULL DEFAULT 0, subscribed_at INTEGER NOT NULL, unsubscribed_at INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS departed (
    contact_id INTEGER NOT NULL, list_id INTEGER NOT NULL, unsubscribed_at INTEGER NOT NULL,
    PRIMARY KEY (contact_id, list_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS campaign (
    id INTEGER PRIMARY KEY, custom_value TEXT NOT NULL, list_id INTEGER NOT NULL, draft_id INTEGER,
    segmentation_id INTEGER, from_email TEXT NOT NULL, from_name TEXT NOT NULL, subject TEXT NOT NULL,
    created_at INTEGER NOT NULL, send_start_at INTEGER NOT NULL, send_end_at INTEGER NOT NULL,
    first_message_id INTEGER NOT NULL DEFAULT 0, is_deleted INTEGER NOT NULL DEFAULT 0,
    is_starred INTEGER NOT NULL DEFAULT 0, workflow_id INTEGER, campaign_type INTEGER NOT NULL DEFAULT 2
);
CREATE TABLE IF NOT EXISTS draft (
    id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, segmentation_id INTEGER, sender TEXT NOT NULL,
    sender_email TEXT NOT NULL, sender_name TEXT NOT NULL, subject TEXT NOT NULL, title TEXT NOT NULL,
    locale TEXT NOT NULL, edit_mode TEXT NOT NULL DEFAULT 'tool2', status INTEGER NOT NULL DEFAULT 0,
    scheduled_at INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL DEFAULT 0,
    delivered_at INTEGER NOT NULL DEFAULT 0, campaign_id INTEGER,
    ax_testing_id INTEGER, ax_fraction REAL NOT NULL DEFAULT 0, ax_fraction_name TEXT NOT NULL DEFAULT '',
    html TEXT, text TEXT
);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, campaign_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, arrived_at INTEGER NOT NULL,
    status INTEGER NOT NULL, state_id INTEGER, event_at INTEGER NOT NULL, early INTEGER NOT NULL DEFAULT 2
);
CREATE TABLE IF NOT EXISTS bounce (
    id INTEGER PRIMARY KEY, campaign_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, state_id INTEGER,
    permanent INTEGER NOT NULL, blocked INTEGER NOT NULL, bounced_at INTEGER NOT NULL, own_block INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL, due_at REAL NOT NULL,
    contacts INTEGER NOT NULL, fault TEXT, applied INTEGER NOT NULL DEFAULT 0, processed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', error_file TEXT
);
CREATE TABLE IF NOT EXISTS event_told (
    message_id INTEGER NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (message_id, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""

LATER_COLUMNS = (
    ("campaign", "workflow_id", "INTEGER"),
    ("campaign", "campaign_type", "INTEGER NOT NULL DEFAULT 2"),
    ("draft", "ax_testing_id", "INTEGER"),
    ("draft", "ax_fraction", "REAL NOT NULL DEFAULT 0"),
    ("draft", "ax_fraction_name", "TEXT NOT NULL DEFAULT ''"),
    ("draft", "html", "TEXT"),
    ("draft", "text", "TEXT"),
)
"""Columns that an account of an earlier version lacks: table, name and definition."""

INDEXES = """
CREATE UNIQUE INDEX IF NOT EXISTS contact_email ON contact (email COLLATE NOCASE);
CREATE INDEX IF NOT EXISTS contact_excluded ON contact (id) WHERE excluded = 1;
CREATE INDEX IF NOT EXISTS contact_ghost ON contact (anonymised_at) WHERE anonymised_at > 0;
CREATE UNIQUE INDEX IF NOT EXISTS member_place ON member (list_id, contact_id);
CREATE INDEX IF NOT EXISTS member_list ON member (list_id);
CREATE INDEX IF NOT EXISTS member_unsubscribed ON member (list_id) WHERE unsubscribed = 1;
CREATE INDEX IF NOT EXISTS member_contact ON member (contact_id);
CREATE INDEX IF NOT EXISTS message_campaign ON message (campaign_id, status);
CREATE INDEX IF NOT EXISTS message_page ON message (campaign_id, id, arrived_at, event_at, status, early);
CREATE INDEX IF NOT EXISTS message_contact ON message (contact_id);
CREATE INDEX IF NOT EXISTS message_arrived ON message (arrived_at);
CREATE INDEX IF NOT EXISTS bounce_campaign ON bounce (campaign_id);
CREATE INDEX IF NOT EXISTS bounce_bounced ON bounce (bounced_at);
CREATE INDEX IF NOT EXISTS draft_scheduled ON draft (scheduled_at) WHERE status = 1;
CREATE INDEX IF NOT EXISTS job_open ON job (due_at) WHERE applied = 0;
"""

_DATA_TABLES = (
    "contact",
    "list",
    "member",
    "departed",
    "campaign",
    "draft",
    "message",
    "bounce",
    "job",
    "sequence",
    "event_told",
)

FIRST_NUMBERS = {
    "contact": 254_509_966,
    "list": 58_704,
    "member": 225_690_164,
    "campaign": 7_390_730,
    "callback": 40_000,
    "draft": 44_098,
    "message": 1_152_921_509_561_800_354,
    "job": 356_225_669,
}
"""Where a fresh account's numbers begin; sizes as in recordings, message ids above 2**53 on purpose."""


class Store:
    """One SQLite file. Every use goes through ``lock``; a thread may take it again."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        # One connection behind one lock: requests are short, and a single writer spares SQLITE_BUSY handling.
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA cache_size = -65536")
        self._connection.executescript(TABLES + INDEXES)
        for table, name, definition in LATER_COLUMNS:
            if name not in {row["name"] for row in self._connection.execute(f"PRAGMA table_info({table})")}:
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {definition}")

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another transaction it is part of that one."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it changed."""
        with self.lock:
            return self._connection.execute(sql, parameters).rowcount

    def insert_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows with one prepared statement."""
        with self.lock:
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows."""
        with self.lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row, or None."""
        with self.lock:
            found: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """The first column of the first row as a number; 0 when there is none."""
        row = self.row(sql, parameters)
        return int(row[0] or 0) if row is not None else 0

    def next_number(self, name: str, count: int = 1) -> int:
        """The first of ``count`` fresh numbers. Numbers are never used again, also not those of deleted rows."""
        with self.lock:
            row = self.row("SELECT value FROM sequence WHERE name = ?", (name,))
            value = int(row[0]) if row is not None else FIRST_NUMBERS[name]
            self.execute(
                "INSERT INTO sequence (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value + count),
            )
            return value

    def note(self, name: str, default: Any = None) -> Any:
        """A named JSON value."""
        row = self.row("SELECT value FROM note WHERE name = ?", (name,))
        return default if row is None else json.loads(row[0])

    def set_note(self, name: str, value: Any) -> None:
        """Keep a named JSON value."""
        self.execute(
            "INSERT INTO note (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )

    def clear(self) -> None:
        """Forget the account; switches and the clock's offset stay."""
        with self.transaction():
            for table in _DATA_TABLES:
                self.execute(f"DELETE FROM {table}")
            self.execute("DELETE FROM note WHERE name IN ('answers', 'seed', 'callbacks', 'senders', 'domains')")

    @contextmanager
    def bulk_load(self) -> Iterator[None]:
        """For seeding an empty account: no journal, no indexes while rows stream in; both return afterwards."""
        with self.lock:
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("PRAGMA synchronous = OFF")
            for line in INDEXES.strip().splitlines():
                name = line.split("IF NOT EXISTS ", 1)[1].split()[0]
                self._connection.execute(f"DROP INDEX IF EXISTS {name}")
            self._connection.execute("BEGIN")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
                self._connection.executescript(INDEXES)
                self._connection.execute("ANALYZE")
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = NORMAL")
