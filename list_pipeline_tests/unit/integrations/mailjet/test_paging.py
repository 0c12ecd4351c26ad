"""Series that stay whole while the list changes under them."""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline_tests.limiter import InMemoryLimiter
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import START, client, counted, envelope, recipient_row
from list_pipeline_tests.virtual_clock import VirtualClock

LIST_ID = 7


class ChangingList:
    """A list at Mailjet; ``change`` is called after each answer with the number of requests so far, and leaves the ids
    ascending."""

    def __init__(
        self, size: int, change: Callable[[ChangingList, int], None] = lambda _, __: None, largest_page: int = 1000
    ) -> None:
        self.ids = list(range(1, size + 1))
        self._change = change
        self._largest_page = largest_page
        self.offsets: list[int] = []
        self.requests = 0
        self.highest = size

    def grow(self, count: int) -> None:
        """New rows come behind all others."""
        self.ids.extend(range(self.highest + 1, self.highest + 1 + count))
        self.highest += count

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        assert query["ContactsList"] == str(LIST_ID)
        if "countOnly" in query:
            answer = counted(len(self.ids))
        else:
            assert query["Sort"] == "ID"
            offset, limit = int(query["Offset"]), min(int(query["Limit"]), self._largest_page)
            self.offsets.append(offset)
            answer = envelope([recipient_row(n, LIST_ID) for n in self.ids[offset : offset + limit]])
        self.requests += 1
        self._change(self, self.requests)
        return answer


def ids_of(mailjet: MailjetClient, offset: int = 0) -> list[int]:
    return [row.recipient_id for page in mailjet.recipients(LIST_ID, offset=offset) for row in page]


def whole(mailjet: MailjetClient) -> list[int]:
    return [row.recipient_id for page in mailjet.read_all_recipients(LIST_ID) for row in page]


@pytest.mark.parametrize(
    ("size", "requests"),
    [(0, 1), (1, 1), (9, 1), (10, 2), (999, 2), (1000, 2), (1001, 2), (1999, 3), (2500, 4), (4000, 5)],
)
def test_a_series_ends_where_nothing_follows_its_last_row(size: int, requests: int) -> None:
    server = ChangingList(size)
    assert ids_of(client(server)) == list(range(1, size + 1))
    assert server.requests == requests


def test_each_page_begins_with_the_last_row_of_the_one_before() -> None:
    server = ChangingList(2500)
    ids_of(client(server))
    assert server.offsets == [0, 999, 1998, 2499]


def test_a_tail_is_read_from_its_offset_on() -> None:
    server = ChangingList(2500)
    assert ids_of(client(server), offset=2400) == list(range(2401, 2501))
    assert server.offsets == [2400, 2499]
    assert ids_of(client(server), offset=9000) == []


@pytest.mark.parametrize("left", [1, 900, 1001, 1200, 2500])
def test_a_tail_is_whole_or_incomplete_however_many_leave_in_front_of_it(left: int) -> None:
    server = ChangingList(4000, lambda self, number: self.ids.__delitem__(slice(0, left)) if number == 1 else None)
    if left > 1000:
        with pytest.raises(IncompleteDataError, match="disappeared before it"):
            ids_of(client(server), offset=1500)
    else:
        assert ids_of(client(server), offset=1500) == list(range(1501, 4001))


def test_pages_come_as_they_are_read() -> None:
    server = ChangingList(2500)
    pages = client(server).recipients(LIST_ID)
    assert len(next(pages)) == 1000
    assert server.requests == 1


def test_a_row_that_disappears_between_two_pages_costs_nobody_else() -> None:
    # By plain offsets the row behind the first page would never be seen.
    server = ChangingList(3500, lambda self, number: self.ids.remove(5) if number == 1 else None)
    assert ids_of(client(server)) == list(range(1, 3501))


def test_a_row_that_comes_in_between_brings_no_row_twice() -> None:
    server = ChangingList(2500, lambda self, number: self.ids.insert(0, 0) if number == 1 else None)
    assert ids_of(client(server)) == list(range(1, 2501))


def test_a_list_that_shrinks_to_nothing_ends() -> None:
    server = ChangingList(2500, lambda self, number: self.ids.clear() if number == 2 else None)
    assert ids_of(client(server)) == list(range(1, 2000))


@pytest.mark.parametrize("largest_page", [25, 500, 999])
def test_pages_shorter_than_asked_for_end_no_series(largest_page: int) -> None:
    server = ChangingList(2500, largest_page=largest_page)
    assert ids_of(client(server)) == list(range(1, 2501))


def test_a_list_that_is_counted_before_costs_no_request_more_than_its_pages() -> None:
    server = ChangingList(2500)
    assert whole(client(server)) == list(range(1, 2501))
    assert server.offsets == [0, 999, 1998]


@pytest.mark.parametrize(("size", "each"), [(24_000, 4), (100_000, 1), (100_000, 3), (100_000, 40)])
def test_people_who_leave_a_large_list_while_it_is_read_do_not_make_it_unreadable(size: int, each: int) -> None:
    # Whoever leaves stood on an early page: everything behind moves up.
    server = ChangingList(size, lambda self, number: self.ids.__delitem__(slice(0, 1)) if number % each == 0 else None)
    found = ids_of(client(server))
    assert len(found) == len(set(found))
    assert set(server.ids) <= set(found)
    assert server.requests <= size / 1000 * 1.1 + 4


