"""Finding rows in a long series by id: what a page proves, and how many are read."""

from __future__ import annotations

import pytest

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.operations.membership.pages import Page, Wanted, read_on, search

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


@pytest.mark.parametrize(("wanted", "reads"), [(1, 31), (250, 33)])
def test_a_series_that_never_stands_still_proves_nothing(wanted: int, reads: int) -> None:
    asked: list[int] = []

    def moving(offset: int) -> Page[int]:
        asked.append(offset)
        return Page(dict.fromkeys(range(9000, 9000 + PAGE), 0), is_last=False)

    with pytest.raises(IncompleteDataError):
        search(moving, [Wanted(17 + number, 2_000) for number in range(wanted)], PAGE)
    assert len(asked) == reads


def test_what_was_proven_before_does_not_shorten_the_patience_with_a_series_that_moves() -> None:
    asked: list[int] = []

    def moving_later(offset: int) -> Page[int]:
        asked.append(offset)
        first = 0 if len(asked) == 1 else 9000
        return Page(dict.fromkeys(range(first, first + PAGE), 0), is_last=False)

    with pytest.raises(IncompleteDataError):
        search(moving_later, [Wanted(17, 0), Wanted(500, 2_000)], PAGE)
    assert len(asked) == 1 + 31


def test_who_stands_further_behind_than_expected_is_found_because_a_page_in_front_proves_nothing() -> None:
    before = list(range(10_000))
    stay = [*before[:90], 5_000]
    series = Series(before)
    assert series.among(removed_from(before, stay)) == set(stay)


def test_who_is_gone_of_a_series_that_shrank_to_nothing_near_it_is_not_found() -> None:
    series = Series(list(range(10)))
    assert series.among([Wanted(500, 400)]) == set()
    assert series.reads == 9


def test_who_stands_far_behind_the_expected_place_costs_a_page_for_each_that_lies_between() -> None:
    series = Series(list(range(10_000)))
    assert series.among([Wanted(5_000, 4_000)]) == {5_000}
    assert series.reads == 14


@pytest.mark.parametrize(("page", "row_id"), [(100, 75), (100, 174), (1_000, 50), (1_000, 1_049)])
def test_the_first_and_the_last_row_of_a_page_are_on_it(page: int, row_id: int) -> None:
    reads: list[int] = []

    def read(offset: int) -> Page[int]:
        reads.append(offset)
        return Page(dict.fromkeys(range(offset, offset + page), 0), is_last=False)

    assert row_id in search(read, [Wanted(row_id, 100)], page).rows
    assert len(reads) == 1


class Short:
    """A series of numbers whose pages have at most so many rows, where eight were asked for."""

    def __init__(self, size: int, longest: int) -> None:
        self.numbers = tuple(range(size))
        self.longest = longest
        self.asked: list[int] = []

    def page(self, offset: int) -> tuple[tuple[int, ...], bool]:
        self.asked.append(offset)
        found = self.numbers[offset : offset + self.longest]
        return found, len(found) < 8

    def from_on(self, offset: int, counted: int) -> tuple[tuple[int, ...], bool]:
        return read_on(self.page, offset, counted, lambda row: row, 8)


def test_a_full_page_is_read_once() -> None:
    series = Short(20, 8)
    assert series.from_on(0, 20) == (tuple(range(8)), False)
    assert series.asked == [0]


@pytest.mark.parametrize(("longest", "reads"), [(2, 7), (3, 4), (5, 2)])
def test_a_short_page_is_read_on_until_it_is_full_and_the_series_goes_on(longest: int, reads: int) -> None:
    series = Short(20, longest)
    rows, is_last = series.from_on(0, 20)
    assert rows == tuple(range(len(rows)))
    assert len(rows) >= 8
    assert not is_last
    assert len(series.asked) == reads


def test_as_many_rows_as_were_counted_are_the_end_of_the_series() -> None:
    series = Short(16, 2)
    assert series.from_on(8, 16) == (tuple(range(8, 16)), True)


def test_a_page_that_has_all_rows_that_were_counted_is_not_read_on() -> None:
    series = Short(11, 8)
    assert series.from_on(8, 11) == ((8, 9, 10), True)
    assert series.asked == [8]


def test_behind_the_end_of_the_series_nothing_is_read_on() -> None:
    series = Short(4, 8)
    assert series.from_on(4, 9) == ((), True)
    assert series.asked == [4]


def test_a_short_page_that_is_said_not_to_be_the_last_is_taken_as_it_is() -> None:
    asked: list[int] = []

    def page(offset: int) -> tuple[tuple[int, ...], bool]:
        asked.append(offset)
        return (0, 1, 2), False

    assert read_on(page, 0, 20, lambda row: row, 8) == ((0, 1, 2), False)
    assert asked == [0]


def test_a_full_page_that_is_said_to_be_the_last_is_not_while_more_was_counted() -> None:
    asked: list[int] = []

    def page(offset: int) -> tuple[tuple[int, ...], bool]:
        asked.append(offset)
        return tuple(range(8)), True

    assert read_on(page, 0, 20, lambda row: row, 8) == (tuple(range(8)), False)
    assert asked == [0]


def test_rows_that_shifted_meanwhile_are_not_read_on() -> None:
    def page(offset: int) -> tuple[tuple[int, ...], bool]:
        return tuple(range(offset + bool(offset), offset + 3)), True

    assert read_on(page, 0, 20, lambda row: row, 8) == ((0, 1, 2), True)
