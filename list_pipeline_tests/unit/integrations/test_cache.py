"""The cache without a server: what it does when Redis is missing, fails, comes back or holds garbage."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError

from list_pipeline.core.errors import UnavailableError
from list_pipeline.integrations.cache import (
    CAMPAIGNS,
    LIST_STATE,
    OURS,
    Cache,
    list_contacts_key,
    list_metadata_key,
    membership_key,
    open_cache,
)
from list_pipeline.integrations.cached_values import Head, folded, head_of
from list_pipeline_tests.cached_values import NAMESPACE, PREFIX, get_json, namespace, set_json
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
WHOLE = folded({"a": [START, 1]}, "", START, 3600).encode()
DAMAGED = (
    WHOLE[:-1],
    WHOLE[: len(WHOLE) // 2],
    WHOLE.replace(b'"form":1', b'"form":2'),
    WHOLE.replace(b'"value"', b'"other"'),
    WHOLE.replace(b"2026-11-21T09", b"2026-99-99T09"),
    WHOLE.replace(b"+00:00", b""),
    WHOLE.replace(b",1]", b",2]"),
    WHOLE[:-1] + b',"x":1}',
    WHOLE[:-1] + b',"x":' + b"[" * 100_000,
)


class FakeRedis:
    """The few commands that are used, on a dictionary; fails on request."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.ttl: dict[str, int] = {}
        self.counters: dict[str, dict[bytes, int]] = {}
        self.is_down = False
        self.refused: dict[str, Exception] = {}
        self.calls = 0
        self.version: object = "6.2.14"

    def called(self, command: str) -> None:
        self.calls += 1
        if self.is_down:
            raise RedisConnectionError("redis://:secret@127.0.0.1:6379 refused")
        if command in self.refused:
            raise self.refused[command]

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        self.called("mget")
        return [self.values.get(key) for key in keys]

    def delete(self, *keys: str | bytes) -> int:
        self.called("delete")
        named = [key.decode() if isinstance(key, bytes) else key for key in keys]
        return sum(self.values.pop(key, None) is not None for key in named)

    def scan_iter(self, match: str, count: int) -> Iterator[bytes]:
        self.called("scan")
        yield from [key.encode() for key in self.values if fnmatch.fnmatchcase(key, match)]

    def hgetall(self, key: str) -> dict[bytes, bytes]:
        self.called("hgetall")
        return {name: str(number).encode() for name, number in self.counters.get(key, {}).items()}

    def pipeline(self, transaction: bool) -> Pipeline:
        return Pipeline(self)

    def info(self, section: str) -> dict[str, object]:
        self.called("info")
        return {"redis_version": self.version}

    def ping(self) -> bool:
        self.called("ping")
        return True

    def close(self) -> None:
        pass


class Pipeline:
    """Commands that are sent together."""

    def __init__(self, redis: FakeRedis) -> None:
        self.redis = redis
        self.sent: list[Callable[[], None]] = []

    def set(self, key: str, value: str, ex: int) -> None:
        def write() -> None:
            self.redis.values[key], self.redis.ttl[key] = value.encode(), ex

        self.sent.append(write)

    def hincrby(self, key: str, name: str, number: int) -> None:
        def add() -> None:
            counters = self.redis.counters.setdefault(key, {})
            counters[name.encode()] = counters.get(name.encode(), 0) + number

        self.sent.append(add)

    def expire(self, key: str, seconds: int) -> None:
        pass

    def execute(self) -> None:
        self.redis.called("execute")
        for command in self.sent:
            command()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def cache(redis: FakeRedis, clock: VirtualClock) -> Cache:
    return Cache(cast(Any, redis), 3600, clock, namespace)


def test_without_redis_everything_is_a_miss_and_nothing_fails(clock: VirtualClock) -> None:
    cache = open_cache(None, 3600, clock, namespace)

    set_json(cache, LIST_STATE, {"a": 1})
    cache.delete(LIST_STATE)
    cache.delete(*OURS)

    assert get_json(cache, LIST_STATE) is None
    assert cache.tallies(7) is None
    assert cache.entries(10) == ([], True)
    assert not cache.is_reachable()
    assert cache.counts.hit_rate == 0
    cache.close()


def test_the_keys_are_the_specified_ones_and_hold_no_address() -> None:
    assert (LIST_STATE, list_metadata_key(5776), membership_key(12)) == (
        "list:state",
        "list:metadata:5776",
        "contact:12:membership",
    )
    assert list_contacts_key(5776) == "list:5776:contacts"
    with pytest.raises(ValueError, match="invalid literal"):
        membership_key(cast(Any, "jane@example.com"))


