"""Reading a collection to its end: which collections there are, the filters of each, and pages.

Mailjet ignores a parameter that it does not know and answers with unfiltered rows. So no parameter is ever written as
text: a name that is not listed here cannot be sent, and one that belongs to another resource does not type-check. A
test compares the names with Mailjet's own description of its resources.

Mailjet pages by offset only and says nowhere how many rows there are (``Total`` repeats the page's own count). A page
may also hold fewer rows than were asked for although more follow. So a series ends where nothing follows its last row.
Rows that come or go between two requests shift the rest. Therefore each page begins with rows of the one before: finding
one of them first shows that nothing was skipped. Where it is not found, reading steps back to before the gap, and from
then on pages overlap by more rows, so that as many may go between two requests for nothing.

Belongs here: names of resources and parameters, pages, counts, and noticing that they do not fit. Does not belong here:
what a row means (``answers``), and requests (``transport``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Generic, TypeVar

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.observations import MessageStatus, Seen
from list_pipeline.integrations.mailjet.answers import Envelope, unreadable
from list_pipeline.integrations.mailjet.errors import UnreadableFieldError
from list_pipeline.integrations.mailjet.rows import Row
from list_pipeline.integrations.mailjet.transport import Resource, Transport


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


PAGE = 1000
"""Mailjet's largest page. The default is 10 rows; what a larger Limit does is not known."""

FEWEST = 10
"""Mailjet's default page, the smallest that anybody saw: nothing follows a page with fewer rows than this."""

STEPS_BACK_MAX = 5
"""A series is given up that had to step back more often than this, and than once for every second page with new rows: people
leave a large list all the time, and the larger it is, the more of them while it is read."""

_WIDER = 8
"""How many times more rows two pages share after a step back, at most half a page."""

UNREADABLE_FEW = 20
UNREADABLE_SHARE = 10
"""More rows of a series than these few, and more than one in so many of it: that is no spoilt row, the format has changed."""

T = TypeVar("T", bound=Seen)

_AGAIN = "Read it again; nothing was decided on it"


def checked_rows(resource: Resource, envelope: Envelope) -> tuple[Row, ...]:
    """The rows of one answer.

    Raises:
        IncompleteDataError: there are fewer or more of them than the answer says.
    """
    if envelope.count != len(envelope.rows):
        what = f"{len(envelope.rows)} rows came, and the answer says {envelope.count}"
        raise IncompleteDataError(f"Reading {resource.name}", what, _AGAIN)
    name = resource.name
    return tuple([Row(name, row) for row in envelope.rows])


def only_row(resource: Resource, envelope: Envelope) -> Row:
    """The row of an answer about one object.

    Raises:
        UnreadableAnswerError: there is none, or more than one.
    """
    rows = checked_rows(resource, envelope)
    if len(rows) != 1:
        raise unreadable(f"Reading {resource.name}", f"{len(rows)} rows came for one object")
    return rows[0]


def by_id(row: Row) -> Hashable:
    """A row's own id, which makes it the same in every answer; its stand-in where that cannot be read."""
    return _id_of(row)


def _id_of(row: Row) -> int:
    try:
        return row.identifier("ID")
    except UnreadableFieldError:
        return row.stand_in()


