"""Views through the cache: sizes, freshness, places of contacts, members of lists, campaigns.

Belongs here: cache-aside reads, each with the time at which its value was read. Does not belong here: filling and
emptying the cache on purpose (``cache_warming``), and any decision: no module that changes a list imports this one,
which a test holds.

A value is believed only in the version of the data that holds now. The database renews that version in the transaction
that changes the data, so no deletion has to reach Redis for a change to be seen, and a value that was read before a
change and written after it is never believed. The versions are read once a look, whatever the look shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import RowMapping

from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import deviation_percent
from list_pipeline.integrations import cache as keys
from list_pipeline.integrations.packed_ids import pack, unpack
from list_pipeline.operations.access import Cached, Deciding, ReadingMailjet, Storing
from list_pipeline.operations.membership.sync import Sizes, count_sizes
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage.membership import data_versions

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

CAMPAIGNS_TTL_S = 300
"""Campaigns are shown for five minutes at most, everything else that Mailjet is asked for one minute; CACHE_TTL_SECONDS
holds for the rest, and for these where it is shorter."""
REMOTE_TTL_S = 60


@dataclass(frozen=True, slots=True)
class Shown(Generic[T]):
    """A value, when it was read from its source (UTC), and whether it came out of the cache."""

    value: T
    as_of: datetime
    is_cached: bool


@dataclass(frozen=True, slots=True)
class SizesShown:
    """Raw and mailable size of the five lists as Mailjet counts them, and the deviation of the campaign lists in
    percent (None: they are empty)."""

    sizes: Sizes
    deviation_percent: float | None


@dataclass(frozen=True, slots=True)
class ListMetadata:
    """One list as our rows have it. ``last_synced_at`` is the database's own time of the last sync (None: never)."""

    role: ListRole
    raw: int
    mailable: int
    unsubscribed: int
    excluded: int
    last_synced_at: datetime | None
    last_full_sync_at: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a contact is, and what is known about it, as our rows have it. Nothing here tells who it is."""

    contact_id: int
    roles: tuple[ListRole, ...]
    is_unsubscribed: bool
    is_excluded: bool
    is_complaining: bool
    is_anonymised: bool
    hard_bounces: int
    soft_bounces: int
    queued_at: datetime
    last_updated: datetime
    quarantined_until: datetime | None = None
    """When its quarantine ends by itself (UTC); None: it is in none."""

    @property
    def is_mailable(self) -> bool:
        """On a campaign list, and neither unsubscribed nor excluded."""
        return not self.is_unsubscribed and not self.is_excluded and any(role in CAMPAIGN_LISTS for role in self.roles)


@dataclass(frozen=True, slots=True)
class Member:
    """A contact on a list."""

    contact_id: int
    is_unsubscribed: bool
    is_excluded: bool
    is_quarantined: bool = False


@dataclass(frozen=True, slots=True)
class CampaignShown:
    """A campaign with the state of its maintenance after a day (None: none yet)."""

    key: str
    name: str
    round_number: int
    cycle_number: int | None
    status: str
    sent_at: datetime | None
    scheduled_at: datetime
    recipients: int | None
    maintenance: str | None


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """A list that Mailjet shows a contact on; ``role`` is None for a list that is none of ours."""

    list_id: int
    role: ListRole | None
    is_unsubscribed: bool


class ReadSession:
    """One look of a person: what it shows fits together as of one state of our data, which is noted when the look begins.
    Make a new one for each; kept for longer it would show what has changed meanwhile."""

    def __init__(self, services: Deciding) -> None:
        self._versions: Mapping[str, str] = {}
        if services.settings.redis_url is not None:
            with services.database.begin() as connection:
                self._versions = data_versions.data_versions(connection)

    def version(self, *subjects: str) -> str:
        """The version of these parts of our data: ``members``, ``synced``, ``campaigns``."""
        return "-".join(self._versions.get(subject, "") for subject in subjects)


def list_state(services: Cached, look: ReadSession | None = None) -> Shown[SizesShown]:
    """The sizes of the five lists as Mailjet counts them: six requests, or none.

    Raises:
        IntegrationError: nothing is cached and Mailjet could not be asked.
    """

    def load(_: Collection[str]) -> Mapping[str, Any]:
        return {keys.LIST_STATE: state_value(services, count_sizes(services))}

    look = look or ReadSession(services)
    found = _through(
        services, {keys.LIST_STATE: keys.LIST_STATE}, look.version("members"), _state_of(services), load, None
    )
    return found[keys.LIST_STATE]


def all_metadata(services: Cached, look: ReadSession | None = None) -> Mapping[ListRole, Shown[ListMetadata]]:
    """The five lists as our rows have them, and when they were last read from Mailjet."""
    look = look or ReadSession(services)
    named = {role: keys.list_metadata_key(services.list_ids[role]) for role in ALL_LISTS}

    def load(_: Collection[ListRole]) -> Mapping[ListRole, Any]:
        return metadata_values(services)

    return _through(services, named, look.version("members", "synced"), _metadata_of, load, None)


def memberships(
    services: Cached, contact_ids: Sequence[int], look: ReadSession | None = None
) -> Mapping[int, Shown[Membership]]:
    """Where contacts are; those that we have no row of are missing."""
    look = look or ReadSession(services)
    named = {contact_id: keys.membership_key(contact_id) for contact_id in contact_ids}

    def load(missing: Collection[int]) -> Mapping[int, Any]:
        with services.database.begin() as connection:
            return membership_values(data_versions.memberships(connection, list(missing)))

    return _through(services, named, look.version("members"), _membership_of, load, None)


def membership(services: Cached, contact_id: int, look: ReadSession | None = None) -> Shown[Membership] | None:
    """Where a contact is, or None when we have no row of it."""
    return memberships(services, [contact_id], look).get(contact_id)


def list_contacts(services: Cached, role: ListRole, look: ReadSession | None = None) -> Shown[tuple[Member, ...]]:
    """The members of a list as our rows have them, by ascending contact id. A list of more than some half a million is
    read from the database each time."""
    look = look or ReadSession(services)

    def load(_: Collection[ListRole]) -> Mapping[ListRole, Any]:
        with services.database.begin() as connection:
            found = data_versions.members(connection, role)
            quarantined = sorted(quarantine_rows.active_among(connection, found[0]))
        return {role: {"role": role.value, "packed": pack(zip(*found, strict=True)), "quarantined": quarantined}}

    named = {role: keys.list_contacts_key(services.list_ids[role])}
    return _through(services, named, look.version("members"), _members_of, load, None)[role]


def campaigns(services: Cached, look: ReadSession | None = None) -> Shown[tuple[CampaignShown, ...]]:
    """The campaigns that are not retired, oldest first, with the state of their maintenance."""
    look = look or ReadSession(services)

    def load(_: Collection[str]) -> Mapping[str, Any]:
        return {keys.CAMPAIGNS: campaign_values(services)}

    named = {keys.CAMPAIGNS: keys.CAMPAIGNS}
    return _through(services, named, look.version("campaigns"), _campaigns_of, load, CAMPAIGNS_TTL_S)[keys.CAMPAIGNS]


def remote_places(services: Cached, contact_id: int, look: ReadSession | None = None) -> Shown[tuple[RemotePlace, ...]]:
    """The lists that Mailjet itself shows a contact on: one request, or none within a minute.

    Raises:
        RemoteNotFoundError: Mailjet has no such contact.
        IntegrationError: nothing is cached and Mailjet could not be asked.
    """
    look = look or ReadSession(services)

    def load(_: Collection[int]) -> Mapping[int, Any]:
        seen = services.mailjet.contact_places(contact_id)
        return {contact_id: [[place.list_id, place.is_unsubscribed] for place in seen]}

    def decode(value: Any) -> tuple[RemotePlace, ...]:
        return tuple(
            RemotePlace(_whole(list_id), services.list_ids.role_of(list_id), _flag(unsubscribed))
            for list_id, unsubscribed in value
        )

    named = {contact_id: keys.remote_places_key(contact_id)}
    return _through(services, named, look.version("members"), decode, load, REMOTE_TTL_S)[contact_id]


def _through(
    services: Cached,
    named: Mapping[K, str],
    version: str,
    decode: Callable[[Any], T],
    load: Callable[[Collection[K]], Mapping[K, Any]],
    ttl_s: int | None,
) -> Mapping[K, Shown[T]]:
    """What is cached, and for the rest what ``load`` reads, which is then cached. Both take the same way through
    ``decode``, so that a value looks the same wherever it came from.

    Args:
        named: key in the cache of each thing that is asked for.
        load: reads what was not found; may read more, which is cached too, and leaves out what does not exist.
    """
    found: dict[K, Shown[T]] = {}
    spoiled: list[str] = []
    cached = services.cache.find(list(named.values()), version)
    for name, key in named.items():
        if key in cached:
            try:
                found[name] = Shown(decode(cached[key].value), cached[key].at, is_cached=True)
            except (ValueError, TypeError, KeyError, IndexError, AttributeError):
                # Of our form and version, and not what we write: somebody else's, or damaged.
                spoiled.append(key)
    services.cache.delete(*spoiled)
    missing = [name for name in named if name not in found]
    if missing:
        at = services.clock.now()
        loaded = load(missing)
        services.cache.keep({named[n]: value for n, value in loaded.items() if n in named}, version, at=at, ttl_s=ttl_s)
        found.update({n: Shown(decode(loaded[n]), at, is_cached=False) for n in missing if n in loaded})
    return found


# Values as they lie in the cache, and back


def state_value(services: ReadingMailjet, sizes: Sizes) -> Any:
    """Sizes for the cache, with the ids of the lists they belong to."""
    return [[role.value, services.list_ids[role], *sizes[role]] for role in ALL_LISTS]


def _state_of(services: ReadingMailjet) -> Callable[[Any], SizesShown]:
    def decode(value: Any) -> SizesShown:
        sizes = {}
        for name, list_id, raw, mailable in value:
            role = ListRole(name)
            if list_id != services.list_ids[role]:
                raise ValueError("sizes of another list")
            sizes[role] = (_whole(raw), _whole(mailable))
        first, second, third = (sizes[role][1] for role in CAMPAIGN_LISTS)
        return SizesShown({role: sizes[role] for role in ALL_LISTS}, deviation_percent((first, second, third)))

    return decode


def metadata_values(services: Storing) -> Mapping[ListRole, Any]:
    """The five lists as our rows have them, for the cache."""
    with services.database.begin() as connection:
        return {role: dict(row) for role, row in data_versions.list_rows(connection).items()}


def _metadata_of(value: Any) -> ListMetadata:
    return ListMetadata(
        role=ListRole(value["list_role"]),
        raw=_whole(value["raw"]),
        mailable=_whole(value["mailable"]),
        unsubscribed=_whole(value["unsubscribed"]),
        excluded=_whole(value["excluded"]),
        last_synced_at=_instant(value["last_synced_at"]),
        last_full_sync_at=_instant(value["last_full_sync_at"]),
    )


def campaign_values(services: Storing) -> Any:
    """The campaigns for the cache."""
    with services.database.begin() as connection:
        return [dict(row) for row in data_versions.campaign_rows(connection)]


def membership_values(found: Sequence[RowMapping]) -> Mapping[int, Any]:
    """Places and flags for the cache, by contact id."""
    return {int(row["contact_id"]): dict(row) for row in found}


_PLACES = dict(
    zip(
        ("in_master_list", "in_campaign_list_1", "in_campaign_list_2", "in_campaign_list_3", "in_suppression_list"),
        ALL_LISTS,
        strict=True,
    )
)


def _membership_of(value: Any) -> Membership:
    queued_at, last_updated = _instant(value["queued_at"]), _instant(value["last_updated"])
    if queued_at is None or last_updated is None:
        raise ValueError("a row without its times")
    return Membership(
        contact_id=_whole(value["contact_id"]),
        roles=tuple(role for name, role in _PLACES.items() if _flag(value[name])),
        is_unsubscribed=_flag(value["is_unsubscribed"]),
        is_excluded=_flag(value["is_excluded"]),
        is_complaining=_flag(value["is_complaining"]),
        is_anonymised=_flag(value["is_anonymised"]),
        hard_bounces=_whole(value["hard_bounce_count"]),
        soft_bounces=_whole(value["soft_bounce_count"]),
        queued_at=queued_at,
        last_updated=last_updated,
        quarantined_until=_instant(value["quarantined_until"]),
    )


def _members_of(value: Any) -> tuple[Member, ...]:
    quarantined = frozenset(map(_whole, value["quarantined"]))
    return tuple(Member(*each, is_quarantined=each[0] in quarantined) for each in unpack(value["packed"]))


def _campaigns_of(value: Any) -> tuple[CampaignShown, ...]:
    return tuple(CampaignShown(**row) for row in value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("neither true nor false")
    return value


def _instant(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    raise TypeError("not an instant")
