"""Requests to Redis, each in as few round trips as it takes. Each may raise the errors of the client.

Every key begins with the product and the installation (``OurKeys``): a Redis may be shared, and nothing here reads,
counts or deletes a key of somebody else. The server is never emptied (FLUSHDB, FLUSHALL) or asked for all keys (KEYS).

Belongs here: single requests. Does not belong here: what to do when one fails (``cache``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class OurKeys:
    """A Redis, and the keys in it that belong to this installation.

    Args:
        namespace: tells this installation from every other, in letters and digits; asked for with the first key.
    """

    redis: Redis
    namespace: Callable[[], str]

    @property
    def prefix(self) -> str:
        """What each of our keys begins with in Redis; everywhere else a key is without it."""
        return prefix_of(self.namespace())

    def named(self, keys: Iterable[str]) -> list[str]:
        """The keys as they are in Redis; also of patterns."""
        prefix = self.prefix
        return [prefix + key for key in keys]


def prefix_of(namespace: str) -> str:
    """What each key of an installation begins with in Redis.

    Raises:
        ValueError: the namespace is empty, or holds what a pattern of SCAN could take for more than itself.
    """
    if not (namespace.isascii() and namespace.isalnum()):
        raise ValueError("a namespace is made of letters and digits")
    return f"list_pipeline:{namespace}:"


def server_version(redis: Redis) -> tuple[int, ...] | None:
    """The version that the server says it has, e.g. (7, 2, 4); None where it says nothing that can be read."""
    said = cast("Mapping[str, object]", redis.info("server")).get("redis_version")
    parts = str(said).split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else None


def batches(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as go into one round trip."""
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def get_all(ours: OurKeys, keys: Sequence[str]) -> Sequence[object]:
    """The texts under keys. By MGET: a key that holds something else than text reads as missing and is no error."""
    return list(cast("Sequence[object]", ours.redis.mget(ours.named(keys))))


def tallies_of(ours: OurKeys, keys: Sequence[str]) -> list[Mapping[bytes, bytes]] | None:
    """Counts by name under each key."""
    return [cast("Mapping[bytes, bytes]", ours.redis.hgetall(key)) for key in ours.named(keys)]


def set_all(ours: OurKeys, texts: Mapping[str, str], ttl_s: int) -> bool:
    """Write texts that end after so many seconds."""
    pipeline = ours.redis.pipeline(transaction=False)
    for key, text in zip(ours.named(texts), texts.values(), strict=True):
        pipeline.set(key, text, ex=ttl_s)
    pipeline.execute()
    return True


def add_counts(ours: OurKeys, key: str, counts: Mapping[tuple[str, str], int]) -> bool:
    """Add counts, all or none: what is told again after a failure halfway would be counted twice."""
    pipeline = ours.redis.pipeline(transaction=True)
    (named,) = ours.named([key])
    for (kind, what), number in counts.items():
        pipeline.hincrby(named, f"{kind}|{what}", number)
    pipeline.expire(named, _TALLY_KEPT_S)
    pipeline.execute()
    return True


def looked_into(ours: OurKeys, keys: Sequence[bytes]) -> list[CacheEntry]:
    """The remaining time, size and head of each key; the values themselves are not fetched. ``keys`` as they are in Redis."""
    prefix = ours.prefix
    pipeline = ours.redis.pipeline(transaction=False)
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
                key.decode("utf-8", "replace").removeprefix(prefix),
                numbers[0],
                numbers[1],
                head_of(head) if isinstance(head, bytes) else None,
            )
        )
    return found


def scan(ours: OurKeys, patterns: Iterable[str], most: int | None = None) -> set[bytes]:
    """Our keys by pattern as they are in Redis, ``most`` at the most. By SCAN, since KEYS blocks the server."""
    found: set[bytes] = set()
    for pattern in ours.named(patterns):
        keys = cast("Iterable[bytes]", ours.redis.scan_iter(pattern, count=500))
        found.update(keys if most is None else islice(keys, most - len(found)))
    return found


def forget(ours: OurKeys, keys: set[str]) -> None:
    """Delete our keys and, for those with an asterisk, whatever of ours they match."""
    if not keys:
        return
    patterns = {key for key in keys if "*" in key}
    exact: list[str | bytes] = [*ours.named(keys - patterns), *scan(ours, patterns)]
    for batch in batches(exact):
        ours.redis.delete(*batch)


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
