"""Redis beside the database: what may be shown a little late. Never needed, never believed for a decision.

Belongs here: keys, JSON in and out, time to live, counting, and getting along without Redis. Does not belong here:
what is cached and when it is refreshed (``operations``).

Without Redis every read is a miss and every write does nothing. After a failure Redis is left alone for a while, so
that an outage costs one wait and not one for each read; deletions that fell into the outage are made up before anything
is read again. What outlives the process is the version in each value: it names the state of the data that the value was
read from, and a value of another state is a miss. So a deletion that is lost for good shows nothing outdated either.

A key in this module is without the prefix that it has in Redis, which names the installation (``redis_requests``).
"""

from __future__ import annotations

import fnmatch
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.integrations import redis_requests as requests
from list_pipeline.integrations.cached_values import Found, folded, unfolded
from list_pipeline.integrations.redis_requests import CacheEntry, OurKeys

if TYPE_CHECKING:
    from redis import Redis

LIST_STATE = "list:state"
"""Key of the sizes of the five lists as Mailjet counts them."""
CAMPAIGNS = "campaign:schedules"
"""Key of the campaigns with the state of their maintenance."""

LARGEST_VALUE = 1_000_000
"""Characters; a larger value is not kept. As packed ids that is a list of half a million contacts and more."""
OLDEST_SERVER = (6, 2)
"""The oldest version of Redis that the tests run against; an older one is not used."""
_LEAVE_ALONE = timedelta(seconds=30)
_MOST_OWED = 10_000
"""Owed deletions remembered one by one; above that everything of ours is forgotten instead."""
_TALLY = "cache:reads:"
OURS = (LIST_STATE, CAMPAIGNS, "list:metadata:*", "list:*:contacts", "contact:*:membership", "mailjet:contact:*")

_log = logging.getLogger(__name__)

T = TypeVar("T")


def list_metadata_key(list_id: int) -> str:
    """Key of what is known about one list, the time of its last sync included."""
    return f"list:metadata:{int(list_id)}"


def list_contacts_key(list_id: int) -> str:
    """Key of the contacts of one list."""
    return f"list:{int(list_id)}:contacts"


def membership_key(contact_id: int) -> str:
    """Key of the places of one contact in our rows."""
    return f"contact:{int(contact_id)}:membership"


