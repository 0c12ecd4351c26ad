"""Finding single rows in a long series that is sorted by id and read by offset, in as few pages as can prove it.

A page is one answer, so it is true for one moment: a row whose id lies between the first and the last id of a page is on that
page or nowhere. Where a row is expected comes from our own rows; others may have moved it, so a page that begins behind the row
or ends in front of it is no proof, and the next one is read further up or down.

Belongs here: which page to read, and what it proves. Does not belong here: requests, and what a row means (``by_place``,
``plans.read_back``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from list_pipeline.core.errors import IncompleteDataError

T = TypeVar("T")

_MARGIN = 50
"""Rows in front of the wanted one that are read with it: as many others may leave before a page has to be read again."""

_ASTRAY_MAX = 10
"""Pages in a row that prove nothing, beyond those that a long way takes, after which the series is given up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row that is looked for. ``rank``: how many rows are expected in front of it."""

    row_id: int
    rank: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One answer: rows by ascending id. ``is_last``: there are no rows behind it."""

    rows: Mapping[int, T]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Search(Generic[T]):
    """The result: every row that was read, by id. A wanted one that is not among them is not in the series."""

    rows: Mapping[int, T]


def search(read: Callable[[int], Page[T]], wanted: Sequence[Wanted], page: int) -> Search[T]:
    """Read as many pages as prove of every wanted row whether it is in the series.

    It costs one page for each wanted row or each ``page`` rows that lie between the first and the last of them, whichever is
    less, so that rows that stand together share a page; and one for each time that others moved the rows far.

    Args:
        read: the rows from an offset (0-based) on. page: how many rows a full page has.

    Raises:
        IncompleteDataError: the series kept shifting while it was read.
    """
    left = sorted(wanted, key=lambda one: one.row_id)
    rows: dict[int, T] = {}
    shift, astray = 0, 0
    margin, place = min(_MARGIN, page // 4), 0
    while place < len(left):
        one = left[place]
        offset = max(one.rank + shift - margin, 0)
        found = read(offset)
        ids = list(found.rows)
        if offset and (not ids or ids[0] > one.row_id):
            shift -= page // 2
        elif not found.is_last and ids[-1] < one.row_id:
            shift += page - margin
        else:
            rows.update(found.rows)
            shift = offset + bisect_left(ids, one.row_id) - one.rank
            while place < len(left) and (found.is_last or left[place].row_id <= ids[-1]):
                place += 1
            astray = 0
            continue
        astray += 1
        if astray > _ASTRAY_MAX + len(left) // page + one.rank // page:
            raise IncompleteDataError(
                "Looking for rows in a long list", "rows kept moving while it was read", "Run it again to continue"
            )
    return Search(rows)


def pages_spanned(wanted: Sequence[Wanted], page: int) -> int:
    """How many pages ``search`` reads where nobody moved: one for rows that stand together."""
    spanned, covered = 0, -1
    reach = page - min(_MARGIN, page // 4)
    for rank in sorted(one.rank for one in wanted):
        if rank >= covered:
            spanned, covered = spanned + 1, rank + reach
    return spanned


def read_on(
    read: Callable[[int], tuple[tuple[T, ...], bool]],
    offset: int,
    counted: int,
    identity: Callable[[T], int],
    page: int,
) -> tuple[tuple[T, ...], bool]:
    """A page from an offset on, read on behind its end while it is short and more rows were counted.

    Each further page begins with the last row of the one before: finding it first shows that nothing shifted meanwhile.

    Args:
        read: the rows from an offset (0-based) on, and whether the page was short. page: how many rows a full page has.

    Returns:
        The rows, and whether there are none behind them.
    """
    rows, is_last = read(offset)
    while rows and is_last and len(rows) < page and offset + len(rows) < counted:
        more, is_last = read(offset + len(rows) - 1)
        if len(more) < 2 or identity(more[0]) != identity(rows[-1]):
            break
        rows = rows + more[1:]
    # As many rows as a page has, read in several: the last of these answers was short, and the series goes on.
    return rows, is_last and (len(rows) < page or offset + len(rows) >= counted)
