"""Requests to Redis, each in as few round trips as it takes. Each may raise the errors of the client.

Belongs here: single requests. Does not belong here: what to do when one fails (``cache``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, cast

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.integrations.cached_values import Head, head_of

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

RETRIES = 3
_RETRY_STEP_S = 0.05
_RETRY_LONGEST_S = 2.0
_TIMEOUT_S = 0.5
"""Longest silence of Redis for one try. With the retries a Redis that hangs costs 2.3 s once, and then nothing for a while."""
_BATCH = 500
_TALLY_KEPT_S = 8 * 86_400
_HEAD_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The entry under a key. ``ttl_s`` (seconds) and ``characters`` are None where Redis gave none; ``head`` is None for
    an unreadable value."""

    key: str
    ttl_s: int | None
    characters: int | None
    head: Head | None


def batches(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as go into one round trip."""
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def get_all(redis: Redis, keys: Sequence[str]) -> Sequence[object]:
    """The texts under keys. By MGET: a key that holds something else than text reads as missing and is no error."""
    return list(cast("Sequence[object]", redis.mget(keys)))


def tallies_of(redis: Redis, keys: Sequence[str]) -> list[Mapping[bytes, bytes]] | None:
    """Counts by name under each key."""
    return [cast("Mapping[bytes, bytes]", redis.hgetall(key)) for key in keys]


def set_all(redis: Redis, texts: Mapping[str, str], ttl_s: int) -> bool:
    """Write texts that end after so many seconds."""
    pipeline = redis.pipeline(transaction=False)
    for key, text in texts.items():
        pipeline.set(key, text, ex=ttl_s)
    pipeline.execute()
    return True


def add_counts(redis: Redis, key: str, counts: Mapping[tuple[str, str], int]) -> bool:
    """Add counts, all or none: what is told again after a failure halfway would be counted twice."""
    pipeline = redis.pipeline(transaction=True)
    for (kind, what), number in counts.items():
        pipeline.hincrby(key, f"{kind}|{what}", number)
    pipeline.expire(key, _TALLY_KEPT_S)
    pipeline.execute()
    return True


def looked_into(redis: Redis, keys: Sequence[bytes]) -> list[CacheEntry]:
    """The remaining time, size and head of each key; the values themselves are not fetched."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.ttl(key)
        pipeline.strlen(key)
        pipeline.getrange(key, 0, _HEAD_CHARACTERS)
    answers = pipeline.execute(raise_on_error=False)
    found = []
    for key, ttl_s, characters, head in zip(keys, answers[::3], answers[1::3], answers[2::3], strict=True):
        numbers = [each if isinstance(each, int) and each >= 0 else None for each in (ttl_s, characters)]
        found.append(
            CacheEntry(
                key.decode("utf-8", "replace"),
                numbers[0],
                numbers[1],
                head_of(head) if isinstance(head, bytes) else None,
            )
        )
    return found


def scan(redis: Redis, patterns: Iterable[str], most: int | None = None) -> set[bytes]:
    """Keys by pattern, ``most`` at the most. By SCAN, since KEYS blocks the server."""
    found: set[bytes] = set()
    for pattern in patterns:
        keys = cast("Iterable[bytes]", redis.scan_iter(pattern, count=500))
        found.update(keys if most is None else islice(keys, most - len(found)))
    return found


def forget(redis: Redis, keys: set[str]) -> None:
    """Delete keys and, for those with an asterisk, whatever they match."""
    patterns = {key for key in keys if "*" in key}
    exact: list[str | bytes] = [*(keys - patterns), *scan(redis, patterns)]
    for batch in batches(exact):
        redis.delete(*batch)


def client_of(url: str) -> Redis:
    """A client that retries three times, after 50, 100 and 150 ms. Connects with the first use only.

    Raises:
        ConfigurationError: the client does not know an option of the URL, or not its value.
    """
    from redis import Redis
    from redis.backoff import AbstractBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import TimeoutError as RedisTimeoutError
    from redis.retry import Retry

    class _Linear(AbstractBackoff):
        def compute(self, failures: int) -> float:
            return min(failures * _RETRY_STEP_S, _RETRY_LONGEST_S)

    # Answers stay bytes: decoding them in the client would raise for garbage.
    try:
        client = Redis.from_url(
            url,
            retry=Retry(_Linear(), RETRIES),
            retry_on_error=[RedisConnectionError, RedisTimeoutError],
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
        )
        # Made and not connected: the first use would find out what the URL asks for.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
    except (TypeError, ValueError):
        # Their words may hold the password.
        raise ConfigurationError(
            "Reading REDIS_URL", "the client does not know an option of it", "Write it as .env.example does"
        ) from None
    return client
