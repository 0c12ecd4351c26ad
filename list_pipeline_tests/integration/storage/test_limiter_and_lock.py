"""The shared allowance of requests and the lock on changes, over several processes on one real database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from list_pipeline.clock import SystemClock
from list_pipeline.core.errors import LockHeldError, RateLimitedError
from list_pipeline.core.request_rate import FEWEST, WINDOW, allowed_rate
from list_pipeline.storage.database import Database, DatabaseUnavailableError
from list_pipeline.storage.limiter import SharedLimiter, forget_old_requests, learned_rate
from list_pipeline.storage.lock import LockLostError, mutation_lock
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def current_holder(database: Database) -> str | None:
    """The holder as somebody is told who asks for the lock without waiting; None when it is free."""
    try:
        with mutation_lock(database, SystemClock(), "somebody who asks", wait_s=0):
            return None
    except LockHeldError as error:
        return error.happened.removeprefix("the lock is held by ")


@pytest.fixture
def databases(copy_of: Callable[[str], str], migrated: str) -> Iterator[tuple[Database, Database]]:
    """Two processes' connections to one database."""
    url = copy_of(migrated)
    one, other = Database(url), Database(url)
    # What preparing the template requested must not count here.
    with one.begin() as connection:
        connection.execute(text("truncate mailjet_request"))
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


def instants(database: Database) -> list[datetime]:
    with database.begin() as connection:
        return [row[0] for row in connection.execute(text("select allowed_at from mailjet_request order by 1"))]


def allowed(database: Database, configured: int, clock: VirtualClock) -> int:
    """Requests a minute that any process may make now."""
    with database.begin() as connection:
        return allowed_rate(configured, learned_rate(connection), clock.now())


def most_in_a_window(found: list[datetime]) -> int:
    """The largest number of requests in any 60 s; a window is open at its beginning."""
    return max(sum(start <= other < start + WINDOW for other in found) for start in found)


def test_two_processes_draw_from_one_allowance(databases: tuple[Database, Database], clock: VirtualClock) -> None:
    limiters = [SharedLimiter(database, clock, 5) for database in databases]
    for number in range(5):
        limiters[number % 2].acquire()
    assert clock.now() == START
    limiters[0].acquire()
    assert clock.now() == START + WINDOW


def test_the_window_slides_exactly(databases: tuple[Database, Database], clock: VirtualClock) -> None:
    one, other = (SharedLimiter(database, clock, 3) for database in databases)
    for wait in (0, 20, 20):  # at 0, 20 and 40 s
        clock.sleep(wait)
        one.acquire()
    other.acquire()  # as the first leaves the window: at 60 s and no later, not a burst of three
    assert clock.now() == START + timedelta(seconds=60)
    other.acquire()
    assert clock.now() == START + timedelta(seconds=80)


