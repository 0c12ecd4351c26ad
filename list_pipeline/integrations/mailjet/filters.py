"""The query parameters that this client sends, one enum per resource.

Mailjet ignores a parameter that it does not know and answers with unfiltered rows. So no parameter is ever written as
text: a name that is not listed here cannot be sent, and one that belongs to another resource does not type-check. A
test compares the names with Mailjet's own description of its resources.

Belongs here: names of resources and parameters, and how a value is written. Does not belong here: requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from list_pipeline.core.observations import MessageStatus


class Paging(StrEnum):
    """Parameters of every collection (guide, "filtering resources")."""

    LIMIT = "Limit"
    OFFSET = "Offset"
    SORT = "Sort"
    COUNT_ONLY = "countOnly"


class NoFilter(StrEnum):
    """For a resource that is read without filters."""


class RecipientFilter(StrEnum):
    """``listrecipient``."""

    CONTACT = "Contact"
    CONTACTS_LIST = "ContactsList"
    EXCLUDED = "IsExcludedFromCampaigns"
    UNSUBSCRIBED = "Unsub"


class ContactFilter(StrEnum):
    """``contact``. Its ``IsUnsubscribed`` is left out: it is reported not to work (mailjet php#54)."""

    CONTACTS_LIST = "ContactsList"
    EXCLUDED = "IsExcludedFromCampaigns"


class CampaignFilter(StrEnum):
    """``campaign``. Without ``FromTS`` Mailjet shows sends from now on only."""

    FROM_TS = "FromTS"


class DraftFilter(StrEnum):
    """``campaigndraft``."""

    STATUS = "Status"


class BounceFilter(StrEnum):
    """``bouncestatistics``. ``FromTS`` is about the send, exclusive; without a time only today's rows come."""

    CAMPAIGN_ID = "CampaignID"
    FROM_TS = "FromTS"


class MessageFilter(StrEnum):
    """``message``. ``FromTS`` as for bounces; ``MessageStatus`` is a number (php-simple#101)."""

    CAMPAIGN_ID = "CampaignID"
    FROM_TS = "FromTS"
    MESSAGE_STATUS = "MessageStatus"


class CounterFilter(StrEnum):
    """``statcounters``. ``SourceId`` is the guide's name and recorded; the metadata has ``SourceIDs``."""

    SOURCE = "CounterSource"
    TIMING = "CounterTiming"
    RESOLUTION = "CounterResolution"
    SOURCE_ID = "SourceId"


F = TypeVar("F", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Collection(Generic[F]):
    """A collection and the filters that it understands."""

    path: str
    filters: type[F]


CONTACT_LISTS = Collection("contactslist", NoFilter)
RECIPIENTS = Collection("listrecipient", RecipientFilter)
CONTACTS = Collection("contact", ContactFilter)
CAMPAIGNS = Collection("campaign", CampaignFilter)
DRAFTS = Collection("campaigndraft", DraftFilter)
BOUNCES = Collection("bouncestatistics", BounceFilter)
MESSAGES = Collection("message", MessageFilter)
COUNTERS = Collection("statcounters", CounterFilter)

FilterValue = bool | int | str | datetime

STATUS_NUMBERS: Mapping[MessageStatus, int] = {
    MessageStatus.QUEUED: 1,
    MessageStatus.SENT: 2,
    MessageStatus.OPENED: 3,
    MessageStatus.CLICKED: 4,
    MessageStatus.BOUNCE: 5,
    MessageStatus.SPAM: 6,
    MessageStatus.UNSUBSCRIBED: 7,
    MessageStatus.BLOCKED: 8,
    MessageStatus.SOFT_BOUNCED: 9,
    MessageStatus.HARD_BOUNCED: 10,
    MessageStatus.DEFERRED: 11,
}
"""Numbers of the ``MessageStatus`` filter (node SDK types). There is none for "unknown"."""


def written(filters: Mapping[F, FilterValue | None]) -> dict[str, str]:
    """Query parameters as Mailjet reads them; None is left out.

    Booleans become ``true`` and ``false``, instants RFC 3339 in UTC, whole seconds, rounded down.

    Raises:
        ValueError: an instant without a timezone.
    """
    return {name.value: _written(value) for name, value in filters.items() if value is not None}


def _written(value: FilterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant needs a timezone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
