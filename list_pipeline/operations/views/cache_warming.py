"""Filling, emptying and inspecting the cache. What is shown through it is ``cached_reads``; nothing decides on either.

Written is only what was read: sizes that Mailjet counted, and our own rows. A change needs no call here to be seen (the
database renews the version of what changed); deleting on top of that only makes room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from list_pipeline.core.errors import TransientError
from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.integrations import cache as keys
from list_pipeline.integrations.redis_requests import CacheEntry
from list_pipeline.operations.access import Cached, ReadingMailjet, Storing
from list_pipeline.operations.membership.sync import Sizes, count_sizes
from list_pipeline.operations.runs.run import Maintenance, take_snapshot
from list_pipeline.operations.views.cached_reads import (
    CAMPAIGNS_TTL_S,
    REMOTE_TTL_S,
    ReadSession,
    campaign_values,
    membership_values,
    metadata_values,
    state_value,
)
from list_pipeline.storage.membership import data_versions

log = structlog.get_logger(__name__)

WARMED_CONTACTS = 5_000
"""Contacts whose places are loaded ahead, those whose row changed last: 3 MB of Redis, and less than a second."""
INSPECTED_KEYS = 20_000


class CachedKind(StrEnum):
    """A kind of cached value that can be forgotten by name; a contact id or a list id names one contact or one list."""

    STATE = "state"
    METADATA = "metadata"
    CONTACTS = "contacts"
    MEMBERSHIPS = "memberships"
    CAMPAIGNS = "campaigns"
    MAILJET = "mailjet"
    ALL = "all"


_PATTERNS = {
    CachedKind.STATE: (keys.LIST_STATE,),
    CachedKind.METADATA: ("list:metadata:*",),
    CachedKind.CONTACTS: ("list:*:contacts",),
    CachedKind.MEMBERSHIPS: ("contact:*:membership",),
    CachedKind.CAMPAIGNS: (keys.CAMPAIGNS,),
    CachedKind.MAILJET: ("mailjet:contact:*",),
    CachedKind.ALL: keys.OURS,
}


@dataclass(frozen=True, slots=True)
class Warmed:
    """The result of warming the cache. ``counted``: sizes were asked of Mailjet. ``problem``: why not, else empty."""

    is_reachable: bool
    counted: bool
    values: int
    memberships: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KindReads:
    """Reads of one kind of value by all processes."""

    kind: str
    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class HitRate:
    """Reads of all processes today and on the six days before. ``share`` is None before the first read."""

    reads: int
    share: float | None
    by_kind: Sequence[KindReads]

    @property
    def is_as_wanted(self) -> bool | None:
        """Whether the share is above the wanted one; None before the first read."""
        return None if self.share is None else 100 * self.share > MONITORING.cache_hits_percent


@dataclass(frozen=True, slots=True)
class EntryShown:
    """One key. ``as_of`` is when its value was read; ``is_current``: it would be shown now; None times: garbage."""

    key: str
    as_of: datetime | None
    is_current: bool
    ttl_s: int | None
    characters: int | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """The contents of Redis. Memberships are counted only, since there are thousands. ``is_whole``: not cut off."""

    is_reachable: bool
    entries: Sequence[EntryShown]
    memberships: int
    current_memberships: int
    characters: int
    is_whole: bool


def refresh(services: Cached, run: Maintenance) -> bool:
    """After a maintenance: what was counted and read back replaces what was cached. False: there is no cache now.

    The sizes come from the snapshot after the changes, with the time at which it was taken; a snapshot that our rows have
    changed since (a run that is repeated later shows the stored one) is not written.
    """
    sizes = take_snapshot(services, run, "after")
    if services.settings.redis_url is None:
        return False
    services.cache.delete(keys.LIST_STATE, keys.CAMPAIGNS, *_metadata_keys(services))
    look = ReadSession(services)
    version = look.version("members")
    with services.database.begin() as connection:
        taken_at = data_versions.snapshot_taken_at(connection, run.campaign.campaign_id, run.sweep.value, "after")
    if taken_at is not None:
        services.cache.keep({keys.LIST_STATE: state_value(services, sizes)}, version, at=taken_at)
    _keep_metadata(services, look)
    return services.cache.is_reachable()


def keep_sizes(services: Cached, sizes: Sizes, *, counted_at: datetime, look: ReadSession) -> int:
    """Cache sizes that somebody just counted at Mailjet, and say how many values that made.

    Args:
        look: begun before the sizes were counted, so that a change meanwhile outdates them.
    """
    return services.cache.keep({keys.LIST_STATE: state_value(services, sizes)}, look.version("members"), at=counted_at)


def warm(services: Cached) -> Warmed:
    """Load what people look at most: sizes, metadata, campaigns, and the places of the contacts that changed last.

    Costs six requests to Mailjet, none when the sizes are younger than a minute, and nothing at all without Redis. When
    Mailjet cannot be asked now, the rest is loaded all the same.
    """
    if services.settings.redis_url is None or not services.cache.is_reachable():
        return Warmed(is_reachable=False, counted=False, values=0, memberships=0)
    look = ReadSession(services)
    counted, problem = 0, ""
    now = services.clock.now()
    stored = services.cache.find([keys.LIST_STATE], look.version("members"), is_counted=False)
    state = stored.get(keys.LIST_STATE)
    if state is None or (now - state.at).total_seconds() >= REMOTE_TTL_S:
        try:
            counted = keep_sizes(services, count_sizes(services), counted_at=now, look=look)
        except TransientError as error:
            log.warning("sizes could not be counted for the cache", error=str(error))
            problem = str(error)
    with services.database.begin() as connection:
        changed = membership_values(data_versions.last_changed_memberships(connection, WARMED_CONTACTS))
    values = counted + _keep_metadata(services, look)
    values += services.cache.keep(
        {keys.CAMPAIGNS: campaign_values(services)}, look.version("campaigns"), ttl_s=CAMPAIGNS_TTL_S
    )
    kept = services.cache.keep(
        {keys.membership_key(each): value for each, value in changed.items()}, look.version("members")
    )
    return Warmed(is_reachable=True, counted=bool(counted), values=values, memberships=kept, problem=problem)


def invalidate(services: Cached, what: CachedKind | int) -> None:
    """Forget what is cached: a kind, or by number one of the five lists or one contact. Without Redis there is nothing."""
    if isinstance(what, CachedKind):
        services.cache.delete(*_PATTERNS[what])
    elif services.list_ids.role_of(what) is not None:
        services.cache.invalidate_lists([what])
    else:
        services.cache.invalidate_contact(what)


def hit_rate(services: Cached) -> HitRate | None:
    """The share of all processes' reads that the cache served; None without Redis, which is where they are counted."""
    found = services.cache.tallies(MONITORING.cache_hits_days)
    if found is None:
        return None
    by_kind = tuple(KindReads(kind, *found[kind]) for kind in sorted(found))
    hits, reads = sum(each.hits for each in by_kind), sum(each.hits + each.misses for each in by_kind)
    return HitRate(reads, hits / reads if reads else None, by_kind)


