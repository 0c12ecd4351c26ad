"""PostgreSQL on a bad day: what it says is shown without values, and nothing waits for it without an end."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from list_pipeline.core.errors import ConfigurationError, ListPipelineError
from list_pipeline.storage import database as database_module
from list_pipeline.storage import messages, used_connections
from list_pipeline.storage.database import (
    BoundedConnection,
    Database,
    answered_within,
    copy_rows,
    execute,
    fetch_all,
    fetch_scalar,
)
from list_pipeline.storage.database_errors import (
    DatabaseUnavailableError,
    StatementFailedError,
    connection_problem,
)
from list_pipeline.storage.lock import LockLostError, mutation_lock
from list_pipeline.storage.validation.campaign_block import schedule_lock
from list_pipeline_tests.virtual_clock import VirtualClock

JANE = "jane.doe@example.com"
CLOCK = VirtualClock(datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.fixture
def url(copy_of: Callable[[str], str], migrated: str) -> str:
    return copy_of(migrated)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as made:
        yield made


def shown(error: BaseException) -> str:
    """Everything that a log keeps of an error, its causes included."""
    return "".join(traceback.format_exception(error)) + repr(error)


def _twice(connection: Connection) -> None:
    execute(connection, "create temporary table person (email text constraint once unique)")
    execute(connection, "insert into person values (:jane), (:jane)", jane=JANE)


def _no_number(connection: Connection) -> None:
    fetch_scalar(connection, "select cast(cast(:jane as text) as integer)", jane=JANE)


def _copied_wrongly(connection: Connection) -> None:
    execute(connection, "create temporary table number (value integer)")
    copy_rows(connection, "number", ["value"], [(JANE,)])


@pytest.mark.parametrize("fail", [_twice, _no_number, _copied_wrongly])
def test_what_the_driver_quotes_of_a_row_is_not_shown(database: Database, fail: Callable[[Connection], None]) -> None:
    with pytest.raises(ListPipelineError) as caught, database.begin() as connection:
        fail(connection)
    assert "jane.doe" not in shown(caught.value)
    assert isinstance(caught.value, StatementFailedError)


def test_table_and_constraint_are_named(database: Database) -> None:
    with (
        pytest.raises(StatementFailedError, match=r"23505.*table person, constraint once"),
        database.begin() as connection,
    ):
        _twice(connection)


def test_a_copy_that_is_cancelled_says_so_without_the_row_it_was_at(database: Database) -> None:
    def rows(backend: int) -> Iterator[tuple[str]]:
        for number in range(200_000):
            if number == 100_000:
                with database.begin() as other:
                    execute(other, "select pg_cancel_backend(:pid)", pid=backend)
            yield (f"{number}{JANE}",)

    def copied(connection: Connection) -> None:
        execute(connection, "create temporary table person (email text)")
        copy_rows(connection, "person", ["email"], rows(int(fetch_scalar(connection, "select pg_backend_pid()"))))

    with pytest.raises(DatabaseUnavailableError) as caught, database.begin() as connection:
        copied(connection)
    assert "57014" in str(caught.value)
    assert "example.com" not in shown(caught.value)


def test_a_connection_that_is_cut_is_worth_another_try(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError), database.begin() as connection:
        fetch_all(connection, "select pg_terminate_backend(pg_backend_pid())")


def test_a_missing_table_points_to_the_migration(database: Database) -> None:
    with pytest.raises(StatementFailedError, match="list-pipeline migrate"), database.begin() as connection:
        fetch_all(connection, "select 1 from no_such_table")


def test_a_wrong_password_or_name_is_told_from_a_silent_server(url: str) -> None:
    parts = urlsplit(url)
    wrong = parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}").geturl()
    missing = parts._replace(path="/no_such_database").geturl()
    for other, words in ((wrong, "password is refused"), (missing, "no such database")):
        with pytest.raises(ConfigurationError, match=words), closing(Database(other)) as made, made.begin():
            pass


@pytest.fixture
def stranger(url: str) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """A role that may do little, and a connection of who may change that."""
    parts = urlsplit(url)
    with closing(psycopg.connect(url, autocommit=True)) as admin:
        admin.execute("create role list_pipeline_stranger login password 'stranger'")  # pragma: allowlist secret
        try:
            own = f"list_pipeline_stranger:stranger@{parts.hostname}:{parts.port}"
            yield parts._replace(netloc=own).geturl(), admin
        finally:
            admin.execute("drop owned by list_pipeline_stranger")
            admin.execute("drop role list_pipeline_stranger")


def _refused(url: str) -> ListPipelineError:
    with pytest.raises(ListPipelineError) as caught, closing(Database(url)) as made, made.begin():
        pass
    return caught.value


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"query": "sslmode=require"}, ConfigurationError, "does not offer TLS"),
        ({"query": "sslmode=banana"}, ConfigurationError, "a part of the URL cannot be understood"),
        ({"netloc": "u:p@database.invalid"}, DatabaseUnavailableError, "name of its host is not known"),
        ({"netloc": ":1"}, DatabaseUnavailableError, "no host named:1"),
    ],
)
def test_why_no_connection_was_made_is_said(
    url: str, change: dict[str, str], error: type[Exception], words: str
) -> None:
    found = _refused(urlsplit(url)._replace(**change).geturl())
    assert isinstance(found, error)
    assert words in str(found)
    assert "None" not in str(found)


def test_a_server_that_refuses_is_told_from_one_that_is_silent(
    url: str, stranger: tuple[str, psycopg.Connection[Any]]
) -> None:
    own, admin = stranger
    name = urlsplit(url).path.lstrip("/")
    admin.execute("alter role list_pipeline_stranger connection limit 0")
    found = _refused(own)
    assert isinstance(found, DatabaseUnavailableError)
    assert "no connection left" in str(found)
    admin.execute("alter role list_pipeline_stranger connection limit -1")
    admin.execute(f'revoke connect on database "{name}" from public')
    assert "Grant it CONNECT" in str(_refused(own))
    admin.execute(f'grant connect on database "{name}" to list_pipeline_stranger')
    with (
        pytest.raises(StatementFailedError, match="own the schema"),
        closing(Database(own)) as made,
        made.begin() as connection,
    ):
        fetch_all(connection, "select 1 from list_pipeline.plan")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("FATAL:  sorry, too many clients already", "no connection left"),
        (
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "no connection left",
        ),
        ("FATAL:  the database system is starting up", "starting or stopping"),
        ("FATAL:  the database system is not yet accepting connections", "starting or stopping"),
        ("FATAL:  the database system is not accepting connections", "starting or stopping"),
        (
            'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory\n'
            "\tIs the server running locally and accepting connections on that socket?",
            "does not answer",
        ),
        ("connection timeout expired", "does not answer"),
        ("FATAL:  la base de donn\u00e9es est arr\u00eat\u00e9e", "does not answer"),
    ],
)
def test_a_server_that_is_full_or_changes_places_is_tried_again(said: str, words: str) -> None:
    found = connection_problem("Connecting", said)
    assert isinstance(found, DatabaseUnavailableError)
    assert words in str(found)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('FATAL:  database "template0" is not currently accepting connections', "takes no connections"),
        ('definition of service "production" not found', "described nowhere"),
    ],
)
def test_what_only_a_person_can_put_right_is_not_said_to_pass(said: str, words: str) -> None:
    found = connection_problem("Connecting", said)
    assert isinstance(found, ConfigurationError)
    assert words in str(found)


def test_a_server_that_takes_no_writes_passes(database: Database) -> None:
    """As while two servers change places: the one that is connected to is the copy for a while."""
    statement = "set transaction read only; delete from list_pipeline.mailjet_request"
    with pytest.raises(DatabaseUnavailableError, match=r"25006.*takes no writes"), database.begin() as connection:
        execute(connection, statement)


def test_statements_locks_and_idle_transactions_end_by_themselves(database: Database) -> None:
    with database.begin() as connection:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert fetch_scalar(connection, "select current_setting(:name)", name=name) not in ("0", None)


def test_a_session_that_hangs_with_a_lock_holds_others_up_for_a_bounded_time(database: Database) -> None:
    with database.begin() as stuck:
        execute(stuck, "select pg_advisory_xact_lock(7)")
        with pytest.raises(DatabaseUnavailableError, match="55P03"), database.begin() as connection:
            execute(connection, "set local lock_timeout = '50ms'; select pg_advisory_xact_lock(7)")


class BlackHole:
    """Stands between client and server, and from a moment on takes every byte and passes none on."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.swallows = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        # The other direction's thread may have closed both already.
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(65_536):
                if not self.swallows.is_set():
                    target.sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def black_hole(url: str) -> Iterator[tuple[BlackHole, Database]]:
    parts = urlsplit(url)
    hole = BlackHole(str(parts.hostname), parts.port or 5432)
    there = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{hole.port}").geturl()
    with closing(hole), closing(Database(there)) as made:
        yield hole, made


