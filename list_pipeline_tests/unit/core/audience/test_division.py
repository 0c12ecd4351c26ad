"""Dividing a new audience: contiguous ranges in the order of the queue, lists as even as whole contacts allow, and the days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.audience.division import (
    Batch,
    FirstMail,
    Range,
    ScheduledRound,
    divide,
    first_mails,
    items_of,
    pause_in_days,
    ranges_of,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.rebalancing.balance import Sizes, best_deviation, deviation

ONE, TWO, THREE = CAMPAIGN_LISTS
START = date(2026, 12, 1)
SIZES = st.tuples(*(st.integers(0, 3000) for _ in CAMPAIGN_LISTS))
SMALL = st.tuples(*(st.integers(0, 12) for _ in CAMPAIGN_LISTS))
SOME_LISTS = st.frozensets(st.sampled_from(CAMPAIGN_LISTS))


def no_worse(sizes: Sizes, before: Sizes) -> bool:
    """Whether sizes are no less even than those before, or as even as whole contacts allow."""
    after, was, best = deviation(sizes), deviation(before), best_deviation(sum(sizes))
    return after is None or best is None or after <= max(best, was or 0)


@given(SIZES, st.integers(0, 5000), SOME_LISTS)
def test_ranges_are_contiguous_in_the_order_of_the_lists_and_lead_to_the_sizes(
    sizes: Sizes, newcomers: int, joinable: frozenset[ListRole]
) -> None:
    found = divide(sizes, newcomers, joinable)
    assert found.sizes == sizes
    assert found.contacts + found.waiting == newcomers
    places = [place for one in found.ranges for place in range(one.first, one.last + 1)]
    assert places == list(range(1, found.contacts + 1))
    assert [one.number for one in found.ranges] == list(range(1, len(found.ranges) + 1))
    roles = [one.role for one in found.ranges]
    assert roles == sorted(roles, key=CAMPAIGN_LISTS.index)
    assert joinable.issuperset(roles)
    joined = {one.role: one.contacts for one in found.ranges}
    assert [size + joined.get(role, 0) for role, size in zip(CAMPAIGN_LISTS, sizes, strict=True)] == [
        *found.target_sizes
    ]


@given(SIZES, st.integers(0, 5000))
def test_with_every_list_open_everybody_joins_and_the_lists_are_never_less_even(sizes: Sizes, newcomers: int) -> None:
    found = divide(sizes, newcomers)
    assert found.waiting == 0
    assert no_worse(found.target_sizes, sizes)
    if max(found.target_sizes) > max(sizes):
        assert max(found.target_sizes) - min(found.target_sizes) <= 1


@given(SMALL, st.integers(0, 9), SOME_LISTS)
def test_no_other_division_is_more_even_and_no_larger_one_is_as_even(
    sizes: Sizes, newcomers: int, joinable: frozenset[ListRole]
) -> None:
    found = divide(sizes, newcomers, joinable)

    def divisions(count: int) -> list[Sizes]:
        """All ways to let so many join."""
        return [
            (sizes[0] + a, sizes[1] + b, sizes[2] + c)
            for a, b, c in product(*(range(count + 1) if role in joinable else (0,) for role in CAMPAIGN_LISTS))
            if a + b + c == count
        ]

    assert (deviation(found.target_sizes) or 0) == min(deviation(one) or 0 for one in divisions(found.contacts))
    assert no_worse(found.target_sizes, sizes)
    known = [deviation(one) or 0 for n in range(newcomers + 1) for one in divisions(n)]
    for more in range(found.contacts + 1, newcomers + 1):
        for one in divisions(more):
            assert (deviation(one) or 0) > max(min(known), best_deviation(sum(one)) or 0)


def test_of_three_empty_lists_one_alone_is_not_filled() -> None:
    found = divide((0, 0, 0), 2, frozenset({ONE}))
    assert (found.target_sizes, found.waiting) == ((1, 0, 0), 1)


def test_the_oldest_go_to_the_earliest_list() -> None:
    found = divide((1000, 1000, 1000), 1200)
    assert [(one.places, one.role) for one in found.ranges] == [("1-400", ONE), ("401-800", TWO), ("801-1200", THREE)]
    queue = [9_000 - place for place in range(1200)]
    items = {item.contact_id: item for item in items_of(found, queue)}
    assert len(items) == 1200
    assert [items[contact_id].to_role for contact_id in queue] == [*[ONE] * 400, *[TWO] * 400, *[THREE] * 400]
    assert {item.action for item in items.values()} == {ItemAction.ENROL}


def test_a_short_list_gets_more_and_a_long_one_nobody() -> None:
    found = divide((500, 1000, 900), 300)
    assert [(one.places, one.role) for one in found.ranges] == [("1-300", ONE)]
    assert found.target_sizes == (800, 1000, 900)


def test_a_list_that_cannot_be_joined_lets_the_youngest_wait() -> None:
    found = divide((1000, 900, 900), 600, {TWO, THREE})
    assert found.target_sizes == (1000, 1001, 1001)
    assert [(one.places, one.role) for one in found.ranges] == [("1-101", TWO), ("102-202", THREE)]
    assert found.waiting == 398


def test_nobody_joins_where_no_list_may_be_joined() -> None:
    found = divide((10, 10, 10), 5, ())
    assert (found.ranges, found.waiting, found.target_sizes) == ((), 5, (10, 10, 10))


def test_a_shorter_queue_than_was_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="2 contacts are queued, 3 are divided"):
        items_of(divide((1, 1, 1), 3), [1, 2])
    with pytest.raises(ValueError, match="no range"):
        Range(1, ONE, 3, 2)
    with pytest.raises(ValueError, match="negative"):
        divide((1, 1, 1), -1)


def test_what_a_person_left_is_counted_anew() -> None:
    assert [(one.number, one.role, one.places) for one in ranges_of({THREE: 2, ONE: 1})] == [
        (1, ONE, "1-1"),
        (2, THREE, "2-3"),
    ]


def at(day: int, hour: int = 8) -> ScheduledRound:
    return ScheduledRound(day, f"2026-12-{day:02}-r1-7", datetime(2026, 12, day, hour, tzinfo=UTC))


def test_first_mails_are_those_scheduled_and_a_pause_after_the_round_before() -> None:
    found = first_mails({TWO: at(5)}, START, 3)
    assert {role: (one.on.day, one.campaign is None) for role, one in found.items()} == {
        ONE: (1, True),
        TWO: (5, False),
        THREE: (8, True),
    }
    assert "as scheduled at Mailjet (2026-12-05-r1-7)" in found[TWO].words
    assert "proposed for 2026-12-08" in found[THREE].words


def test_in_an_open_cycle_days_follow_its_last_round_and_never_lie_before_the_first_day() -> None:
    found = first_mails({}, START, 7, sent={ONE}, last_sent_on=date(2026, 11, 28))
    assert {role: one.on for role, one in found.items()} == {TWO: date(2026, 12, 5), THREE: date(2026, 12, 12)}
    late = first_mails({}, START, 7, sent={ONE}, last_sent_on=date(2026, 11, 1))
    assert late[TWO].on == START


def test_the_pause_is_the_usual_one_in_whole_days() -> None:
    assert pause_in_days(timedelta(days=2, hours=23)) == 3
    assert pause_in_days(timedelta(hours=2)) == 1
    assert pause_in_days(None) == 7


def test_a_range_says_what_it_is() -> None:
    batch = Batch(Range(1, ONE, 1, 400), FirstMail(START), enrolled=398)
    assert batch.words == (
        "1-400 (400 contacts) join List 1 (398 enrolled), first mail proposed for 2026-12-01: no campaign is scheduled for "
        "this list"
    )