def test_the_time_to_live_is_the_configured_one(redis: FakeRedis, clock: VirtualClock) -> None:
    cache = Cache(cast(Any, redis), 120, clock, namespace)
    set_json(cache, "list:state", 1)
    set_json(cache, "list:metadata:1", 1, ttl_s=5)
    set_json(cache, "list:metadata:2", 1, ttl_s=300)

    assert redis.ttl == {
        PREFIX + key: ttl_s for key, ttl_s in {"list:state": 120, "list:metadata:1": 5, "list:metadata:2": 120}.items()
    }


def test_instants_come_back_as_instants(cache: Cache) -> None:
    set_json(cache, LIST_STATE, {"lastSynced": START, "nested": [{"at": START}]})

    assert get_json(cache, LIST_STATE) == {"lastSynced": START, "nested": [{"at": START}]}


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), {1: "a"}, {"a": object()}])  # noqa: DTZ001 - naive on purpose
def test_what_json_cannot_hold_is_a_fault_of_the_caller(cache: Cache, value: Any) -> None:
    with pytest.raises(TypeError):
        set_json(cache, LIST_STATE, value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(json_values.filter(lambda value: value is not None and "@" not in repr(value)))
def test_what_goes_in_comes_out(value: Any) -> None:
    cache = Cache(cast(Any, FakeRedis()), 60, VirtualClock(START), namespace)
    set_json(cache, LIST_STATE, value)

    assert get_json(cache, LIST_STATE) == value


def test_no_address_reaches_redis(cache: Cache, redis: FakeRedis) -> None:
    set_json(cache, LIST_STATE, {"note": 'by "jane@example.com"', "jane@example.org": ["x@example.net\\"]})

    assert "@" not in str(redis.values)
    assert get_json(cache, LIST_STATE) is not None


@pytest.mark.parametrize("garbage", [b"", b"{", b"\x00\xff", b"not json", *DAMAGED])
def test_garbage_is_a_miss(cache: Cache, redis: FakeRedis, garbage: bytes) -> None:
    redis.values[PREFIX + LIST_STATE] = garbage

    assert get_json(cache, LIST_STATE) is None
    assert cache.counts.misses == 1
    assert PREFIX + LIST_STATE not in redis.values


def test_the_head_tells_version_time_and_lifetime_without_the_value(redis: FakeRedis, cache: Cache) -> None:
    cache.keep({LIST_STATE: "x" * 1000}, "a-1", ttl_s=60)

    assert head_of(redis.values[PREFIX + LIST_STATE][:300]) == Head("a-1", START, 60)
    assert head_of(b"x" * 300) is None


def test_hits_and_misses_are_counted(cache: Cache) -> None:
    assert cache.counts.hit_rate is None
    assert get_json(cache, LIST_STATE) is None
    set_json(cache, LIST_STATE, [1])
    assert get_json(cache, LIST_STATE) == [1]

    counts = cache.counts
    assert (counts.hits, counts.misses) == (1, 1)
    assert counts.hit_rate == pytest.approx(0.5)


def test_reads_of_all_processes_are_counted_together_by_kind(redis: FakeRedis, clock: VirtualClock) -> None:
    for _ in range(2):
        process = Cache(cast(Any, redis), 3600, clock, namespace)
        process.find([LIST_STATE, membership_key(1), membership_key(2)], "1")
        process.keep({LIST_STATE: 1}, "1")
        process.find([LIST_STATE], "1", is_counted=False)
        process.close()
    clock.advance(timedelta(days=1))
    later = Cache(cast(Any, redis), 3600, clock, namespace)
    later.find([list_contacts_key(5)], "1")

    assert later.tallies(2) == {"state": (1, 1), "membership": (0, 4), "contacts": (0, 1)}
    assert later.tallies(1) == {"contacts": (0, 1)}


def test_counts_that_redis_did_not_take_are_told_later(cache: Cache, redis: FakeRedis, clock: VirtualClock) -> None:
    redis.is_down = True
    cache.find([LIST_STATE], "1")
    assert cache.tallies(1) is None
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert cache.tallies(1) == {"state": (0, 1)}
    assert cache.tallies(1) == {"state": (0, 1)}


def test_a_value_of_another_version_of_the_data_is_a_miss_and_stays_for_who_still_sees_that_one(cache: Cache) -> None:
    cache.keep({LIST_STATE: "before"}, "1")

    assert cache.find([LIST_STATE], "2") == {}
    assert cache.find([LIST_STATE], "1")[LIST_STATE].value == "before"


@pytest.mark.parametrize(("passed", "shown"), [(-61, False), (-59, True), (0, True), (119, True), (120, False)])
def test_a_value_is_too_old_by_our_own_clock_whatever_redis_counts(
    redis: FakeRedis, clock: VirtualClock, passed: int, shown: bool
) -> None:
    set_json(Cache(cast(Any, redis), 120, clock, namespace), LIST_STATE, 1)
    later = Cache(cast(Any, redis), 120, VirtualClock(START + timedelta(seconds=passed)), namespace)

    assert (get_json(later, LIST_STATE) == 1) is shown


def test_what_was_read_a_while_ago_is_shown_for_the_rest_of_its_time_only(cache: Cache, redis: FakeRedis) -> None:
    assert cache.keep({LIST_STATE: 1}, "1", at=START - timedelta(minutes=59)) == 1
    assert redis.ttl[PREFIX + LIST_STATE] == 60
    assert cache.keep({LIST_STATE: 2}, "1", at=START - timedelta(minutes=60)) == 0


def test_a_value_that_is_too_large_is_not_kept_and_leaves_no_older_one(cache: Cache) -> None:
    set_json(cache, LIST_STATE, "small")
    set_json(cache, LIST_STATE, "x" * 1_000_001)

    assert get_json(cache, LIST_STATE) is None


@pytest.mark.parametrize("error", [OutOfMemoryError("OOM"), ReadOnlyError("READONLY"), NoPermissionError("NOPERM")])
def test_a_server_that_refuses_to_write_still_serves_reads(
    cache: Cache, redis: FakeRedis, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    set_json(cache, LIST_STATE, "old")
    set_json(cache, CAMPAIGNS, "kept")
    redis.refused = {"execute": error, "delete": error}
    with caplog.at_level(logging.INFO):
        set_json(cache, LIST_STATE, "new")
        set_json(cache, LIST_STATE, "newer")

    # What could be neither replaced nor deleted is not shown, although it lies there.
    assert get_json(cache, LIST_STATE) is None
    assert get_json(cache, CAMPAIGNS) == "kept"
    assert len(caplog.records) == 1
    redis.refused = {}
    assert get_json(cache, LIST_STATE) is None
    assert PREFIX + LIST_STATE not in redis.values


def test_an_outage_is_logged_once_counted_and_costs_one_try(
    cache: Cache, redis: FakeRedis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.is_down = True
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            assert get_json(cache, LIST_STATE) is None
            set_json(cache, LIST_STATE, 1)

    assert redis.calls == 1
    assert cache.counts.failures == 100
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_an_invalidation_during_an_outage_is_made_up_before_the_next_read(
    cache: Cache, redis: FakeRedis, clock: VirtualClock
) -> None:
    set_json(cache, LIST_STATE, "old")
    set_json(cache, membership_key(7), "old")
    redis.is_down = True
    cache.invalidate_lists([5776])
    cache.invalidate_contact(7)
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert get_json(cache, LIST_STATE) is None
    assert get_json(cache, membership_key(7)) is None


def test_a_failed_write_does_not_leave_the_old_value_behind(
    cache: Cache, redis: FakeRedis, clock: VirtualClock
) -> None:
    set_json(cache, LIST_STATE, "old")
    redis.is_down = True
    set_json(cache, LIST_STATE, "new")
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert get_json(cache, LIST_STATE) is None


def test_an_outage_that_goes_on_keeps_what_is_owed(cache: Cache, redis: FakeRedis, clock: VirtualClock) -> None:
    set_json(cache, LIST_STATE, "old")
    redis.is_down = True
    cache.delete(LIST_STATE)
    for _ in range(3):
        clock.advance(timedelta(seconds=31))
        assert get_json(cache, LIST_STATE) is None
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert get_json(cache, LIST_STATE) is None
    assert redis.values == {}


def test_very_many_owed_deletions_become_one_of_everything(cache: Cache, redis: FakeRedis, clock: VirtualClock) -> None:
    set_json(cache, membership_key(999_999), "kept too long")
    redis.is_down = True
    cache.delete(*(membership_key(number) for number in range(10_001)))
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert get_json(cache, membership_key(999_999)) is None


def test_invalidating_all_spares_what_is_not_ours(cache: Cache, redis: FakeRedis) -> None:
    for key in (LIST_STATE, list_metadata_key(1), membership_key(2)):
        set_json(cache, key, 1)
    redis.values["somebody:else"] = b"1"

    cache.delete(*OURS)

    assert set(redis.values) == {"somebody:else"}


def test_two_installations_on_one_redis_neither_read_count_nor_forget_each_others_values(
    redis: FakeRedis, clock: VirtualClock
) -> None:
    ours, theirs = (Cache(cast(Any, redis), 3600, clock, lambda name=name: name) for name in ("a1", "a12"))
    for one, value in ((ours, "ours"), (theirs, "theirs")):
        set_json(one, LIST_STATE, value)
        set_json(one, membership_key(7), value)
    # As a version before the prefix, or another product, wrote them.
    foreign = dict.fromkeys((LIST_STATE, membership_key(7), "list_pipeline:", "list_pipeline:a1", "session:7"), b"1")
    redis.values |= foreign

    ours.delete(*OURS)
    assert (get_json(ours, LIST_STATE), get_json(theirs, LIST_STATE)) == (None, "theirs")
    assert get_json(theirs, membership_key(7)) == "theirs"
    assert ours.tallies(1) == {"state": (0, 1)}
    assert theirs.tallies(1) == {"state": (1, 0), "membership": (1, 0)}
    assert foreign.items() <= redis.values.items()


@pytest.mark.parametrize("name", ["", "*", "a*", "a?", "[ab]", "a:b", "a\\", "ä"])
def test_a_namespace_that_could_match_more_than_itself_is_refused(
    redis: FakeRedis, clock: VirtualClock, name: str
) -> None:
    cache = Cache(cast(Any, redis), 3600, clock, lambda: name)
    with pytest.raises(ValueError, match="letters and digits"):
        cache.delete(*OURS)


def test_the_installation_is_asked_for_once_and_not_for_a_sign_of_life(redis: FakeRedis, clock: VirtualClock) -> None:
    asked: list[int] = []

    def name() -> str:
        asked.append(1)
        return NAMESPACE

    cache = Cache(cast(Any, redis), 3600, clock, name)
    assert cache.is_reachable()
    assert asked == []
    for _ in range(3):
        set_json(cache, LIST_STATE, 1)
        assert get_json(cache, LIST_STATE) == 1
    assert asked == [1]


def test_without_a_database_that_names_the_installation_nothing_is_cached(
    redis: FakeRedis, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def nobody_knows() -> str:
        raise UnavailableError("Reading", "the server does not answer", "Start it")

    cache = Cache(cast(Any, redis), 3600, clock, nobody_knows)
    set_json(cache, LIST_STATE, 1)
    assert get_json(cache, LIST_STATE) is None
    cache.delete(*OURS)
    assert redis.values == {}
    assert cache.counts.failures == 3
    assert "UnavailableError" in caplog.text


@pytest.mark.parametrize(
    ("version", "is_used"),
    [("6.2.0", True), ("6.2", True), ("7.4.1", True), ("8.0.0", True), ("6.0.20", False), ("6.1.999", False), ("5.0.7", False),
     (None, True), ("unknown", True)],
)  # fmt: skip
def test_a_redis_older_than_the_oldest_that_was_tried_is_not_used(
    redis: FakeRedis, clock: VirtualClock, caplog: pytest.LogCaptureFixture, version: object, is_used: bool
) -> None:
    redis.version = version
    cache = Cache(cast(Any, redis), 3600, clock, namespace)
    for _ in range(3):
        set_json(cache, LIST_STATE, 1)
    assert (get_json(cache, LIST_STATE) == 1) is is_used
    assert cache.is_reachable() is is_used
    if is_used:
        assert cache.unusable is None
        assert caplog.records == []
    else:
        assert redis.values == {}
        assert cache.unusable == f"Redis {version} is older than 6.2 and is not used; reads go to the database"
        assert [record.getMessage() for record in caplog.records] == [cache.unusable]


def test_a_user_who_may_not_ask_for_the_version_may_use_the_cache(redis: FakeRedis, clock: VirtualClock) -> None:
    redis.refused = {"info": NoPermissionError("NOPERM")}
    cache = Cache(cast(Any, redis), 3600, clock, namespace)
    set_json(cache, LIST_STATE, 1)
    assert get_json(cache, LIST_STATE) == 1