def inspect(services: Cached) -> Inspection:
    """Look into Redis: the age, remaining time and size of its values, and whether each would still be shown."""
    found, is_whole = services.cache.entries(INSPECTED_KEYS)
    look = ReadSession(services)
    entries = [_shown(services, entry, look) for entry in found]
    contacts = [entry for entry in entries if keys.kind_of(entry.key) == "membership"]
    return Inspection(
        is_reachable=services.cache.is_reachable(),
        entries=[entry for entry in entries if keys.kind_of(entry.key) != "membership"],
        memberships=len(contacts),
        current_memberships=sum(entry.is_current for entry in contacts),
        characters=sum(entry.characters or 0 for entry in entries),
        is_whole=is_whole,
    )


_READ_FROM = {"metadata": ("members", "synced"), "campaigns": ("campaigns",)}


def _shown(services: Storing, entry: CacheEntry, look: ReadSession) -> EntryShown:
    head = entry.head
    if head is None:
        return EntryShown(entry.key, None, False, entry.ttl_s, entry.characters)
    version = look.version(*_READ_FROM.get(keys.kind_of(entry.key), ("members",)))
    age_s = (services.clock.now() - head.at).total_seconds()
    return EntryShown(entry.key, head.at, head.version == version and age_s < head.ttl_s, entry.ttl_s, entry.characters)


def _metadata_keys(services: ReadingMailjet) -> list[str]:
    return [keys.list_metadata_key(services.list_ids[role]) for role in ALL_LISTS]


def _keep_metadata(services: Cached, look: ReadSession) -> int:
    version = look.version("members", "synced")
    found = metadata_values(services)
    return services.cache.keep(
        {keys.list_metadata_key(services.list_ids[role]): found[role] for role in ALL_LISTS}, version
    )
