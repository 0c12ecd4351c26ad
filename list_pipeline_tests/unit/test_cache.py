"""The cache without a server: what it does when Redis is missing, fails, comes back or holds garbage."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError

from list_pipeline.clock import VirtualClock
from list_pipeline.integrations.cache import LIST_STATE, Cache, list_metadata_key, membership_key, open_cache

START = datetime(2026, 11, 21, 9, tzinfo=UTC)


class FakeRedis:
    """The few commands that are used, on a dictionary; fails on request."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.ttl: dict[str, int] = {}
        self.is_down = False
        self.calls = 0

    def _called(self) -> None:
        self.calls += 1
        if self.is_down:
            raise RedisConnectionError("redis://:secret@127.0.0.1:6379 refused")

    def get(self, key: str) -> str | None:
        self._called()
        return self.values.get(key)

    def set(self, key: str, value: str, ex: int) -> bool:
        self._called()
        self.values[key], self.ttl[key] = value, ex
        return True

    def delete(self, *keys: str) -> int:
        self._called()
        return sum(self.values.pop(key, None) is not None for key in keys)

    def scan_iter(self, match: str, count: int) -> Iterator[str]:
        self._called()
        yield from [key for key in self.values if fnmatch.fnmatchcase(key, match)]

    def ping(self) -> bool:
        self._called()
        return True


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def cache(redis: FakeRedis, clock: VirtualClock) -> Cache:
    return Cache(cast(Any, redis), 3600, clock)


def test_without_redis_everything_is_a_miss_and_nothing_fails(clock: VirtualClock) -> None:
    cache = open_cache(None, 3600, clock)

    cache.set_json(LIST_STATE, {"a": 1})
    cache.delete(LIST_STATE)
    cache.invalidate_all()

    assert cache.get_json(LIST_STATE) is None
    assert cache.get_or_load(LIST_STATE, lambda: {"fresh": True}) == {"fresh": True}
    assert not cache.is_reachable()
    assert cache.counts.hit_rate == 0
    cache.close()


def test_the_keys_are_the_specified_ones_and_hold_no_address() -> None:
    assert (LIST_STATE, list_metadata_key(5776), membership_key(12)) == (
        "list:state",
        "list:metadata:5776",
        "contact:12:membership",
    )
    with pytest.raises(ValueError, match="invalid literal"):
        membership_key(cast(Any, "jane@example.com"))


def test_the_time_to_live_is_the_configured_one(redis: FakeRedis, clock: VirtualClock) -> None:
    cache = Cache(cast(Any, redis), 120, clock)
    cache.set_json("list:state", 1)
    cache.set_json("list:metadata:1", 1, ttl_s=5)

    assert redis.ttl == {"list:state": 120, "list:metadata:1": 5}


def test_instants_come_back_as_instants(cache: Cache) -> None:
    cache.set_json(LIST_STATE, {"lastSynced": START, "nested": [{"at": START}]})

    assert cache.get_json(LIST_STATE) == {"lastSynced": START, "nested": [{"at": START}]}


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), {1: "a"}, {"a": object()}])  # noqa: DTZ001 - naive on purpose
def test_what_json_cannot_hold_is_a_fault_of_the_caller(cache: Cache, value: Any) -> None:
    with pytest.raises(TypeError):
        cache.set_json(LIST_STATE, value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(json_values.filter(lambda value: value is not None and "@" not in repr(value)))
def test_what_goes_in_comes_out(value: Any) -> None:
    cache = Cache(cast(Any, FakeRedis()), 60, VirtualClock(START))
    cache.set_json(LIST_STATE, value)

    assert cache.get_json(LIST_STATE) == value


def test_no_address_reaches_redis(cache: Cache, redis: FakeRedis) -> None:
    cache.set_json(LIST_STATE, {"note": 'by "jane@example.com"', "jane@example.org": ["x@example.net\\"]})

    assert "@" not in str(redis.values)
    assert cache.get_json(LIST_STATE) is not None


@pytest.mark.parametrize("garbage", ["", "{", "\x00\xff", "not json", '{"$instant": "never"}'])
def test_garbage_is_a_miss(cache: Cache, redis: FakeRedis, garbage: str) -> None:
    redis.values[LIST_STATE] = garbage

    assert cache.get_json(LIST_STATE) is None
    assert cache.counts.misses == 1


def test_hits_and_misses_are_counted(cache: Cache) -> None:
    assert cache.counts.hit_rate is None
    assert cache.get_or_load(LIST_STATE, lambda: [1]) == [1]
    assert cache.get_or_load(LIST_STATE, lambda: pytest.fail("loaded twice")) == [1]

    counts = cache.counts
    assert (counts.hits, counts.misses) == (1, 1)
    assert counts.hit_rate == pytest.approx(0.5)


def test_an_outage_is_logged_once_counted_and_costs_one_try(
    cache: Cache, redis: FakeRedis, caplog: pytest.LogCaptureFixture
) -> None:
    redis.is_down = True
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            assert cache.get_json(LIST_STATE) is None
            cache.set_json(LIST_STATE, 1)

    assert redis.calls == 1
    assert cache.counts.failures == 100
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


def test_an_invalidation_during_an_outage_is_made_up_before_the_next_read(
    cache: Cache, redis: FakeRedis, clock: VirtualClock
) -> None:
    cache.set_json(LIST_STATE, "old")
    cache.set_json(membership_key(7), "old")
    redis.is_down = True
    cache.invalidate_lists([5776])
    cache.invalidate_contact(7)
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert cache.get_json(LIST_STATE) is None
    assert cache.get_json(membership_key(7)) is None


def test_a_failed_write_does_not_leave_the_old_value_behind(
    cache: Cache, redis: FakeRedis, clock: VirtualClock
) -> None:
    cache.set_json(LIST_STATE, "old")
    redis.is_down = True
    cache.set_json(LIST_STATE, "new")
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert cache.get_json(LIST_STATE) is None


def test_an_outage_that_goes_on_keeps_what_is_owed(cache: Cache, redis: FakeRedis, clock: VirtualClock) -> None:
    cache.set_json(LIST_STATE, "old")
    redis.is_down = True
    cache.delete(LIST_STATE)
    for _ in range(3):
        clock.advance(timedelta(seconds=31))
        assert cache.get_json(LIST_STATE) is None
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert cache.get_json(LIST_STATE) is None
    assert redis.values == {}


def test_very_many_owed_deletions_become_one_of_everything(cache: Cache, redis: FakeRedis, clock: VirtualClock) -> None:
    cache.set_json(membership_key(999_999), "kept too long")
    redis.is_down = True
    cache.delete(*(membership_key(number) for number in range(10_001)))
    redis.is_down = False
    clock.advance(timedelta(seconds=31))

    assert cache.get_json(membership_key(999_999)) is None


def test_invalidating_all_spares_what_is_not_ours(cache: Cache, redis: FakeRedis) -> None:
    for key in (LIST_STATE, list_metadata_key(1), membership_key(2)):
        cache.set_json(key, 1)
    redis.values["somebody:else"] = "1"

    cache.invalidate_all()

    assert set(redis.values) == {"somebody:else"}
