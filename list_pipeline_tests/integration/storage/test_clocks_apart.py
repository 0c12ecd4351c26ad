"""Machines whose clocks are apart, on one database: its server's time counts, so that a wrong clock changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline import clock as clock_module
from list_pipeline.clock import SystemClock
from list_pipeline.core.errors import ConfigurationError, RateLimitedError
from list_pipeline.core.messages.delivery import DELIVERY
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.request_rate import FEWEST, WINDOW, allowed_rate
from list_pipeline.operations.messages.outbox import deliver, send_waiting
from list_pipeline.operations.monitoring.dependencies import check_all
from list_pipeline.operations.services import Services
from list_pipeline.settings import Settings
from list_pipeline.storage import server_clock
from list_pipeline.storage.database import Database, execute, fetch_all, fetch_scalar
from list_pipeline.storage.database_errors import DatabaseUnavailableError
from list_pipeline.storage.limiter import SharedLimiter, forget_old_requests, learned_rate
from list_pipeline.storage.server_clock import ServerClock, server_time
from list_pipeline_tests.virtual_clock import VirtualClock

APART = [
    timedelta(minutes=10),
    timedelta(minutes=-10),
    timedelta(days=365),
    timedelta(days=-365),
    timedelta(seconds=50),
]


class WrongClock(SystemClock):
    """A machine's clock that is wrong by so much; who waits by it is remembered instead of kept waiting."""

    def __init__(self, by: timedelta) -> None:
        self._by = by
        self.waited: list[float] = []

    def now(self) -> datetime:
        return super().now() + self._by

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        raise InterruptedError


@pytest.fixture
def url(copy_of: Callable[[str], str], migrated: str) -> str:
    return copy_of(migrated)


@pytest.fixture
def databases(url: str) -> Iterator[tuple[Database, Database]]:
    """Two machines' connections to one database, on which nothing was asked yet."""
    with closing(Database(url)) as one, closing(Database(url)) as other:
        with one.begin() as connection:
            execute(connection, "truncate mailjet_request")
        yield one, other