def remote_places_key(contact_id: int) -> str:
    """Key of the places of one contact as Mailjet shows them."""
    return f"mailjet:contact:{int(contact_id)}:places"


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

    def __init__(self, redis: Redis | None, ttl_s: int, clock: Clock, namespace: Callable[[], str]) -> None:
        """Args:
        redis: None for no cache at all.
        ttl_s: how long a value is shown, in seconds.
        namespace: tells this installation from others on the same Redis; asked for once. What it raises as an error of
            ours counts as a request that Redis did not serve.
        """
        self._redis = redis
        self._ask_namespace = namespace
        self._namespace: str | None = None
        self._server: tuple[int, ...] | None = None
        self._is_server_known = False
        self._ttl_s = ttl_s
        self._clock = clock
        self._lock = threading.Lock()
        self._left_alone_until: datetime | None = None
        self._owed_deletions: set[str] = set()
        self._refusals_told: set[str] = set()
        self._hits = self._misses = self._failures = 0
        self._untold: Counter[tuple[str, str]] = Counter()

    @property
    def counts(self) -> CacheCounts:
        """Hits, misses and failures of this process so far."""
        with self._lock:
            return CacheCounts(self._hits, self._misses, self._failures)

    def find(self, keys: Sequence[str], version: str, *, is_counted: bool = True) -> Mapping[str, Found]:
        """The values cached under these keys in this version, without those that are missing, unreadable, outdated or too old.

        Garbage and what is too old by our clock is deleted. An outdated value stays until it is overwritten or ends:
        another process that has not seen the change yet may still be right to show it.

        Args:
            is_counted: off for who fills the cache, since only reads that show something make the hit rate.
        """
        found: dict[str, Found] = {}
        spoiled: list[str] = []
        now = self._clock.now()
        for batch in requests.batches(keys):
            nothing: Sequence[object] = [None] * len(batch)
            answer = self._serve(partial(requests.get_all, keys=batch), nothing)
            for key, raw in zip(batch, answer, strict=True):
                if raw is None or self._is_owed(key):
                    continue
                value = unfolded(raw)
                if value is None:
                    _log.warning("cache entry is garbage and is read as missing: %s", key)
                    spoiled.append(key)
                elif value.is_over(now):
                    spoiled.append(key)
                elif value.version == version:
                    found[key] = value
        self.delete(*spoiled)
        if is_counted:
            self._count({key: key in found for key in keys})
        return found

    def keep(
        self, values: Mapping[str, Any], version: str, *, at: datetime | None = None, ttl_s: int | None = None
    ) -> int:
        """Keep values, and say how many. Addresses in their texts are redacted: none may lie in Redis.

        Args:
            version: state of the data *before* it was read for these values, so that a change meanwhile outdates them.
            at: when it was read, if not now.
            ttl_s: how long they are shown at most, from ``at`` on; the configured time when None. Never longer than that.

        Raises:
            TypeError: a value is not made of JSON types and instants.
        """
        now = self._clock.now()
        at = at or now
        lifetime = min(ttl_s or self._ttl_s, self._ttl_s)
        left = lifetime - int((now - at).total_seconds())
        texts = {key: folded(value, version, at, lifetime) for key, value in values.items()}
        for key in [key for key, text in texts.items() if len(text) > LARGEST_VALUE]:
            _log.info("too large for the cache: %s, %d characters", key, len(texts.pop(key)))
            self.delete(key)
        if left <= 0:
            return 0
        kept = 0
        for batch in requests.batches(list(texts)):
            if self._serve(partial(requests.set_all, texts={key: texts[key] for key in batch}, ttl_s=left), False):
                kept += len(batch)
            elif self._redis is not None:
                # The old values would outlive these.
                self._owe(set(batch))
        return kept

    def delete(self, *keys: str) -> None:
        """Forget. What cannot be forgotten now is forgotten before the next read."""
        if keys and self._redis is not None:
            self._owe(set(keys))
            self._serve(lambda ours: None, None)

    def invalidate_contact(self, contact_id: int) -> None:
        """Forget one contact's places."""
        self.delete(membership_key(contact_id), remote_places_key(contact_id))

    def invalidate_lists(self, list_ids: Iterable[int]) -> None:
        """Forget the sizes, and the metadata and contacts of these lists."""
        keys = [key for each in list_ids for key in (list_metadata_key(each), list_contacts_key(each))]
        self.delete(LIST_STATE, *keys)

    def is_reachable(self) -> bool:
        """Whether Redis answers now."""
        return bool(self._serve(lambda ours: ours.redis.ping(), False))

    @property
    def unusable(self) -> str | None:
        """Why this Redis is not used although it answers, in words; None when it is used, or nothing is known of it."""
        if self._server is None or self._server >= OLDEST_SERVER:
            return None
        has, needed = (".".join(map(str, version)) for version in (self._server, OLDEST_SERVER))
        return f"Redis {has} is older than {needed} and is not used; reads go to the database"

    def entries(self, most: int) -> tuple[Sequence[CacheEntry], bool]:
        """The entries in Redis by key, and whether these are all. Read by SCAN, since KEYS stops the server meanwhile."""
        nothing: list[CacheEntry] = []
        no_keys: set[bytes] = set()
        keys = self._serve(partial(requests.scan, patterns=OURS, most=most + 1), no_keys)
        found = []
        for batch in requests.batches(sorted(keys)[:most]):
            found += self._serve(partial(requests.looked_into, keys=batch), nothing)
        return found, len(keys) <= most

    def tallies(self, days: int) -> Mapping[str, tuple[int, int]] | None:
        """Hits and misses of all processes by kind of value, today and the days before; None without Redis.

        Counts of a process are written when it asks, and when it closes; one that dies takes its last ones with it.
        """
        self._tell()
        today = self._clock.now().date()
        hashes = self._serve(
            partial(requests.tallies_of, keys=[_tally_key(today - timedelta(days=back)) for back in range(days)]), None
        )
        if hashes is None:
            return None
        found: dict[str, tuple[int, int]] = {}
        for each in hashes:
            for name, number in each.items():
                kind, _, what = name.decode("ascii", "replace").partition("|")
                if number.isdigit() and what in ("hits", "misses"):
                    hits, misses = found.get(kind, (0, 0))
                    found[kind] = (hits + int(number), misses) if what == "hits" else (hits, misses + int(number))
        return found

    def close(self) -> None:
        """Write the counts and close the connections."""
        if self._redis is not None:
            self._tell()
            self._redis.close()

    def _count(self, reads: Mapping[str, bool]) -> None:
        hits = sum(reads.values())
        with self._lock:
            self._hits += hits
            self._misses += len(reads) - hits
            self._untold.update((kind_of(key), "hits" if hit else "misses") for key, hit in reads.items())

    def _tell(self) -> None:
        with self._lock:
            untold, self._untold = self._untold, Counter()
        if not untold or self._redis is None:
            return
        key = _tally_key(self._clock.now().date())
        if not self._serve(partial(requests.add_counts, key=key, counts=untold), False):
            with self._lock:
                self._untold.update(untold)

    def _serve(self, request: Callable[[OurKeys], T], otherwise: T) -> T:
        """Make up for owed deletions, then do the request; ``otherwise`` when Redis is missing, left alone or fails."""
        if self._redis is None:
            return otherwise
        import redis as redis_library

        now = self._clock.now()
        with self._lock:
            if self._left_alone_until is not None and now < self._left_alone_until:
                self._failures += 1
                return otherwise
            owed = set(self._owed_deletions)
        ours = OurKeys(self._redis, self._named_once)
        try:
            if not self._is_new_enough(self._redis):
                with self._lock:
                    self._failures += 1
                return otherwise
            if self._forgotten(ours, owed):
                with self._lock:
                    self._owed_deletions -= owed
            served = request(ours)
        except ListPipelineError as error:
            # Without the namespace no key is ours.
            with self._lock:
                self._failures += 1
            _log.warning("the installation cannot be named (%s); going on without the cache", type(error).__name__)
            return otherwise
        except redis_library.ResponseError as error:
            # It is there and says no: full, a replica, no permission. Other requests may be served.
            self._refused(error)
            return otherwise
        except (redis_library.RedisError, OSError) as error:
            with self._lock:
                self._failures += 1
                first = self._left_alone_until is None
                self._left_alone_until = now + _LEAVE_ALONE
            if first:
                # The error's own text may hold the URL with its password.
                _log.warning("Redis failed (%s); going on without the cache", type(error).__name__)
            return otherwise
        with self._lock:
            back = self._left_alone_until is not None
            self._left_alone_until = None
        if back:
            _log.info("Redis is back")
        return served

    def _named_once(self) -> str:
        if self._namespace is None:
            self._namespace = self._ask_namespace()
        return self._namespace

    def _is_new_enough(self, redis: Redis) -> bool:
        """Whether this server may be used; asked once. One that does not tell its version, as to a user who may not ask,
        is used."""
        import redis as redis_library

        if not self._is_server_known:
            try:
                self._server = requests.server_version(redis)
            except redis_library.ResponseError:
                self._server = None
            self._is_server_known = True
            if self.unusable is not None:
                _log.error("%s", self.unusable)
        return self.unusable is None

    def _forgotten(self, ours: OurKeys, keys: set[str]) -> bool:
        """Whether the keys could be deleted; a replica refuses, and is still good for reading."""
        import redis as redis_library

        try:
            requests.forget(ours, keys)
        except redis_library.ResponseError as error:
            self._refused(error)
            return False
        return True

    def _refused(self, error: Exception) -> None:
        name = type(error).__name__
        with self._lock:
            self._failures += 1
            first = name not in self._refusals_told
            self._refusals_told.add(name)
        if first:
            _log.warning("Redis refuses (%s); what it refuses is left out", name)

    def _owe(self, keys: set[str]) -> None:
        with self._lock:
            self._owed_deletions |= keys
            if len(self._owed_deletions) > _MOST_OWED:
                self._owed_deletions = set(OURS)

    def _is_owed(self, key: str) -> bool:
        with self._lock:
            if not self._owed_deletions:
                return False
            patterns = [owed for owed in self._owed_deletions if "*" in owed]
            return key in self._owed_deletions or any(fnmatch.fnmatchcase(key, each) for each in patterns)


def kind_of(key: str) -> str:
    """The kind of a key, for its count: ``state``, ``metadata``, ``contacts``, ``membership``, ``campaigns`` or ``mailjet``."""
    if key.startswith("mailjet:"):
        return "mailjet"
    if key == CAMPAIGNS:
        return "campaigns"
    return key.split(":")[1] if key.startswith(("list:metadata:", LIST_STATE)) else key.rpartition(":")[2]


def _tally_key(day: date) -> str:
    return f"{_TALLY}{day.isoformat()}"


def open_cache(url: str | None, ttl_s: int, clock: Clock, namespace: Callable[[], str]) -> Cache:
    """A cache on this Redis, or one that holds nothing when ``url`` is None. Connects with the first use only; for
    ``namespace`` see ``Cache``.

    Retries three times, after 50, 100 and 150 ms.
    """
    if not url:
        return Cache(None, ttl_s, clock, namespace)
    return Cache(requests.client_of(url), ttl_s, clock, namespace)
