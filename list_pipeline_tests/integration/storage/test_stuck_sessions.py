"""Sessions that hang with a lock: whoever waits is told who it is, the session is ended, people are told once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Connection

from list_pipeline.clock import SystemClock
from list_pipeline.core.errors import LockHeldError
from list_pipeline.core.monitoring import stuck_sessions as rules
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.operations.monitoring.dependencies import Health, check_all
from list_pipeline.operations.monitoring.stuck_sessions import watch_locks
from list_pipeline.storage import limiter as limiter_module
from list_pipeline.storage import lock as lock_module
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import Database, execute
from list_pipeline.storage.database_errors import DatabaseUnavailableError
from list_pipeline.storage.limiter import SharedLimiter
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.stuck_sessions import LockWaitError, end_stuck, hold, holders
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.paths import CHECKOUT

SECONDS = 30.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is silent for a second is stuck; the limiter looks who holds its lock every second."""
    policy = replace(MONITORING, transaction_silent_s=1.0, holder_silent=timedelta(seconds=1))
    monkeypatch.setattr(rules, "MONITORING", policy)
    monkeypatch.setattr(limiter_module, "_WAITED_FOR_S", 1)
    monkeypatch.setattr(lock_module, "_LOOKED_AT_EVERY", 1)


@pytest.fixture
def url(copy_of: Callable[[str], str], migrated: str) -> str:
    return copy_of(migrated)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as made:
        yield made


@contextmanager
def idle_with(url: str, key: int) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else that took a lock in a transaction and does nothing."""
    with closing(psycopg.connect(url, application_name="psql of jane.doe@example.com")) as stuck:
        stuck.execute("select pg_advisory_xact_lock(%s), 'jane.doe@example.com'", [key])
        yield stuck


@contextmanager
def asleep_with(url: str, key: int) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else that holds a lock in a statement without an end."""
    with closing(psycopg.connect(url, application_name="a report")) as stuck:
        stuck.execute("select pg_advisory_xact_lock(%s)", [key])

        def sleep() -> None:
            with pytest.raises(psycopg.OperationalError):
                stuck.execute("select pg_sleep(300)")

        thread = threading.Thread(target=sleep)
        thread.start()
        yield stuck
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", [stuck.info.backend_pid])
        thread.join(SECONDS)


def is_alive(url: str, stuck: psycopg.Connection[Any]) -> bool:
    with psycopg.connect(url) as other:
        found = other.execute("select 1 from pg_stat_activity where pid = %s", [stuck.info.backend_pid]).fetchall()
    return bool(found)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that the server's own time brings about."""
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


# The limiter


@pytest.mark.parametrize("stuck_with", [idle_with, asleep_with])
def test_a_session_that_hangs_with_the_limiters_lock_is_ended_and_requests_go_on(
    url: str, database: Database, stuck_with: Callable[..., Any]
) -> None:
    with stuck_with(url, lock_numbers.LIMITER) as stuck:
        SharedLimiter(database, SystemClock(), 5).acquire()
        assert not is_alive(url, stuck)


def test_learning_from_a_refusal_does_not_wait_for_a_stuck_session_either(url: str, database: Database) -> None:
    limiter = SharedLimiter(database, SystemClock(), 40)
    counted_at = limiter.acquire()
    with idle_with(url, lock_numbers.LIMITER) as stuck:
        limiter.slow_down(counted_at, None)
        assert not is_alive(url, stuck)


def test_a_process_that_stops_while_it_counts_keeps_nobody_else_waiting(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter_module, "_HANGS_AFTER_S", 1)
    with closing(Database(url)) as other:
        stopped = SharedLimiter(database, SystemClock(), 5)

        def stop() -> None:
            with stopped._alone() as held:
                SharedLimiter(other, SystemClock(), 5).acquire()
                execute(held, "select 1")

        with pytest.raises(DatabaseUnavailableError):
            stop()
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from list_pipeline.stuck_session").fetchone() == (0,)


@pytest.fixture
def limited(url: str) -> Iterator[Database]:
    """The product as a role that may not end sessions of others."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("create role list_pipeline_limited login password 'limited'")  # pragma: allowlist secret
        admin.execute("grant usage on schema list_pipeline to list_pipeline_limited")
        admin.execute("grant all on all tables in schema list_pipeline to list_pipeline_limited")
        admin.execute("grant all on all sequences in schema list_pipeline to list_pipeline_limited")
    parts = urlsplit(url)
    role = f"list_pipeline_limited:limited@{parts.hostname}:{parts.port}"
    with closing(Database(parts._replace(netloc=role).geturl())) as made:
        yield made
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("drop owned by list_pipeline_limited")
        admin.execute("drop role list_pipeline_limited")


@pytest.mark.parametrize("may_look", [False, True])
def test_a_session_that_cannot_be_ended_is_named(url: str, limited: Database, may_look: bool) -> None:
    if may_look:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("grant pg_read_all_stats to list_pipeline_limited")
    with idle_with(url, lock_numbers.LIMITER) as stuck:
        with pytest.raises(LockWaitError, match=f"session {stuck.info.backend_pid}") as caught:
            SharedLimiter(limited, SystemClock(), 5).acquire()
        assert is_alive(url, stuck)
    shown = str(caught.value)
    assert "counting requests to Mailjet" in shown
    assert "jane.doe" not in shown
    assert ("idle in transaction" in shown) is may_look
    with limited.begin() as connection:
        found = connection.exec_driver_sql("select was_ended, holder from stuck_session").all()
    assert [tuple(row) for row in found] == ([(False, found[0][1])] if may_look else [])
    assert "jane.doe" not in str(found)


# Other locks of a transaction


@pytest.mark.parametrize("shared", [True, False])
def test_a_lock_that_is_waited_for_in_vain_names_its_holder(url: str, database: Database, shared: bool) -> None:
    def wait(connection: Connection) -> None:
        execute(connection, "set local lock_timeout = '100ms'")
        hold(connection, LockName.FENCE, shared=shared)

    with idle_with(url, lock_numbers.FENCE) as holder:
        words = f"writing to the journal.*session {holder.info.backend_pid}, idle in transaction"
        with pytest.raises(LockWaitError, match=words), database.begin() as connection:
            wait(connection)


# The lock on changes

_HOLDER = """
import sys, time
from list_pipeline.clock import SystemClock
from list_pipeline.storage.database import Database
from list_pipeline.storage.lock import LockLostError, mutation_lock