def test_a_list_that_loses_a_hundred_people_between_two_pages_costs_a_few_pages_more() -> None:
    server = ChangingList(60_000, lambda self, _: self.ids.__delitem__(slice(0, 100)))
    found = ids_of(client(server))
    assert set(server.ids) <= set(found)
    assert server.requests <= 130


def test_a_list_that_never_stands_still_is_given_up() -> None:
    server = ChangingList(400_000, lambda self, number: self.ids.__delitem__(slice(0, 1200)))
    with pytest.raises(IncompleteDataError, match="kept disappearing"):
        ids_of(client(server))


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 3300),
    largest_page=st.sampled_from([1000, 1000, 700, 90]),
    changes=st.dictionaries(
        st.integers(1, 5),
        st.lists(st.tuples(st.sampled_from(["gone", "new"]), st.integers(0, 3300)), max_size=8),
        max_size=4,
    ),
)
def test_whoever_is_on_the_list_from_beginning_to_end_is_read_exactly_once(
    size: int, largest_page: int, changes: dict[int, list[tuple[str, int]]]
) -> None:
    gone: set[int] = set()

    def change(server: ChangingList, number: int) -> None:
        for kind, at in changes.get(number, ()):
            if kind == "new":
                server.ids.append(max([size, *server.ids]) + 1)
            elif at in server.ids:
                server.ids.remove(at)
                gone.add(at)

    server = ChangingList(size, change, largest_page)
    found = ids_of(client(server))
    assert len(found) == len(set(found))
    assert set(range(1, size + 1)) - gone <= set(found)


@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    size=st.integers(0, 12_000),
    largest_page=st.sampled_from([1000, 400]),
    leaving=st.integers(0, 60),
    coming=st.integers(0, 5),
    seed=st.integers(0, 2**32),
)
def test_a_busy_list_of_any_size_is_read_whole_in_proportion_to_its_size(
    size: int, largest_page: int, leaving: int, coming: int, seed: int
) -> None:
    chance = random.Random(seed)

    def change(server: ChangingList, _: int) -> None:
        for _ in range(chance.randint(0, leaving)):
            if server.ids:
                server.ids.pop(chance.randrange(len(server.ids)))
        server.grow(chance.randint(0, coming))

    server = ChangingList(size, change, largest_page)
    stayed = set(server.ids)
    found = ids_of(client(server))
    assert len(found) == len(set(found))
    assert stayed & set(server.ids) <= set(found)
    assert server.requests <= 30 + 2.5 * size / largest_page


def test_a_whole_list_is_counted_before_and_after() -> None:
    server = ChangingList(2500)
    assert whole(client(server)) == list(range(1, 2501))
    assert server.requests == 3 + 2


def test_a_whole_list_that_grew_at_its_end_is_accepted() -> None:
    server = ChangingList(2500, lambda self, number: self.ids.append(2501) if number == 2 else None)
    assert len(whole(client(server))) == 2501


def test_a_whole_list_whose_pages_lack_rows_is_incomplete() -> None:
    def short(request: httpx.Request) -> httpx.Response:
        if "countOnly" in request.url.params:
            return counted(30)
        return envelope([recipient_row(n, LIST_ID) for n in range(1, 30)])

    with pytest.raises(IncompleteDataError, match="29 rows were read, 30 were counted before and 30 after"):
        whole(client(short))


def test_a_whole_list_that_somebody_joined_and_somebody_left_is_no_incomplete_one() -> None:
    def change(server: ChangingList, number: int) -> None:
        if number == 3:
            server.ids.remove(7)
            server.grow(3)

    server = ChangingList(2500, change)
    found = whole(client(server))
    assert set(server.ids) - set(found) <= {2501, 2502, 2503}
    assert set(found) - set(server.ids) == {7}


@pytest.mark.long
def test_a_busy_list_of_a_million_is_read_whole_at_once() -> None:
    """Somebody leaves at every other page, from anywhere, and somebody comes at every third: thousands in an hour."""
    chance, size = random.Random(4), 1_000_000

    def change(server: ChangingList, number: int) -> None:
        if number % 2:
            server.ids.pop(chance.randrange(len(server.ids)))
        if number % 3 == 0:
            server.grow(1)

    server = ChangingList(size, change)
    stayed = set(server.ids)
    found = set(whole(client(server, limiter=InMemoryLimiter(1_000_000, VirtualClock(START)))))
    assert stayed & set(server.ids) <= found
    # A thousand pages at best.
    assert server.requests <= 2_500


def test_contacts_of_a_list_are_counted_by_contacts() -> None:
    server = ChangingList(0)
    assert list(client(server).read_all_contacts(LIST_ID)) == []
    assert server.requests == 3


def test_a_page_larger_than_the_largest_is_not_believed() -> None:
    def generous(request: httpx.Request) -> httpx.Response:
        return envelope([recipient_row(n, LIST_ID) for n in range(1, 1002)])

    with pytest.raises(IncompleteDataError, match="1001 rows on a page of 1000"):
        ids_of(client(generous))