def wrong_machine(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """The clock of this machine is wrong."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + by

    monkeypatch.setattr(clock_module, "datetime", Wrong)


# The allowance


@pytest.mark.parametrize("by", APART)
def test_two_machines_share_one_allowance_however_far_their_clocks_are_apart(
    databases: tuple[Database, Database], by: timedelta
) -> None:
    right, wrong = WrongClock(timedelta(0)), WrongClock(by)
    limiters = [SharedLimiter(databases[0], right, 6), SharedLimiter(databases[1], wrong, 6)]
    for number in range(6):
        limiters[number % 2].acquire()
    assert [one.take_if_free() for one in limiters] == [None, None]
    for limiter, clock in zip(limiters, (right, wrong), strict=True):
        with pytest.raises(InterruptedError):
            limiter.acquire()
        assert 0 < clock.waited[0] <= WINDOW.total_seconds()
    with databases[0].begin() as connection:
        counted = [row["allowed_at"] for row in fetch_all(connection, "select allowed_at from mailjet_request")]
        now = server_time(connection)
    assert len(counted) == 6
    assert all(timedelta(0) <= now - one < timedelta(seconds=60) for one in counted)


@pytest.mark.parametrize("ahead", [timedelta(seconds=5), timedelta(minutes=10), timedelta(days=365)])
def test_requests_that_a_wrong_clock_counted_in_the_future_keep_nobody_waiting(
    databases: tuple[Database, Database], ahead: timedelta
) -> None:
    with databases[0].begin() as connection:
        execute(
            connection,
            "insert into mailjet_request (allowed_at) select clock_timestamp() + :ahead from generate_series(1, 50)",
            ahead=ahead,
        )
    limiter = SharedLimiter(databases[0], SystemClock(), 5)
    for _ in range(5):
        assert limiter.take_if_free() is not None
    assert limiter.take_if_free() is None
    with databases[0].begin() as connection:
        now = server_time(connection)
    forgotten = forget_old_requests(databases[0], now)
    assert forgotten == (0 if ahead < WINDOW else 50)


@pytest.mark.parametrize("by", APART)
def test_what_one_machine_learned_holds_on_the_other_and_a_burst_of_refusals_teaches_once(
    databases: tuple[Database, Database], by: timedelta
) -> None:
    right = SharedLimiter(databases[0], WrongClock(timedelta(0)), 40)
    wrong = SharedLimiter(databases[1], WrongClock(by), 40)

    def allowed() -> int:
        with databases[0].begin() as connection:
            return allowed_rate(40, learned_rate(connection), server_time(connection))

    burst = [wrong.acquire() for _ in range(5)]
    for counted_at in burst:
        wrong.slow_down(counted_at, None)
    assert allowed() == 20
    right.slow_down(right.acquire(), None)
    assert allowed() == 10
    wrong.slow_down(wrong.acquire(), 30.0)
    assert allowed() == FEWEST
    for limiter in (right, wrong):
        assert limiter.take_if_free() is None
    with pytest.raises(InterruptedError):
        right.acquire()


def test_a_pause_that_a_wrong_clock_wrote_down_is_no_longer_than_any_other(
    databases: tuple[Database, Database],
) -> None:
    wrong = SharedLimiter(databases[0], WrongClock(timedelta(days=365)), 40)
    wrong.slow_down(wrong.acquire(), 10_000.0)
    with pytest.raises(RateLimitedError, match=r"left alone for (3600|3599) s"):
        SharedLimiter(databases[1], SystemClock(), 40).acquire()


# Everything else


@pytest.fixture
def machine(url: str) -> Iterator[Callable[[], Services]]:
    """A factory of processes on machines of their own, with a Slack that is away."""
    made: list[Services] = []

    def make() -> Services:
        settings = Settings(
            database_url=url,  # type: ignore[arg-type]
            slack_bot_token="xoxb-sandbox",  # type: ignore[arg-type]
            slack_base_url="http://127.0.0.1:1/api/",
        )
        made.append(Services(settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("by", APART)
def test_a_process_goes_by_the_time_of_the_database_server(
    machine: Callable[[], Services], monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    right = machine()
    before = right.clock.now()
    wrong_machine(monkeypatch, by)
    wrong = machine()
    with right.database.begin() as connection:
        now = server_time(connection)
    assert abs(wrong.clock.now() - now) < timedelta(seconds=5)
    assert before <= right.clock.now() < now + timedelta(seconds=5)


@pytest.mark.parametrize("by", [timedelta(days=365), timedelta(days=-365)])
def test_a_message_of_a_machine_with_a_wrong_clock_is_neither_held_back_nor_given_up(
    machine: Callable[[], Services], monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    right = machine()
    key = MessageKey("mode:1")
    deliver(right, key, SlackMessage("a change of the mode", []))
    with monkeypatch.context() as patch:
        wrong_machine(patch, by)
        wrong = machine()
        deliver(wrong, MessageKey("mode:2"), SlackMessage("another change of the mode", []))
        send_waiting(wrong)
    with right.database.begin() as connection:
        now = server_time(connection)
        rows = fetch_all(connection, "select state, next_attempt_at from notification")
    assert {row["state"] for row in rows} == {"failed"}
    assert all(row["next_attempt_at"] - now <= DELIVERY.first_retry * 2 for row in rows)


def test_health_says_how_wrong_the_clock_of_the_machine_is(
    machine: Callable[[], Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong_machine(monkeypatch, timedelta(minutes=10))
    shown = check_all(machine(), timeout_s=20).as_json()["checks"]["database"]
    assert shown["status"] == "healthy"
    assert shown["machine_clock_ahead_s"] == pytest.approx(600, abs=5)


def test_the_time_is_not_guessed_when_the_server_never_said_it() -> None:
    with closing(Database("postgresql://nobody@127.0.0.1:1/nothing")) as database:
        clock = ServerClock(lambda: database)
        with pytest.raises(DatabaseUnavailableError):
            clock.now()
        clock.may_guess = True
        assert abs(clock.now() - SystemClock().now()) < timedelta(seconds=1)
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Services(Settings(database_url=None)).clock.now()


def test_the_time_goes_on_while_the_server_is_away_and_is_asked_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed, asked = 1_000.0, 0
    monkeypatch.setattr(server_clock, "_elapsed_s", lambda: elapsed)
    with closing(Database(url)) as there, closing(Database("postgresql://nobody@127.0.0.1:1/nothing")) as away:
        database = there

        def current() -> Database:
            nonlocal asked
            asked += 1
            return database

        clock = ServerClock(current)
        first = clock.now()
        elapsed += 20
        assert (clock.now() - first, asked) == (timedelta(seconds=20), 1)
        database = away
        elapsed += 20
        assert (clock.now() - first, asked) == (timedelta(seconds=40), 2)
        database = there
        elapsed += 40
        with there.begin() as connection:
            now = server_time(connection)
        assert abs(clock.now() - now) < timedelta(seconds=5)
        assert asked == 3


def test_the_time_does_not_go_back_by_the_inaccuracy_of_asking(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    elapsed, shown = 1_000.0, datetime(2026, 11, 20, 9, tzinfo=UTC)
    monkeypatch.setattr(server_clock, "_elapsed_s", lambda: elapsed)
    monkeypatch.setattr(server_clock, "server_time", lambda _: shown)
    with closing(Database(url)) as database:
        clock = ServerClock(lambda: database)
        first = clock.now()
        elapsed, shown = elapsed + 60, first - timedelta(milliseconds=20)
        assert clock.now() == first
        elapsed, shown = elapsed + 60, first - timedelta(minutes=10)
        assert clock.now() == first - timedelta(minutes=10)


def test_a_rehearsal_goes_by_its_own_clock(databases: tuple[Database, Database]) -> None:
    clock = VirtualClock(datetime(2031, 1, 1, tzinfo=UTC))
    assert SharedLimiter(databases[0], clock, 5).acquire() == clock.now()
    with databases[0].begin() as connection:
        assert fetch_scalar(connection, "select allowed_at from mailjet_request") == clock.now()
