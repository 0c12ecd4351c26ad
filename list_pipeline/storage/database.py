"""PostgreSQL: pool, transactions, statements, COPY, JSON columns, and guards of statements that move a row on.

Belongs here: what statements about any table have in common. Does not belong here: any statement about a table of ours,
and which state may follow which (``core``).

JSON columns hold frozen dataclasses of ``core``. Rows are read that another version wrote: a key that is not known is
left out, one that is missing gets the default of its field, and a field without a default has been written by every
version.

A statement that moves rows through their life names the states it leaves, and rows that it missed are an error.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.abc import RV, PQGen
from psycopg.errors import _WaitTimeout
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, InvalidRequestError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from list_pipeline.core.errors import ConfigurationError, ListPipelineError, StateChangedError
from list_pipeline.core.foreign_text import storable, storable_value
from list_pipeline.core.life_cycles import LifeCycle, Status
from list_pipeline.core.wording import count_text
from list_pipeline.storage.database_errors import DatabaseUnavailableError, connection_problem, plain_errors
from list_pipeline.storage.kept_sessions import give_back, require_kept_session
from list_pipeline.storage.used_connections import make_sure, note_use

SCHEMA = "list_pipeline"
RESTORING = f"{SCHEMA}_restoring"
"""A schema without anything in it: it is there while a backup is being restored."""

CONNECT_TIMEOUT_S = 10
DEAD_AFTER_S = 30
"""Silence of the network, in seconds, after which a connection counts as broken, also in the middle of a statement."""
LOCK_TIMEOUT_S = 120
"""Longest wait for somebody else's rows or advisory locks within a statement."""
STATEMENT_TIMEOUT_S = 300
"""Longest statement. COPY writes a page at a time; the longest statement compares the rows of a list of a million."""
IDLE_IN_TRANSACTION_S = 300
"""A transaction of ours does no requests: one that is idle for so long belongs to a process that hangs, and holds rows."""
POOL_TIMEOUT_S = 60.0
_EMPTIED_WITHIN_S = 10.0
"""What a session of one's own left behind is gone within so many seconds, or the connection is closed instead."""