def test_a_statement_into_a_black_hole_ends(black_hole: tuple[BlackHole, Database]) -> None:
    hole, database = black_hole

    def ask(connection: Connection) -> None:
        assert fetch_scalar(connection, "select 1") == 1
        hole.swallows.set()
        with answered_within(connection, 0.2):
            fetch_scalar(connection, "select 1")

    with pytest.raises(DatabaseUnavailableError, match="the connection broke"), database.begin() as connection:
        ask(connection)


def test_a_holder_that_cannot_ask_for_its_lock_has_lost_it(
    black_hole: tuple[BlackHole, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    hole, database = black_hole
    monkeypatch.setattr("list_pipeline.storage.lock._CHECKED_WITHIN_S", 0.2)
    with mutation_lock(database, CLOCK, "a maintenance") as lock:
        lock.check()
        hole.swallows.set()
        with pytest.raises(LockLostError):
            lock.check()


SESSIONS: dict[str, Callable[[Database], AbstractContextManager[object]]] = {
    "another holder of the lock of the lists": lambda database: mutation_lock(database, CLOCK, "the second holder"),
    "whoever posts a message": lambda database: messages.held(database, 1),
    "whoever changes a schedule": lambda database: schedule_lock(database, 1),
    "a sync with its temporary tables": lambda database: database.session(),
}


@pytest.mark.parametrize("who", SESSIONS)
def test_a_pooler_that_hands_sessions_around_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    # Every client gets the one session that is free just now.
    shared = create_engine(database._url, poolclass=StaticPool, connect_args={"options": "-csearch_path=list_pipeline"})
    event.listen(shared, "do_connect", database_module._connect)
    monkeypatch.setattr(database, "_engine", shared)
    with mutation_lock(database, CLOCK, "the first holder") as first:
        first.check()
        with pytest.raises(ConfigurationError, match="does not keep sessions"), SESSIONS[who](database):
            pass
    shared.dispose()


def test_a_session_is_used_again_and_holds_nothing_of_whoever_had_it_before(database: Database) -> None:
    with database.session() as before:
        backend = fetch_scalar(before, "select pg_backend_pid()")
        execute(before, "create temporary table person (email text)")
        execute(before, "select pg_advisory_lock(7), set_config('application_name', 'the one before', false)")
        execute(before, "set lock_timeout = '7s'")
    with database.session() as after:
        assert fetch_scalar(after, "select pg_backend_pid()") == backend
        assert fetch_scalar(after, "select to_regclass('person')") is None
        assert (
            fetch_scalar(after, "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")
            == 0
        )
        assert fetch_scalar(after, "select current_setting('application_name')") == ""
        assert fetch_scalar(after, "select current_setting('lock_timeout')") == "2min"
        assert fetch_scalar(after, "select current_setting('search_path')") == "list_pipeline"
        first = fetch_scalar(after, "select current_setting('list_pipeline.session')")
    with database.session() as again:
        assert fetch_scalar(again, "select current_setting('list_pipeline.session')") not in ("", first)


def _fails(_: Connection) -> None:
    raise ValueError("in between")


def _leaves_a_transaction(connection: Connection) -> None:
    execute(connection, "begin")
    execute(connection, "create temporary table person (email text)")


@pytest.mark.parametrize("end", [_fails, _leaves_a_transaction])
def test_a_session_that_did_not_end_well_is_closed(database: Database, end: Callable[[Connection], None]) -> None:
    with contextlib.suppress(ValueError), database.session() as before:
        backend = fetch_scalar(before, "select pg_backend_pid()")
        execute(before, "select pg_advisory_lock(7)")
        end(before)
    with database.session() as after:
        assert fetch_scalar(after, "select pg_backend_pid()") != backend


def test_a_pooler_that_gives_another_session_the_next_time_is_noticed(database: Database) -> None:
    with database.session():
        pass
    # What a pooler in between would do: the next statement reaches what another client left.
    with database.begin() as connection:
        execute(connection, "select set_config('list_pipeline.session', 'another client', false)")
    with pytest.raises(ConfigurationError, match="does not keep sessions"), database.session():
        pass


def test_whoever_comes_next_does_not_get_a_connection_that_the_server_ended(database: Database, url: str) -> None:
    for _ in range(2):
        with database.begin() as connection:
            backend = fetch_scalar(connection, "select pg_backend_pid()")
        with closing(psycopg.connect(url, autocommit=True)) as admin:
            admin.execute("select pg_terminate_backend(%s, 10000)", [backend])
        with database.begin() as connection:
            assert fetch_scalar(connection, "select pg_backend_pid()") != backend


def test_a_connection_that_nobody_used_for_a_while_is_asked_first(
    black_hole: tuple[BlackHole, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    hole, database = black_hole
    monkeypatch.setattr(BoundedConnection, "answer_within_s", 0.5)
    with database.begin() as connection:
        backend = fetch_scalar(connection, "select pg_backend_pid()")
    hole.swallows.set()
    # The server says nothing, so only asking tells; a new connection is made then, which finds the way free again.
    monkeypatch.setattr(used_connections, "TRUSTED_FOR_S", 0.0)
    monkeypatch.setattr(database._engine.dialect, "do_ping", _opening(hole, database._engine.dialect.do_ping))
    with database.begin() as connection:
        assert fetch_scalar(connection, "select pg_backend_pid()") != backend


def _opening(hole: BlackHole, ping: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A question to a connection, after which the way is free."""

    def asked(connection: Any) -> bool:
        try:
            return ping(connection)
        finally:
            hole.swallows.clear()

    return asked


def test_a_session_that_became_somebody_elses_is_a_lost_lock(database: Database) -> None:
    with mutation_lock(database, CLOCK, "a maintenance") as lock:
        execute(lock._connection, "select set_config('list_pipeline.session', 'another client', false)")
        with pytest.raises(LockLostError):
            lock.check()


def test_a_pool_that_is_used_up_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "POOL_TIMEOUT_S", 0.1)
    with closing(Database(url, pool_size=1)) as made, made.session(), made.session():
        assert made.pool.in_use == 2
        with pytest.raises(DatabaseUnavailableError, match="all 2 connections"), made.begin():
            pass
