"""Reading a collection to its end.

Mailjet pages by offset only and says nowhere how many rows there are (``Total`` repeats the page's own count), so a
series ends with a page that is not full. Rows that come or go between two requests shift the rest. Therefore each page
begins with the last row of the one before: finding it there shows that nothing was skipped. Where it is not found, the
page before is read again, and rows seen already are left out.

Belongs here: pages, counts, and noticing that they do not fit. Does not belong here: what a row means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.integrations.mailjet.answers import Envelope
from list_pipeline.integrations.mailjet.filters import Collection, FilterValue, Paging, written
from list_pipeline.integrations.mailjet.parsing import Row, unreadable
from list_pipeline.integrations.mailjet.transport import Resource, Transport

PAGE = 1000
"""Mailjet's largest page. The default is 10 rows; what a larger Limit does is not known."""

STEPS_BACK_MAX = 5
"""A series that shifted more often than this while it was read is given up."""

F = TypeVar("F", bound=StrEnum)
T = TypeVar("T")

_AGAIN = "Read it again; nothing was decided on it"


def checked_rows(resource: Resource, envelope: Envelope) -> tuple[Row, ...]:
    """The rows of one answer.

    Raises:
        IncompleteDataError: there are fewer or more of them than the answer says.
    """
    if envelope.count != len(envelope.rows):
        what = f"{len(envelope.rows)} rows came, and the answer says {envelope.count}"
        raise IncompleteDataError(f"Reading {resource.name}", what, _AGAIN)
    return tuple(Row(resource.name, row) for row in envelope.rows)


def only_row(resource: Resource, envelope: Envelope) -> Row:
    """The row of an answer about one object.

    Raises:
        UnreadableAnswerError: there is none, or more than one.
    """
    rows = checked_rows(resource, envelope)
    if len(rows) != 1:
        raise unreadable(f"Reading {resource.name}", f"{len(rows)} rows came for one object")
    return rows[0]


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
    ) -> Iterator[tuple[T, ...]]:
        """All rows from ``offset`` (0-based) on, sorted by id, each once, a page at a time. Empty pages are left out.

        Raises:
            IncompleteDataError: a page contradicts itself, or the rows kept shifting while they were read.
        """
        if offset < 0:
            raise ValueError("an offset is zero or more")
        resource = Resource.rest(collection.path)
        # The ids of a million rows take about 100 MB. Rejected: the highest id alone, which relies on the sorting.
        seen: set[int] = set()
        start, steps_back = offset, 0
        while True:
            rows = self._page(resource, written(filters), offset)
            ids = [row.number("ID") for row in rows]
            if offset > start and (not ids or ids[0] not in seen):
                steps_back += 1
                if steps_back > STEPS_BACK_MAX:
                    what = f"rows kept disappearing while it was read, {steps_back} times"
                    raise IncompleteDataError(f"Reading {resource.name}", what, _AGAIN)
                offset = max(start, offset - PAGE)
                continue
            fresh: list[T] = []
            for row_id, row in zip(ids, rows, strict=True):
                if row_id not in seen:
                    seen.add(row_id)
                    fresh.append(parse(row))
            if fresh:
                yield tuple(fresh)
            if len(rows) < PAGE:
                return
            offset += len(rows) - 1

    def whole(
        self,
        collection: Collection[F],
        filters: Mapping[F, FilterValue | None],
        parse: Callable[[Row], T],
    ) -> Iterator[tuple[T, ...]]:
        """As ``pages`` from the beginning, with the rows counted before and after.

        The error comes after the last page: rows must not be used before the series has ended without one.

        Raises:
            IncompleteDataError: the number of rows read is neither the count before nor the one after.
        """
        before = self.count(collection, filters)
        read = 0
        for page in self.pages(collection, filters, parse):
            read += len(page)
            yield page
        after = self.count(collection, filters)
        if read not in (before, after):
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
