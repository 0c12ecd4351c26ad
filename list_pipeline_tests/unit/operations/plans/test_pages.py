"""Finding rows in a long series by id: what a page proves, and how many are read."""

from __future__ import annotations

import pytest

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.operations.plans.pages import Page, Wanted, search

PAGE = 100


class Series:
    """A series of ids, read in pages. ``reads`` counts them."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = sorted(ids)
        self.reads = 0

    def page(self, offset: int) -> Page[int]:
        self.reads += 1
        ids = self.ids[offset : offset + PAGE]
        return Page(dict.fromkeys(ids, 0), len(ids) < PAGE)

    def among(self, wanted: list[Wanted]) -> set[int]:
        """The wanted ids that are found."""
        return {one.row_id for one in wanted} & search(self.page, wanted, PAGE).rows.keys()


def removed_from(before: list[int], gone: list[int]) -> list[Wanted]:
    ranks = {row_id: rank for rank, row_id in enumerate(sorted(before))}
    return [Wanted(row_id, ranks[row_id] - earlier) for earlier, row_id in enumerate(sorted(gone))]


def test_neighbours_share_a_page() -> None:
    before = list(range(0, 20_000, 2))
    gone = before[5000:5060]
    series = Series([one for one in before if one not in set(gone)])
    assert series.among(removed_from(before, gone)) == set()
    assert series.reads <= 2


def test_it_never_costs_more_than_a_page_a_contact_nor_more_than_reading_the_series_whole() -> None:
    before = list(range(10_000))
    for every in (7, 300, 3000):
        gone = before[::every]
        series = Series([one for one in before if one % every])
        assert series.among(removed_from(before, gone)) == set()
        assert series.reads <= min(len(gone), len(before) // (PAGE - PAGE // 4) + 2)


def test_who_is_still_there_is_found_although_others_left_and_came() -> None:
    before = list(range(10_000))
    gone = before[4000:9000:50]
    stay = {gone[3], gone[-1]}
    others = set(range(0, 3000, 2))
    series = Series([one for one in before if one in stay or one not in {*gone, *others}] + [10_500])
    assert series.among(removed_from(before, gone)) == stay


def test_nobody_is_left_of_the_series() -> None:
    before = list(range(500))
    assert Series([]).among(removed_from(before, before[::9])) == set()


def test_a_series_that_never_stands_still_proves_nothing() -> None:
    def moving(offset: int) -> Page[int]:
        return Page(dict.fromkeys(range(9000, 9000 + PAGE), 0), is_last=False)

    with pytest.raises(IncompleteDataError):
        search(moving, [Wanted(17, 2_000)], PAGE)