_OPTIONS = {
    "search_path": SCHEMA,
    "timezone": "UTC",
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S}s",
    # Statements look few rows up one by one; compiling one takes longer than most of them run, and is decided by an estimate.
    "jit": "off",
}
_CONNECTION: Mapping[str, Any] = {
    "options": " ".join(f"-c{name}={value}" for name, value in _OPTIONS.items()),
    "connect_timeout": CONNECT_TIMEOUT_S,
    # Who waits for an answer, and who waits for nothing, both notice that the other side is gone.
    "tcp_user_timeout": DEAD_AFTER_S * 1000,
    "keepalives": 1,
    "keepalives_idle": DEAD_AFTER_S // 3,
    "keepalives_interval": DEAD_AFTER_S // 6,
    "keepalives_count": 4,
}
"""https://www.postgresql.org/docs/current/libpq-connect.html and runtime-config-client.html"""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which nothing is waited for without an end.

    The server's own limits and the keepalives of TCP say nothing where something in between takes every byte and passes none
    on: a proxy that hangs, a network that was cut in two.
    """

    answer_within_s: float = STATEMENT_TIMEOUT_S + DEAD_AFTER_S
    """Longest wait for an answer, in seconds."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As the driver does, and no longer than ``answer_within_s``; then the connection is closed.

        Raises:
            psycopg.OperationalError: no answer in time.
        """
        try:
            return super().wait(gen, interval, self.answer_within_s if timeout is None else timeout)
        except _WaitTimeout as error:
            if timeout is not None:
                raise
            self.close()
            raise psycopg.OperationalError(f"no answer within {self.answer_within_s:.0f} s") from error


def _parsed_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The words of either may hold the password.
        raise ConfigurationError(
            "Reading DATABASE_URL", "it is no URL of PostgreSQL", "Write it as .env.example does"
        ) from None
    if isinstance(password := parsed.query.get("password"), str):
        # Only there is it left out where the URL is shown.
        user = parsed.query.get("user")
        return parsed.difference_update_query(["user", "password"]).set(
            username=user if isinstance(user, str) else parsed.username, password=password
        )
    return parsed


def _connect(_dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> BoundedConnection:
    return BoundedConnection.connect(*arguments, **named)


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

    Raises:
        ConfigurationError: the URL cannot be read.
    """

    def __init__(self, url: str, pool_size: int = 5) -> None:
        self._url = _parsed_url(url).set(drivername="postgresql+psycopg")
        self._engine: Engine = create_engine(
            self._url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_TIMEOUT_S,
            json_serializer=to_json,
            # Parameters hold addresses, and error texts are kept.
            hide_parameters=True,
            connect_args=_CONNECTION,
        )
        self._pool = cast("QueuePool", self._engine.pool)
        self._most, self._peak = 2 * pool_size, 0
        self._counting = threading.Lock()
        event.listen(self._engine, "checkout", self._taken)
        event.listen(self._engine, "checkin", note_use)
        event.listen(self._engine, "do_connect", _connect)
        self._committing = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        """The same pool; each statement is a transaction of its own."""

    def __repr__(self) -> str:
        host, port = self._url.host or "no host named", f":{self._url.port}" if self._url.port else ""
        return f"Database({host}{port}/{self._url.database or ''})"

    @property
    def url(self) -> str:
        """The address for tools that open their own connection. Contains the password."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def pool(self) -> PoolFigures:
        """The used part of the connection pool."""
        return PoolFigures(self._pool.checkedout(), self._peak, self._most)

    def _taken(self, connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        with self._counting:
            self._peak = max(self._peak, self._pool.checkedout())
        make_sure(connection, record, self._engine.dialect)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed when the block ends, rolled back when it raises.

        Raises:
            DatabaseUnavailableError: the server does not answer, or gave a statement up.
            StatementFailedError: it refused a statement.
        """
        with plain_errors(f"Working in {self!r}"), self._connected() as connection, connection.begin():
            yield connection

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """A connection for one statement that is a transaction of its own: one way to the server and back.

        Raises:
            DatabaseUnavailableError, StatementFailedError: as of ``begin``.
        """
        with plain_errors(f"Working in {self!r}"), self._connected(self._committing) as connection:
            yield connection

    def _connected(self, engine: Engine | None = None) -> Connection:
        try:
            return (engine or self._engine).connect()
        except (OperationalError, PoolTimeoutError, ProgrammingError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> DatabaseUnavailableError | ConfigurationError:
        tried = f"Connecting to {self!r}"
        if isinstance(error, ProgrammingError):
            return ConfigurationError(
                tried, "the driver does not know an option of the URL, or not its value", "Check DATABASE_URL"
            )
        if isinstance(error, PoolTimeoutError):
            return DatabaseUnavailableError(
                tried, f"all {self._most} connections of this process are in use", "Try again; if it stays, report it"
            )
        return connection_problem(tried, str(error.__cause__ or error))

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of one's own in autocommit, for temporary tables and advisory locks that outlive a transaction.

        Raises:
            ConfigurationError: a pooler stands in between that does not keep sessions.
        """
        with plain_errors(f"Working in {self!r}"), self._connected() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            is_empty = False
            try:
                require_kept_session(connection, f"Working in {self!r}")
                yield connection
                is_empty = _emptied(connection)
            finally:
                # Session state (locks, temporary tables) must not travel back into the pool.
                if not is_empty:
                    connection.invalidate()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


@contextmanager
def transaction(session: Connection) -> Iterator[None]:
    """A transaction within a session: committed when the block ends, rolled back when it raises."""
    execute(session, "begin")
    try:
        yield
    except BaseException:
        execute(session, "rollback")
        raise
    execute(session, "commit")


@contextmanager
def answered_within(connection: Connection, seconds: float) -> Iterator[None]:
    """Statements of a connection wait no longer than so many seconds for their answers while a block runs."""
    driver = cast("BoundedConnection", connection.connection.driver_connection)
    before, driver.answer_within_s = driver.answer_within_s, seconds
    try:
        yield
    finally:
        driver.answer_within_s = before


def _emptied(connection: Connection) -> bool:
    """Whether nothing is left of what a session of one's own held; False also where the connection is gone."""
    try:
        is_there = connection.connection.driver_connection is not None
    except InvalidRequestError:
        return False
    if not is_there:
        return False
    with answered_within(connection, _EMPTIED_WITHIN_S):
        return give_back(connection)


def _kept(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as PostgreSQL can hold them, so that one character that somebody typed never costs a whole run."""
    return {
        name: storable(value) if isinstance(value, str) else storable_value(value) if isinstance(value, list) else value
        for name, value in parameters.items()
    }


# Statements are constants: finding their parameters once is enough.
_parsed = lru_cache(maxsize=2_048)(text)


def fetch_all(connection: Connection, statement: str, **parameters: Any) -> Sequence[RowMapping]:
    """All rows of a statement."""
    return connection.execute(_parsed(statement), _kept(parameters)).mappings().all()


def fetch_tuples(connection: Connection, statement: str, **parameters: Any) -> Sequence[tuple[Any, ...]]:
    """All rows of a statement by the places of their columns, for where there are very many."""
    return cast("Sequence[tuple[Any, ...]]", connection.execute(_parsed(statement), _kept(parameters)).all())


def fetch_one(connection: Connection, statement: str, **parameters: Any) -> RowMapping | None:
    """The first row of a statement, or None."""
    return connection.execute(_parsed(statement), _kept(parameters)).mappings().first()


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
    return connection.execute(_parsed(statement), _kept(parameters)).scalar()


def execute(connection: Connection, statement: str, **parameters: Any) -> int:
    """Run a statement and say how many rows it touched."""
    return connection.execute(_parsed(statement), _kept(parameters)).rowcount


def copy_rows(connection: Connection, table: str, columns: Sequence[str], values: Iterable[Sequence[Any]]) -> int:
    """Write rows with COPY, which is some twenty times faster than INSERT, and say how many.

    Args:
        table: name of one of our tables, or of a temporary one.
        columns: their names, in the order of the values.
        values: one sequence a row. JSON columns take text (``to_json``).
    """
    count = 0
    with _copy_into(connection, table, columns) as copy:
        for row in values:
            copy.write_row([storable(value) if isinstance(value, str) else value for value in row])
            count += 1
    return count


_MANY_ROWS = 500
"""Below so many rows it does not matter what PostgreSQL takes a table to be like."""


def look_again_after(connection: Connection, rows: int, *tables: str) -> None:
    """Let PostgreSQL look at tables again to which many rows were written at once. Until it did, it takes what is asked for by
    the key of the new rows for a single one, and compares each with each. By itself it looks within minutes.

    Args:
        rows: how many were written.
        tables: names of ours.
    """
    if rows >= _MANY_ROWS:
        execute(connection, f"analyze {', '.join(tables)}")


COPIED_NULL = r"\N"
"""Nothing, in a line for ``copy_lines``."""
_ESCAPED: Mapping[int, str] = {ord("\\"): r"\\", ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r"}


def copied_text(text: str) -> str:
    """A text as it stands in a line for ``copy_lines``; what PostgreSQL cannot hold of it is replaced."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return storable(text).translate(_ESCAPED)


def copy_lines(connection: Connection, table: str, columns: Sequence[str], lines: Iterable[str]) -> int:
    """As ``copy_rows``, of lines that are written already, in a third of its time: for millions of rows.

    Args:
        lines: each with its end; tabs between the columns, ``copied_text`` and ``COPIED_NULL`` for what is not a number.
    """
    written = list(lines)
    with _copy_into(connection, table, columns) as copy:
        copy.write("".join(written))
    return len(written)


@contextmanager
def _copy_into(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[psycopg.Copy]:
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        yield copy


def to_json(value: Any) -> str:
    """JSON text for a COPY into a jsonb column; what PostgreSQL cannot hold of its texts is replaced."""
    return json.dumps(storable_value(value), ensure_ascii=False, default=str, sort_keys=True)


T = TypeVar("T")

MOST_AT_ONCE = 10_000
"""Values of one statement, where there may be very many."""


def in_parts(values: Sequence[T]) -> Iterator[list[T]]:
    """The values in their order, at most ``MOST_AT_ONCE`` at a time; nothing of none."""
    return (list(values[at : at + MOST_AT_ONCE]) for at in range(0, len(values), MOST_AT_ONCE))


class UnreadableRowError(ListPipelineError):
    """A stored row does not hold what its column is for. An error is never a default: nothing may be decided on it."""


class JsonColumn(Generic[T]):
    """One JSON column and the type of its values.

    Args:
        column: table and column, for the words of an error.
        kind: a dataclass, or any other type that pydantic can check, such as ``tuple[Finding, ...]``.
    """

    def __init__(self, column: str, kind: type[T]) -> None:
        self._column = column
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def read(self, value: object) -> T:
        """The value of a row.

        Raises:
            UnreadableRowError: it is not what this column holds. The message names fields and no values.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False, include_context=False)
            first = f"{'.'.join(map(str, found[0]['loc'])) or 'the whole'}: {found[0]['type']}"
            raise UnreadableRowError(
                f"Reading a value of {self._column}",
                f"{count_text(len(found), 'field')} not as written, first {first}",
                "Look at the row: something else than this product wrote it, or a later version",
            ) from None

    def plain(self, value: T) -> Any:
        """The value as JSON has it: objects, lists, strings and numbers. A field that holds another type is an error."""
        return self._adapter.dump_python(value, mode="json", warnings="error")

    def text(self, value: T) -> str:
        """The value as JSON text, for a parameter that is cast to ``jsonb`` or for COPY."""
        return to_json(self.plain(value))


def sql_list(*members: StrEnum) -> str:
    """Members of an enum as an SQL list for ``in``: ``('planned', 'submitting')``."""
    return f"({', '.join(map(sql_word, members))})"


def sql_word(member: StrEnum) -> str:
    """A member of an enum as an SQL literal. Enums are the product's own words: letters and underscores.

    Raises:
        ValueError: it is no such word.
    """
    if not member.value.replace("_", "").isalnum():
        raise ValueError(f"{member!r} is no word for a statement")
    return f"'{member.value}'"


def left_for(life: LifeCycle[Status], wanted: Status, *left: Status) -> str:
    """The states that a statement leaves for ``wanted``, as an SQL list: those named, or where none is, all legal ones.

    Raises:
        IllegalTransitionError: one of those named does not lead to ``wanted``.
    """
    return sql_list(*life.leaving(wanted, *left))


def require_one(touched: int, tried: str) -> None:
    """The row that was to be moved was still as it had been read.

    Raises:
        StateChangedError: it was not. Raised within the transaction, so that nothing of it stays.
    """
    if touched != 1:
        raise _somebody_was_faster(tried)


def require_row(row: RowMapping | None, tried: str) -> RowMapping:
    """The row that a statement moved and returned.

    Raises:
        StateChangedError: it met none, because it was no longer as it had been read.
    """
    if row is None:
        raise _somebody_was_faster(tried)
    return row


def _somebody_was_faster(tried: str) -> StateChangedError:
    return StateChangedError(
        tried, "somebody else was faster and moved it on, so nothing was written", "Look at it again"
    )


def require_all(touched: int, wanted: int, tried: str) -> None:
    """Every row that was to be moved was still as it had been read.

    Raises:
        StateChangedError: some were not. Raised within the transaction, so that nothing of it stays.
    """
    if touched != wanted:
        raise StateChangedError(
            tried,
            f"{wanted - touched} of {wanted} were moved on by somebody else since they were read, so nothing was written",
            "Run it again: it goes on from what is true now",
        )
