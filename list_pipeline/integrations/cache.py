"""Redis beside the database: what may be shown a little late. Never needed, never believed for a decision.

Belongs here: keys, JSON in and out, time to live, counting, and getting along without Redis. Does not belong here:
what is cached and when it is refreshed (``operations``).

Without Redis every read is a miss and every write does nothing. After a failure Redis is left alone for a while, so
that an outage costs one wait and not one for each read; deletions that fell into the outage are made up before anything
is read again, since a read would otherwise show what had been invalidated.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from list_pipeline.core.clock import Clock
from list_pipeline.core.masking import redact_addresses

if TYPE_CHECKING:
    from redis import Redis

LIST_STATE = "list:state"
"""Key of the sizes of the five lists."""

RETRIES = 3
_RETRY_STEP_S = 0.05
_RETRY_LONGEST_S = 2.0
_LEAVE_ALONE = timedelta(seconds=30)
_TIMEOUT_S = 2.0
_MOST_OWED = 10_000
"""Owed deletions remembered one by one; above that everything of ours is forgotten instead."""
_INSTANT = "$instant"
_OURS = (LIST_STATE, "list:metadata:*", "contact:*:membership")

_log = logging.getLogger(__name__)


def list_metadata_key(list_id: int) -> str:
    """Key of what is known about one list, ``lastSynced`` included."""
    return f"list:metadata:{int(list_id)}"


def membership_key(contact_id: int) -> str:
    """Key of the places of one contact."""
    return f"contact:{int(contact_id)}:membership"


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Numbers of calls since the cache was opened. ``failures`` are calls that Redis did not serve."""

    hits: int
    misses: int
    failures: int

    @property
    def hit_rate(self) -> float | None:
        """Share of reads, from 0 to 1, that were served; None before the first read."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else None


class Cache:
    """Safe to share between threads; one for a process."""

    def __init__(self, redis: Redis | None, ttl_s: int, clock: Clock) -> None:
        """Args: ``redis`` None for no cache at all; ``ttl_s`` how long a value is shown, in seconds."""
        self._redis = redis
        self._ttl_s = ttl_s
        self._clock = clock
        self._lock = threading.Lock()
        self._left_alone_until: datetime | None = None
        self._owed_deletions: set[str] = set()
        self._hits = self._misses = self._failures = 0

    @property
    def counts(self) -> CacheCounts:
        """Hits, misses and failures so far."""
        with self._lock:
            return CacheCounts(self._hits, self._misses, self._failures)

    def get_json(self, key: str) -> Any | None:
        """What is cached, instants as aware datetimes; None for nothing, for garbage and without Redis."""
        found = self._serve(lambda redis: redis.get(key))
        value: Any | None = None
        if isinstance(found, str | bytes):
            try:
                value = json.loads(found, object_hook=_decoded)
            except ValueError:
                _log.warning("cache entry is not JSON and is read as missing: %s", key)
        with self._lock:
            if value is None:
                self._misses += 1
            else:
                self._hits += 1
        return value

    def set_json(self, key: str, value: Any, ttl_s: int | None = None) -> None:
        """Keep a value. Addresses in its texts are redacted: none may lie in Redis.

        Raises:
            TypeError: the value is not made of JSON types and instants.
        """
        text = json.dumps(_encoded(value), ensure_ascii=False, separators=(",", ":"))
        served = self._serve(lambda redis: redis.set(key, text, ex=ttl_s or self._ttl_s))
        if served is None and self._redis is not None:
            # The old value would outlive this one.
            self._owe({key})

    def delete(self, *keys: str) -> None:
        """Forget. What cannot be forgotten now is forgotten before the next read."""
        if keys and self._redis is not None:
            self._owe(set(keys))
            self._serve(lambda redis: None)

    def get_or_load(self, key: str, load: Callable[[], Any]) -> Any:
        """The cached value, else what ``load`` gives, which is then cached."""
        found = self.get_json(key)
        if found is not None:
            return found
        value = load()
        self.set_json(key, value)
        return value

    def invalidate_contact(self, contact_id: int) -> None:
        """Forget one contact's places."""
        self.delete(membership_key(contact_id))

    def invalidate_lists(self, list_ids: Iterable[int]) -> None:
        """Forget the sizes and the metadata of these lists."""
        self.delete(LIST_STATE, *(list_metadata_key(each) for each in list_ids))

    def invalidate_all(self) -> None:
        """Forget everything of ours."""
        self.delete(*_OURS)

    def is_reachable(self) -> bool:
        """Whether Redis answers now."""
        return bool(self._serve(lambda redis: redis.ping()))

    def close(self) -> None:
        """Close the connections."""
        if self._redis is not None:
            self._redis.close()

    def _serve(self, request: Callable[[Redis], Any]) -> Any | None:
        """Make up for owed deletions, then do the request; None when Redis is missing, left alone or fails."""
        if self._redis is None:
            return None
        import redis as redis_library

        now = self._clock.now()
        with self._lock:
            if self._left_alone_until is not None and now < self._left_alone_until:
                self._failures += 1
                return None
            owed, self._owed_deletions = self._owed_deletions, set()
        try:
            _forget(self._redis, owed)
            served = request(self._redis)
        except (redis_library.RedisError, OSError) as error:
            self._owe(owed)
            with self._lock:
                self._failures += 1
                first = self._left_alone_until is None
                self._left_alone_until = now + _LEAVE_ALONE
            if first:
                # The error's own text may hold the URL with its password.
                _log.warning("Redis failed (%s); going on without the cache", type(error).__name__)
            return None
        with self._lock:
            back = self._left_alone_until is not None
            self._left_alone_until = None
        if back:
            _log.info("Redis is back")
        return served

    def _owe(self, keys: set[str]) -> None:
        with self._lock:
            self._owed_deletions |= keys
            if len(self._owed_deletions) > _MOST_OWED:
                self._owed_deletions = set(_OURS)


def _forget(redis: Redis, keys: set[str]) -> None:
    """Delete keys and, for those with an asterisk, whatever they match. SCAN finds it, since KEYS blocks the server."""
    exact = {key for key in keys if "*" not in key}
    for pattern in keys - exact:
        exact.update(key.decode() if isinstance(key, bytes) else key for key in redis.scan_iter(pattern, count=500))
    if exact:
        redis.delete(*exact)


def open_cache(url: str | None, ttl_s: int, clock: Clock) -> Cache:
    """A cache on this Redis, or one that holds nothing when ``url`` is None. Connects with the first use only.

    Retries three times, after 50, 100 and 150 ms.
    """
    if not url:
        return Cache(None, ttl_s, clock)
    from redis import Redis
    from redis.backoff import AbstractBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import TimeoutError as RedisTimeoutError
    from redis.retry import Retry

    class _Linear(AbstractBackoff):
        def compute(self, failures: int) -> float:
            return min(failures * _RETRY_STEP_S, _RETRY_LONGEST_S)

    client = Redis.from_url(
        url,
        retry=Retry(_Linear(), RETRIES),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        decode_responses=True,
    )
    return Cache(client, ttl_s, clock)


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("an instant in the cache needs a time zone")
        return {_INSTANT: value.isoformat()}
    if isinstance(value, str):
        return redact_addresses(value)
    if isinstance(value, dict):
        return {_name(name): _encoded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(each) for each in value]
    return value


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("names in a cached object must be text")
    return redact_addresses(name)


def _decoded(found: dict[str, Any]) -> Any:
    if set(found) == {_INSTANT}:
        return datetime.fromisoformat(str(found[_INSTANT]))
    return found