def _checked_unreadable(resource: Resource, fresh: Sequence[Seen], before: int, rows: int) -> int:
    """How many rows of a page cannot be read.

    Raises:
        UnreadableAnswerError: together with those before there are too many among all rows so far.
    """
    here = [one.problem for one in fresh if one.problem]
    if before + len(here) > max(UNREADABLE_FEW, rows // UNREADABLE_SHARE):
        what = f"{before + len(here)} of {rows} rows cannot be read, one because {here[-1]}"
        raise unreadable(f"Reading {resource.name}", what)
    return len(here)


class Pager:
    """Series and counts of collections, over one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def count(self, collection: Collection[F], filters: Mapping[F, FilterValue | None]) -> int:
        """The number of rows: one request (countOnly).

        Raises:
            UnreadableAnswerError: the answer holds rows, so it is not a count.
        """
        resource = Resource.rest(collection.path)
        envelope = self._transport.read(resource, {**written(filters), Paging.COUNT_ONLY.value: "1"})
        if envelope.rows:
            raise unreadable(f"Counting {resource.name}", "rows came instead of their number")
        return envelope.count

    def pages(
        self,
        collection: Collection[F],
        filters: Mapping[F, FilterValue | None],
        parse: Callable[[Row], T],
        *,
        offset: int = 0,
        expected: int | None = None,
        identity: Callable[[Row], Hashable] = by_id,
    ) -> Iterator[tuple[T, ...]]:
        """All rows from ``offset`` (0-based) on, sorted by id, each once, a page at a time. Empty pages are left out.

        Args:
            expected: how many rows there are as far as is known. It saves the request that shows that nothing follows, and
                is no check: compare what came.
            identity: what makes two rows the same one.

        A row that cannot be read comes like any other, with its ``problem``.

        Raises:
            IncompleteDataError: a page contradicts itself, or the rows kept shifting while they were read.
            UnreadableAnswerError: so many rows cannot be read that the format has changed.
        """
        if offset < 0:
            raise ValueError("an offset is zero or more")
        resource, query = Resource.rest(collection.path), written(filters)
        # The ids of a million rows take about 100 MB. Rejected: the highest id alone, which relies on the sorting.
        seen: set[Hashable] = set()
        last: Hashable = None
        start, largest, productive, steps_back = offset, 0, 0, 0
        overlap, step, spoilt = 1, 1, 0
        while True:
            rows = self._page(resource, query, offset)
            keys: list[Hashable] = (
                [row.usual_id() or _id_of(row) for row in rows]
                if identity is by_id
                else [identity(row) for row in rows]
            )
            if offset > start and (not keys or keys[0] not in seen):
                steps_back += 1
                if steps_back > STEPS_BACK_MAX + productive // 2:
                    what = f"rows kept disappearing while it was read, {steps_back} times on {productive} pages"
                    raise IncompleteDataError(f"Reading {resource.name}", what, _AGAIN)
                overlap = min(overlap * _WIDER, max(largest // 2, 1))
                step = max(overlap, step * _WIDER)
                offset = max(start, offset - step)
                continue
            if start and seen and offset == start and (not keys or keys[0] not in seen):
                what = "so many rows disappeared before it that what follows the rows read before cannot be told"
                raise IncompleteDataError(f"Reading {resource.name} from row {start:,} on", what, _AGAIN)
            step, largest = 1, max(largest, len(rows))
            fresh: list[T] = []
            for key, row in zip(keys, rows, strict=True):
                if key not in seen:
                    seen.add(key)
                    fresh.append(parse(row))
            spoilt += _checked_unreadable(resource, fresh, spoilt, len(seen))
            if fresh:
                productive += 1
                yield tuple(fresh)
            if not rows or (not fresh and keys[-1] == last):
                return
            if len(rows) < FEWEST and (expected is None or len(seen) >= expected):
                return
            if len(rows) < PAGE and len(seen) == expected:
                return
            last = keys[-1]
            offset += len(rows) - min(overlap, max(len(rows) // 2, 1))

    def page(
        self,
        collection: Collection[F],
        filters: Mapping[F, FilterValue | None],
        parse: Callable[[Row], T],
        offset: int,
    ) -> tuple[tuple[T, ...], bool]:
        """One answer: up to 1000 rows from ``offset`` (0-based) on, sorted by id, and whether it is the last page.

        Raises:
            IncompleteDataError: the page contradicts itself, or is not sorted, so that it proves nothing about a row.
        """
        if offset < 0:
            raise ValueError("an offset is zero or more")
        resource = Resource.rest(collection.path)
        rows = self._page(resource, written(filters), offset)
        ids = [_id_of(row) for row in rows]
        if any(first >= second for first, second in pairwise(ids)):
            raise IncompleteDataError(f"Reading {resource.name}", "the rows of a page are not sorted by id", _AGAIN)
        return tuple(parse(row) for row in rows), len(rows) < PAGE

    def whole(
        self,
        collection: Collection[F],
        filters: Mapping[F, FilterValue | None],
        parse: Callable[[Row], T],
    ) -> Iterator[tuple[T, ...]]:
        """As ``pages`` from the beginning, with the rows counted before and after: nobody is missing who stayed all the time.

        More rows than either count are what a busy list gives: some were read and left, others came. The error comes after
        the last page: rows must not be used before the series has ended without one.

        Raises:
            IncompleteDataError: fewer rows were read than there were before and after.
        """
        before = self.count(collection, filters)
        read = 0
        for page in self.pages(collection, filters, parse, expected=before):
            read += len(page)
            yield page
        after = self.count(collection, filters)
        if read < min(before, after):
            what = f"{read} rows were read, {before} were counted before and {after} after"
            raise IncompleteDataError(f"Reading {collection.path} whole", what, _AGAIN)

    def _page(self, resource: Resource, filters: Mapping[str, str], offset: int) -> tuple[Row, ...]:
        query = {
            **filters,
            Paging.LIMIT.value: str(PAGE),
            Paging.OFFSET.value: str(offset),
            Paging.SORT.value: "ID",
        }
        rows = checked_rows(resource, self._transport.read(resource, query))
        if len(rows) > PAGE:
            raise IncompleteDataError(f"Reading {resource.name}", f"{len(rows)} rows on a page of {PAGE}", _AGAIN)
        return rows