def test_no_window_ever_holds_more_than_the_allowance(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    limiters = [SharedLimiter(database, clock, 7) for database in databases]
    for number in range(60):
        clock.sleep((number * 7919 % 13) / 2)
        limiters[number % 2].acquire()
    found = instants(databases[0])
    assert len(found) == 60
    assert most_in_a_window(found) == 7


def test_a_429_halves_the_allowance_of_everybody_and_each_minute_gives_one_back(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    one, other = (SharedLimiter(database, clock, 40) for database in databases)
    one.slow_down(clock.now(), None)
    for _ in range(20):
        other.acquire()
    assert clock.now() == START
    other.acquire()
    assert clock.now() == START + WINDOW
    clock.set(START + timedelta(minutes=30))
    for _ in range(40):
        one.acquire()
    assert clock.now() == START + timedelta(minutes=30)


def test_a_429_to_what_was_asked_before_the_last_one_teaches_nothing_new(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    limiter = SharedLimiter(databases[0], clock, 40)
    asked_at = clock.now()
    clock.sleep(1)
    for _ in range(10):
        limiter.slow_down(asked_at, None)
    assert allowed(databases[1], 40, clock) == 20


def test_a_lower_limit_is_found_by_halving_again_and_a_few_requests_always_remain(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    limiter, found = SharedLimiter(databases[0], clock, 300), []
    for _ in range(8):
        clock.sleep(1)
        limiter.slow_down(clock.now(), None)
        found.append(allowed(databases[1], 300, clock))
    assert found == [150, 75, 37, 18, 9, FEWEST, FEWEST, FEWEST]


def test_where_fewer_are_configured_a_429_does_not_allow_more(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    limiter = SharedLimiter(databases[0], clock, 1)
    limiter.slow_down(clock.now(), None)
    limiter.acquire()
    limiter.acquire()
    assert clock.now() == START + WINDOW


def test_nobody_asks_before_the_pause_is_over_that_mailjet_asked_for(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    one, other = (SharedLimiter(database, clock, 40) for database in databases)
    one.slow_down(clock.now(), 90.0)
    one.slow_down(clock.now(), 5.0)
    assert not other.take_if_free()
    other.acquire()
    assert clock.now() == START + timedelta(seconds=90)


def test_a_long_pause_is_not_waited_for_and_ends_within_an_hour(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    one, other = (SharedLimiter(database, clock, 40) for database in databases)
    one.slow_down(clock.now(), float("inf"))
    with pytest.raises(RateLimitedError, match="left alone for 3600 s"):
        other.acquire()
    assert clock.now() == START
    clock.advance(timedelta(hours=1))
    other.acquire()
    assert clock.now() == START + timedelta(hours=1)


@pytest.mark.parametrize("back", [timedelta(hours=3), timedelta(days=400)])
def test_a_clock_that_goes_back_keeps_nobody_from_asking(databases: tuple[Database, Database], back: timedelta) -> None:
    clock, earlier = VirtualClock(START + back), VirtualClock(START)
    before = SharedLimiter(databases[0], clock, 40)
    for _ in range(40):
        before.acquire()
    before.slow_down(clock.now(), 3600.0)
    limiter = SharedLimiter(databases[1], earlier, 40)
    limiter.acquire()
    assert earlier.now() == START
    # And what is refused from now on teaches again.
    assert allowed(databases[1], 40, earlier) == 40
    for expected in (20, 10):
        earlier.sleep(1)
        limiter.slow_down(earlier.now(), None)
        assert allowed(databases[1], 40, earlier) == expected


def test_threads_of_two_processes_never_exceed_the_allowance_together(
    databases: tuple[Database, Database],
) -> None:
    limit, threads = 20, 8
    clock = VirtualClock(START)
    failures: list[BaseException] = []

    def work(database: Database) -> None:
        limiter = SharedLimiter(database, clock, limit)
        try:
            for _ in range(10):
                limiter.acquire()
        except BaseException as error:
            failures.append(error)
            raise

    workers = [threading.Thread(target=work, args=(databases[number % 2],)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not failures
    found = instants(databases[0])
    assert len(found) == 10 * threads
    assert most_in_a_window(found) <= limit


def test_a_request_is_counted_in_one_way_to_the_server_and_back_and_a_refusal_is_noticed_at_once(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    one, other = databases
    limiter, sent = SharedLimiter(one, clock, 40), []
    event.listen(one._engine, "before_cursor_execute", lambda *parts: sent.append(parts[2]))
    limiter.acquire()
    assert len(sent) == 1
    SharedLimiter(other, clock, 40).slow_down(clock.now(), None)
    for _ in range(19):
        assert limiter.take_if_free() is not None
    assert limiter.take_if_free() is None
    # As many as are configured again, which a process finds out once.
    clock.advance(timedelta(minutes=20))
    limiter.acquire()
    sent.clear()
    for _ in range(39):
        assert limiter.take_if_free() is not None
    assert len(sent) == 39
    assert limiter.take_if_free() is None


def test_a_rate_that_was_free_before_the_clock_went_back_is_looked_at_again(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    limiter = SharedLimiter(databases[0], clock, 40)
    limiter.slow_down(clock.now(), None)
    clock.advance(timedelta(minutes=30))
    assert limiter.take_if_free() is not None
    limiter._clock = VirtualClock(START + timedelta(minutes=5))
    for _ in range(25):
        assert limiter.take_if_free() is not None
    assert limiter.take_if_free() is None


def test_old_requests_are_forgotten_and_recent_ones_kept(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    limiter = SharedLimiter(databases[0], clock, 10)
    limiter.acquire()
    clock.advance(timedelta(days=3))
    limiter.acquire()
    assert forget_old_requests(databases[0], clock.now()) == 1
    assert instants(databases[0]) == [START + timedelta(days=3)]


def test_a_second_holder_waits_and_is_told_who_holds_the_lock(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    one, other = databases
    with mutation_lock(one, clock, "suppression after 2026-11-20-r3-7"):
        with (
            pytest.raises(LockHeldError, match="suppression after 2026-11-20-r3-7 since"),
            mutation_lock(other, clock, "second", wait_s=30),
        ):
            raise AssertionError("two holders")
        assert clock.now() >= START + timedelta(seconds=30)
        holder = current_holder(other)
        assert holder is not None
        assert holder.startswith("suppression after 2026-11-20-r3-7")
    assert current_holder(other) is None
    with mutation_lock(other, clock, "second", wait_s=0) as lock:
        lock.check()


def test_the_lock_of_another_installation_on_the_same_server_is_none_of_ours(
    databases: tuple[Database, Database], clock: VirtualClock, copy_of: Callable[[str], str], migrated: str
) -> None:
    elsewhere = Database(copy_of(migrated))
    with mutation_lock(elsewhere, clock, "another installation"):
        assert current_holder(databases[0]) is None
        with mutation_lock(databases[0], clock, "ours", wait_s=0) as lock:
            lock.check()
            holder = current_holder(databases[1])
    elsewhere.close()
    assert holder is not None
    assert holder.startswith("ours")


def test_a_waiting_holder_gets_the_lock_when_the_first_lets_go(databases: tuple[Database, Database]) -> None:
    one, other = databases
    clock = SystemClock()
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with mutation_lock(other, clock, "second", wait_s=20):
            order.append("second")

    with mutation_lock(one, clock, "first"):
        worker = threading.Thread(target=second)
        worker.start()
        assert entered.wait(5)
        order.append("first")
    worker.join(20)
    assert order == ["first", "second"]


def test_every_holder_has_a_higher_fence_than_the_one_before(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    fences = []
    for number in range(4):
        with mutation_lock(databases[number % 2], clock, "one after another") as lock:
            fences.append(lock.fence)
    assert fences == sorted(set(fences))


def _terminate(database: Database) -> int:
    with database.begin() as connection:
        found = connection.execute(
            text(
                "select count(pg_terminate_backend(l.pid)) from pg_locks l join pg_stat_activity a using (pid)"
                " where l.locktype = 'advisory' and a.datname = current_database() and a.pid <> pg_backend_pid()"
            )
        ).scalar()
    return int(found or 0)


def test_a_holder_whose_connection_died_notices_before_its_next_change(
    databases: tuple[Database, Database], clock: VirtualClock
) -> None:
    one, other = databases
    with mutation_lock(one, clock, "first") as lock:
        lock.check()
        assert _terminate(other) == 1
        with pytest.raises(LockLostError):
            lock.check()
        with mutation_lock(other, clock, "second", wait_s=10) as second:
            second.check()
            assert second.fence > lock.fence
            with pytest.raises(LockLostError):
                lock.check()


def test_the_lock_is_free_again_after_an_error(databases: tuple[Database, Database], clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="in between"), mutation_lock(databases[0], clock, "first"):
        raise ValueError("in between")
    with mutation_lock(databases[1], clock, "second", wait_s=0) as lock:
        lock.check()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://somebody:very-secret@127.0.0.1:1/nothing",  # pragma: allowlist secret
        "postgresql://127.0.0.1:1/nothing?user=somebody&password=very-secret",
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    database = Database(url)
    with pytest.raises(DatabaseUnavailableError) as caught, database.begin():
        pass
    assert "DATABASE_URL" in str(caught.value)
    assert "very-secret" not in f"{caught.value} {caught.value!r} {database!r} {database._url!r} {database._engine!r}"
    assert "very-secret" in database.url
    database.close()
