"""The connection to PostgreSQL: pool, transactions, COPY.

Belongs here: how statements reach the server. Does not belong here: any statement about a table of ours.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from list_pipeline.core.errors import ListPipelineError, TransientError

SCHEMA = "list_pipeline"


class DatabaseUnavailableError(TransientError):
    """PostgreSQL does not answer."""


class MissingRowError(ListPipelineError):
    """A row that must be there is not: rows were deleted by hand, or the schema is older than the program."""


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """Connections of this process: in use now, most in use at once so far, and the most it may have."""

    in_use: int
    peak: int
    most: int


class Database:
    """A pool of connections whose statements see our schema first and speak UTC.

    Args:
        url: ``postgresql://…``; the driver is chosen here.
        pool_size: connections kept open by this process; twice as many at the most.
    """

    def __init__(self, url: str, pool_size: int = 5) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine: Engine = create_engine(
            self._url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            json_serializer=_to_json,
            # Parameters hold addresses, and error texts are kept.
            hide_parameters=True,
            connect_args={"options": f"-csearch_path={SCHEMA} -ctimezone=UTC", "connect_timeout": 10},
        )
        self._pool = cast("QueuePool", self._engine.pool)
        self._most, self._peak = 2 * pool_size, 0
        self._counting = threading.Lock()
        event.listen(self._engine, "checkout", self._taken)

    def __repr__(self) -> str:
        return f"Database({self._url.host}:{self._url.port}/{self._url.database})"

    @property
    def url(self) -> str:
        """The address for tools that open their own connection. Contains the password."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def pool(self) -> PoolFigures:
        """The used part of the connection pool."""
        return PoolFigures(self._pool.checkedout(), self._peak, self._most)

    def _taken(self, *_: object) -> None:
        with self._counting:
            self._peak = max(self._peak, self._pool.checkedout())

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseUnavailableError: the server does not answer.
        """
        try:
            connection = self._engine.connect()
        except OperationalError as error:
            raise DatabaseUnavailableError(
                f"Connecting to {self!r}", "the server does not answer", "Check DATABASE_URL and that PostgreSQL runs"
            ) from error
        with connection, connection.begin():
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of one's own in autocommit, for temporary tables and advisory locks that outlive a transaction."""
        with self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                # Session state (locks, temporary tables) must not travel back into the pool.
                connection.invalidate()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


# Statements are constants: finding their parameters once is enough.
_parsed = lru_cache(maxsize=2_048)(text)


def fetch_all(connection: Connection, statement: str, **parameters: Any) -> Sequence[RowMapping]:
    """All rows of a statement."""
    return connection.execute(_parsed(statement), parameters).mappings().all()


def fetch_one(connection: Connection, statement: str, **parameters: Any) -> RowMapping | None:
    """The first row of a statement, or None."""
    return connection.execute(_parsed(statement), parameters).mappings().first()


def fetch_row(connection: Connection, what: str, statement: str, **parameters: Any) -> RowMapping:
    """The first row of a statement that always has one: an aggregate, a row just written, a row that is never deleted.

    Args:
        what: what the row is, for the error: "plan 12", "the delivery figures". No address.

    Raises:
        MissingRowError: there is no row.
    """
    row = fetch_one(connection, statement, **parameters)
    if row is None:
        raise MissingRowError(
            f"Reading {what}",
            "PostgreSQL returned no row",
            "Run `list-pipeline migrate`, and if that changes nothing look who deleted rows: the program never does",
        )
    return row


def fetch_scalar(connection: Connection, statement: str, **parameters: Any) -> Any:
    """The first column of the first row, or None."""
    return connection.execute(_parsed(statement), parameters).scalar()


def execute(connection: Connection, statement: str, **parameters: Any) -> int:
    """Run a statement and say how many rows it touched."""
    return connection.execute(_parsed(statement), parameters).rowcount


def copy_rows(connection: Connection, table: str, columns: Sequence[str], values: Iterable[Sequence[Any]]) -> int:
    """Write rows with COPY, which is some twenty times faster than INSERT, and say how many.

    Args:
        table: name of one of our tables, or of a temporary one.
        columns: their names, in the order of the values.
        values: one sequence a row. JSON columns take text (``to_json``).
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in values:
            copy.write_row(row)
            count += 1
    return count


def to_json(value: Any) -> str:
    """JSON text for a COPY into a jsonb column."""
    return _to_json(value)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
