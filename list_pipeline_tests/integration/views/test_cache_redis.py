"""The cache on a real Redis."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis

from list_pipeline.clock import SystemClock
from list_pipeline.integrations.cache import LIST_STATE, OURS, Cache, list_metadata_key, membership_key, open_cache
from list_pipeline_tests.cached_values import PREFIX, get_json, namespace, set_json
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
def cache(redis_url: str) -> Iterator[Cache]:
    with Redis.from_url(redis_url) as direct:
        for key in direct.scan_iter(f"{PREFIX}*"):
            direct.delete(key)
    opened = open_cache(redis_url, 3600, VirtualClock(START), namespace)
    yield opened
    opened.close()


def test_a_value_with_instants_survives_redis(cache: Cache) -> None:
    set_json(cache, list_metadata_key(5776), {"lastSynced": START, "name": "Größe ✓", "count": 2**60})

    assert get_json(cache, list_metadata_key(5776)) == {"lastSynced": START, "name": "Größe ✓", "count": 2**60}
    assert cache.is_reachable()
    assert cache.counts.hits == 1


def test_redis_forgets_after_the_time_to_live(cache: Cache, redis_url: str) -> None:
    set_json(cache, LIST_STATE, {"a": 1})
    set_json(cache, membership_key(1), {"a": 1}, ttl_s=1)

    with Redis.from_url(redis_url) as direct:
        assert 3590 <= int(direct.ttl(PREFIX + LIST_STATE)) <= 3600
        assert direct.pexpire(PREFIX + membership_key(1), 1)
        deadline = time.monotonic() + 2
        while direct.exists(PREFIX + membership_key(1)) and time.monotonic() < deadline:
            pass
    assert get_json(cache, membership_key(1)) is None


def test_everything_of_ours_can_be_forgotten_and_nothing_else(cache: Cache, redis_url: str) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as direct:
        foreign = {
            "somebody:else": "1",
            LIST_STATE: "older",
            membership_key(7): "older",
            "list_pipeline:other:list:state": "1",
        }
        before = set(direct.scan_iter("*")) | set(foreign)
        direct.mset(foreign)
        for number in range(1_200):
            set_json(cache, membership_key(number), number)
        set_json(cache, LIST_STATE, 1)
        assert direct.exists(PREFIX + LIST_STATE, PREFIX + membership_key(1_199)) == 2

        cache.delete(*OURS)

        assert set(direct.scan_iter("*")) == before
        assert direct.mget(list(foreign)) == list(foreign.values())
        direct.delete(*foreign)


def test_a_refused_connection_is_tried_three_times_more_and_then_left_alone() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    cache = open_cache(f"redis://:secret@127.0.0.1:{port}/0", 60, SystemClock(), namespace)

    started = time.monotonic()
    assert get_json(cache, LIST_STATE) is None
    first = time.monotonic() - started
    for _ in range(100):
        assert get_json(cache, LIST_STATE) is None
    others = time.monotonic() - started - first

    # Pauses of 50, 100 and 150 ms.
    assert 0.29 <= first < 2
    assert others < 0.1
    assert cache.counts.failures == 101
    cache.close()