with mutation_lock(Database(sys.argv[1]), SystemClock(), "maintenance of 2026-11-20-r3-7", wait_s=0) as lock:
    print("held", flush=True)
    try:
        while True:
            lock.check()
            time.sleep(0.05)
    except LockLostError:
        print("lost", flush=True)
"""


@contextmanager
def another_holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock on changes, and looks all the time whether it still does."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_holder_that_stops_loses_the_lock_and_does_nothing_when_it_wakes(url: str, database: Database) -> None:
    with another_holder(url) as process:
        process.send_signal(signal.SIGSTOP)
        with mutation_lock(database, SystemClock(), "the next one", wait_s=SECONDS) as lock:
            lock.check()
            process.send_signal(signal.SIGCONT)
            assert process.stdout is not None
            assert process.stdout.readline() == "lost\n"


def test_a_writer_that_stopped_in_the_middle_of_a_transaction_does_not_keep_the_next_holder_out(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def impatient(*_: object) -> Iterator[Connection]:
        with session() as connection:
            execute(connection, "set lock_timeout = '2s'")
            yield connection

    session = database.session
    monkeypatch.setattr(database, "session", impatient)
    with (
        idle_with(url, lock_numbers.FENCE) as stopped,
        mutation_lock(database, SystemClock(), "the next one", wait_s=0) as lock,
    ):
        assert not is_alive(url, stopped)
        with lock.writing() as connection:
            execute(connection, "select 1")


def test_a_holder_at_work_keeps_its_lock_however_long(url: str, database: Database) -> None:
    with another_holder(url) as process:
        with (
            pytest.raises(
                LockHeldError, match=r"maintenance of 2026-11-20-r3-7 since .* UTC \(session \d+, idle, silent for 0"
            ),
            mutation_lock(database, SystemClock(), "the next one", wait_s=3),
        ):
            raise AssertionError("two holders")
        assert process.poll() is None


def test_requests_to_mailjet_are_signs_of_life(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "_SIGN_EVERY_S", 0.0)
    database = small.services.database

    def silent_s() -> float:
        with database.begin() as connection:
            (found,) = holders(connection, LockName.MUTATION)
        return found.silent_s

    with mutation_lock(database, small.clock, "a maintenance"):
        until(lambda: silent_s() > 0.5)
        small.services.mailjet.contact_list(small.services.list_ids.master)
        assert silent_s() < 0.5


# People


def test_people_are_told_once_what_hung_and_nothing_else_is_ended(small: Installation) -> None:
    with (
        idle_with(small.database_url, lock_numbers.MUTATION) as stuck,
        idle_with(small.database_url, 7) as bystander,
    ):
        until(lambda: _is_stuck(small))
        health = check_all(small.services)
        assert health.checks["database"].status is Health.UNHEALTHY
        assert "changing lists is held by psql of [address] since" in health.checks["database"].details["error"]
        assert [one.state.value for one in watch_locks(small.services)] == ["sent"]
        assert watch_locks(small.services) == ()
        assert not is_alive(small.database_url, stuck)
        assert is_alive(small.database_url, bystander)
    told = [str(one["text"]) for one in small.cards() if "Held a Lock" in str(one["text"])]
    assert len(told) == 1
    assert "jane.doe" not in str(told) + str(health.as_json())


def _is_stuck(made: Installation) -> bool:
    with made.services.database.begin() as connection:
        return any(one.is_stuck for one in holders(connection))


def test_health_says_who_changes_lists(small: Installation) -> None:
    with mutation_lock(small.another().database, small.clock, "maintenance of 2026-11-20-r3-7"):
        shown = check_all(small.services).as_json()["checks"]["database"]
    assert shown["lists_changed_by"].startswith("maintenance of 2026-11-20-r3-7 since ")
    # A session that ends lets go of its lock a moment later.
    until(lambda: "lists_changed_by" not in check_all(small.services).as_json()["checks"]["database"])


def test_a_session_that_works_again_when_it_is_to_be_ended_is_left_alone(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with idle_with(url, lock_numbers.LIMITER) as stuck:
        with database.begin() as connection:
            (holder,) = holders(connection)
        monkeypatch.setattr(
            "list_pipeline.storage.stuck_sessions.holders", lambda *_: (replace(holder, silent_s=99.0),)
        )
        stuck.execute("select 1")
        assert [one.was_ended for one in end_stuck(database)] == [False]
        assert is_alive(url, stuck)
