"""Who left a long list is found by bisection while others leave and join: nobody is taken for gone who is there."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from list_pipeline.operations.membership import list_reading
from list_pipeline.operations.membership.list_reading import entries_gone

PAGE = 50


@pytest.fixture(autouse=True, scope="module")
def short_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_reading, "PAGE", PAGE)
        yield


class MovingList:
    """A list whose entries leave and come between two requests."""

    def __init__(self, size: int, seed: int, *, leaving: float, coming: float, largest_page: int = PAGE) -> None:
        self.ids = list(range(1, size + 1))
        self.chance = random.Random(seed)
        self.largest_page, self._leaving, self._coming, self._next = largest_page, leaving, coming, size + 1
        self.requests = 0
        self.short_of: set[int] = set()
        """Rows that answers lack."""

    def read_page(self, offset: int) -> list[int]:
        rows = self.ids[offset : offset + self.largest_page]
        self.requests += 1
        if self.ids and self.chance.random() < self._leaving:
            self.ids.pop(self.chance.randrange(len(self.ids)))
        if self.chance.random() < self._coming:
            self.ids.append(self._next)
            self._next += 1
        return [row for row in rows if row not in self.short_of]


def leave(server: MovingList, count: int) -> set[int]:
    gone = set(server.chance.sample(server.ids, count))
    server.ids = [one for one in server.ids if one not in gone]
    return gone


@settings(max_examples=150, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    size=st.integers(0, 3000),
    before=st.integers(0, 4),
    leaving=st.sampled_from([0.0, 0.05, 0.15]),
    coming=st.sampled_from([0.0, 0.3]),
    largest_page=st.sampled_from([PAGE, PAGE, PAGE // 2, 1]),
    seed=st.integers(0, 2**32),
)
def test_nobody_is_taken_for_gone_who_is_there(
    size: int, before: int, leaving: float, coming: float, largest_page: int, seed: int
) -> None:
    server = MovingList(size, seed, leaving=leaving, coming=coming, largest_page=largest_page)
    ours = list(server.ids)
    gone_before = leave(server, min(before, size))
    found = entries_gone(ours, server.read_page)
    if found is not None:
        assert not set(found) & set(server.ids)
        assert gone_before <= set(found)
        assert len(found) == len(set(found))
    assert server.requests <= size // PAGE // 2 + 20


@pytest.mark.parametrize("seed", range(10))
def test_few_who_leave_a_long_list_are_found_although_others_leave_meanwhile(seed: int) -> None:
    server = MovingList(50_000, seed, leaving=0.02, coming=0.1)
    ours = list(server.ids)
    gone_before = leave(server, 3)
    found = entries_gone(ours, server.read_page)
    assert found is not None
    assert gone_before <= set(found)
    assert not set(found) & set(server.ids)


def test_a_page_that_lacks_rows_of_its_middle_makes_nobody_gone() -> None:
    server = MovingList(3000, 1, leaving=0, coming=0)
    ours = list(server.ids)
    leave(server, 1)
    server.short_of = set(server.ids[1::7])
    assert entries_gone(ours, server.read_page) is None


def test_an_entry_among_ours_that_we_do_not_know_proves_nothing() -> None:
    server = MovingList(3000, 1, leaving=0, coming=0)
    ours = [one for one in server.ids if one != 700]
    server.ids.remove(2000)
    server.ids.remove(2001)
    assert entries_gone(ours, server.read_page) is None
