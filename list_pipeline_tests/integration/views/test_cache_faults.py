"""A real Redis of our own that is full, a replica, slow, restarted or filled with garbage: no wrong answer and no error."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.integrations.cache import CAMPAIGNS, LIST_STATE, Cache, list_contacts_key, membership_key, open_cache
from list_pipeline.operations.services import Services
from list_pipeline.operations.views import cache_warming
from list_pipeline.operations.views.cached_reads import (
    ReadSession,
    all_metadata,
    campaigns,
    list_contacts,
    list_state,
    memberships,
    remote_places,
)
from list_pipeline.stack.servers import RedisServer, free_port
from list_pipeline_tests.cached_values import PREFIX, get_json, namespace, prefix, set_json
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 11, 21, 9, tzinfo=UTC)


class OwnRedis:
    """A server that no other test uses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.direct = Redis.from_url(self.url, socket_timeout=10)
        self.start()

    def start(self) -> None:
        executable = RedisServer.executable()
        if executable is None:
            pytest.skip("no redis-server on this machine")
        arguments = [
            str(executable),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self.process = subprocess.Popen(
            arguments, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                self.direct.ping()
            except RedisError:
                continue
            return
        raise AssertionError("Redis did not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    made = OwnRedis(tmp_path_factory.mktemp("redis"))
    yield made
    made.direct.close()
    made.stop()


@pytest.fixture
def own(server: OwnRedis) -> Iterator[OwnRedis]:
    server.direct.flushall()
    yield server
    server.direct.replicaof("no", "one")
    server.direct.config_set("maxmemory", "0")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def cache(own: OwnRedis, clock: VirtualClock) -> Iterator[Cache]:
    opened = open_cache(own.url, 3600, clock, namespace)
    yield opened
    opened.close()


def fill_up(own: OwnRedis) -> None:
    own.direct.config_set("maxmemory-policy", "noeviction")
    own.direct.config_set("maxmemory", "1")


def test_a_full_redis_still_serves_and_forgets_what_it_could_not_replace(cache: Cache, own: OwnRedis) -> None:
    set_json(cache, LIST_STATE, "old")
    set_json(cache, CAMPAIGNS, "kept")
    fill_up(own)
    set_json(cache, LIST_STATE, "new")

    assert get_json(cache, LIST_STATE) is None
    assert get_json(cache, CAMPAIGNS) == "kept"
    # Counting needs memory too; the counts wait for it.
    assert cache.tallies(1) == {}
    own.direct.config_set("maxmemory", "0")
    assert cache.tallies(1) == {"state": (0, 1), "campaigns": (1, 0)}


def test_a_replica_serves_and_never_shows_what_it_would_not_forget(cache: Cache, own: OwnRedis) -> None:
    set_json(cache, LIST_STATE, "old")
    set_json(cache, CAMPAIGNS, "kept")
    own.direct.replicaof("127.0.0.1", "1")
    set_json(cache, LIST_STATE, "new")
    cache.invalidate_contact(1)

    assert get_json(cache, LIST_STATE) is None
    assert get_json(cache, CAMPAIGNS) == "kept"
    own.direct.replicaof("no", "one")
    assert get_json(cache, LIST_STATE) is None
    assert own.direct.exists(PREFIX + LIST_STATE) == 0


def test_a_restart_costs_what_was_cached_and_nothing_else(cache: Cache, own: OwnRedis, clock: VirtualClock) -> None:
    set_json(cache, LIST_STATE, 1)
    own.stop()
    assert get_json(cache, LIST_STATE) is None
    own.start()
    assert not cache.is_reachable()
    clock.advance(timedelta(seconds=31))
    assert get_json(cache, LIST_STATE) is None
    set_json(cache, LIST_STATE, 2)
    assert get_json(cache, LIST_STATE) == 2


def test_a_server_that_takes_connections_and_says_nothing_is_waited_for_once(clock: VirtualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache = open_cache(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", 3600, clock, namespace)
        began = time.monotonic()
        for _ in range(50):
            assert get_json(cache, LIST_STATE) is None
            set_json(cache, LIST_STATE, 1)
        assert time.monotonic() - began < 4
        cache.close()


def test_a_server_that_talks_nonsense_is_left_alone(clock: VirtualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as strange:

        def talk() -> None:
            while True:
                try:
                    connection, _ = strange.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=talk, daemon=True).start()
        cache = open_cache(f"redis://127.0.0.1:{strange.getsockname()[1]}/0", 3600, clock, namespace)
        assert get_json(cache, LIST_STATE) is None
        assert cache.counts.failures == 1
        cache.close()
        strange.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", ["list", "hash", "set"])
def test_a_key_of_another_type_is_a_miss_and_is_written_over(cache: Cache, own: OwnRedis, kind: str) -> None:
    {
        "list": lambda: own.direct.rpush(PREFIX + LIST_STATE, "1"),
        "hash": lambda: own.direct.hset(PREFIX + LIST_STATE, "a", "1"),
        "set": lambda: own.direct.sadd(PREFIX + LIST_STATE, "1"),
    }[kind]()

    assert get_json(cache, LIST_STATE) is None
    set_json(cache, LIST_STATE, 1)
    assert get_json(cache, LIST_STATE) == 1


# The reads of people, on a Redis that is anything


@pytest.fixture
def cached(install_small: Install, own: OwnRedis) -> Iterator[Installation]:
    with install_small(redis_url=own.url) as made:
        yield made


def everything(services: Services, made: Installation) -> list[object]:
    """All that people may look at, without the times at which it was read."""
    look = ReadSession(services)
    people = sorted(made.account.people.values())
    return [
        list_state(services, look).value,
        {role: shown.value for role, shown in all_metadata(services, look).items()},
        {contact_id: shown.value for contact_id, shown in memberships(services, people, look).items()},
        [list_contacts(services, role, look).value for role in ALL_LISTS],
        campaigns(services, look).value,
        remote_places(services, made.account.people[41], look).value,
    ]


def spoiled(own: OwnRedis, how: str) -> None:
    keys = list(own.direct.scan_iter("*"))
    for number, key in enumerate(keys):
        raw = own.direct.get(key)
        if own.direct.type(key) != b"string" or not isinstance(raw, bytes):
            continue
        value_at = raw.index(b'"value":') + 8
        assert raw.endswith(b"}")
        if how == "bytes":
            own.direct.set(key, b"\xff\x00\x80" * 5)
        elif how == "cut off":
            own.direct.set(key, raw[: len(raw) * 2 // 3])
        elif how == "another value":
            others = [b"null", b"{}", b"[]", b'"text"', b"[[1]]", b'{"packed":"AAAA"}', b"[1,2,3]", b"1"]
            own.direct.set(key, raw[:value_at] + others[number % len(others)] + b"}")
        elif how == "another form":
            own.direct.set(key, raw.replace(b'"form":1', b'"form":0'))
        else:
            own.direct.delete(key)
            own.direct.rpush(key, raw)


@pytest.mark.parametrize("how", ["bytes", "cut off", "another value", "another form", "another type"])
def test_whatever_lies_in_redis_people_are_shown_what_holds(cached: Installation, own: OwnRedis, how: str) -> None:
    expected = everything(cached.services, cached)
    assert everything(cached.services, cached) == expected
    spoiled(own, how)

    assert everything(cached.services, cached) == expected
    assert everything(cached.another(), cached) == expected
    assert cache_warming.inspect(cached.services).is_reachable
    cache_warming.warm(cached.services)
    assert everything(cached.services, cached) == expected


@pytest.mark.parametrize(
    "how", ["gone", pytest.param("full", marks=pytest.mark.long), pytest.param("replica", marks=pytest.mark.long)]
)
def test_a_change_while_redis_takes_nothing_is_seen_at_once_by_everybody(
    cached: Installation, own: OwnRedis, how: str
) -> None:
    everything(cached.services, cached)
    if how == "full":
        fill_up(own)
    elif how == "replica":
        own.direct.replicaof("127.0.0.1", "1")
    else:
        own.stop()
    cached.maintain()
    with cached.another(redis_url=None) as without:
        expected = everything(without, cached)
    assert everything(cached.services, cached) == expected
    # The process that owed deletions is gone, and Redis comes back with what lay there before the change.
    if how == "gone":
        own.start()
    elif how == "replica":
        own.direct.replicaof("no", "one")

    with cached.another() as later:
        assert everything(later, cached) == expected
        assert everything(later, cached) == expected


def test_a_large_list_is_one_value_and_one_that_is_too_large_is_read_each_time(
    cached: Installation, own: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = list_contacts_key(cached.account.lists.master)
    list_contacts(cached.services, ListRole.MASTER)
    assert list_contacts(cached.services, ListRole.MASTER).is_cached
    assert 0 < int(own.direct.strlen(prefix(cached.services) + master)) < 400
    monkeypatch.setattr("list_pipeline.integrations.cache.LARGEST_VALUE", 100)
    cache_warming.invalidate(cached.services, cache_warming.CachedKind.CONTACTS)

    for _ in range(2):
        found = list_contacts(cached.services, ListRole.MASTER)
        assert (len(found.value), found.is_cached) == (64, False)
    assert own.direct.exists(*(prefix(cached.services) + key for key in (master, membership_key(1)))) == 0
