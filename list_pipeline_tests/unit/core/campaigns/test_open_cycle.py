"""What the open cycle allows a contact."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole

ONE, TWO, THREE = CAMPAIGN_LISTS
SENT_TO_ONE = OpenCycle(7, frozenset({ONE}))

lists_of = st.frozensets(st.sampled_from(list(ListRole)))
cycles = st.builds(OpenCycle, st.just(7), st.frozensets(st.sampled_from(CAMPAIGN_LISTS)))


@pytest.mark.parametrize(
    ("lists", "received", "mails"),
    [
        ({ONE}, True, 1),
        ({ONE}, False, 0),
        ({TWO}, True, 2),
        ({TWO}, False, 1),
        ({TWO, THREE}, False, 2),
        ({ListRole.MASTER, ListRole.SUPPRESSION}, True, 1),
        (set(), False, 0),
    ],
)
def test_a_contact_gets_what_it_got_and_one_more_from_each_list_still_to_be_sent(
    lists: set[ListRole], received: bool, mails: int
) -> None:
    assert SENT_TO_ONE.mails(lists, received=received) == mails


@pytest.mark.parametrize(
    ("before", "after", "received", "allowed"),
    [
        # Moves: between lists of one state only, and only of who got what its list got.
        ({TWO}, {THREE}, False, True),
        ({TWO}, {ONE}, False, False),
        ({ONE}, {TWO}, True, False),
        # Put there by hand after it got the cycle: going on makes nothing better.
        ({TWO}, {THREE}, True, False),
        # Back onto a list: nobody gets it twice; who gets nothing either way may go.
        (set(), {TWO}, True, False),
        (set(), {TWO}, False, True),
        (set(), {ONE}, True, True),
        (set(), {ONE}, False, True),
        # Off one of two lists.
        ({TWO, THREE}, {THREE}, False, True),
        ({TWO, THREE}, {THREE}, True, True),
        ({ONE, TWO}, {TWO}, False, True),
    ],
)
def test_a_change_leaves_a_contact_with_one_mail_or_no_worse_off(
    before: set[ListRole], after: set[ListRole], received: bool, allowed: bool
) -> None:
    assert SENT_TO_ONE.allows(before, after, received=received) is allowed


@given(cycles, lists_of, lists_of, st.booleans())
def test_no_allowed_change_adds_a_second_mail_or_takes_the_only_one(
    cycle: OpenCycle, before: frozenset[ListRole], after: frozenset[ListRole], received: bool
) -> None:
    was, will_be = cycle.mails(before, received=received), cycle.mails(after, received=received)
    if cycle.allows(before, after, received=received):
        assert will_be <= max(1, was - 1)
        assert will_be >= min(1, was)
    if cycle.gives_one_mail(after, received=received):
        assert cycle.allows(before, after, received=received)


@given(lists_of, lists_of, st.booleans())
def test_without_an_open_cycle_nothing_is_restricted(
    before: frozenset[ListRole], after: frozenset[ListRole], received: bool
) -> None:
    assert OpenCycle().allows(before, after, received=received)
    assert OpenCycle().gives_one_mail(after, received=received)


@pytest.mark.parametrize(
    ("lists", "received", "once"),
    [
        ({TWO}, False, True),
        (set(), True, True),
        ({ONE}, True, True),
        ({TWO, THREE}, False, False),
        ({TWO}, True, False),
        ({ONE}, False, False),
        (set(), False, False),
    ],
)
def test_it_is_known_who_gets_an_open_cycle_exactly_once(lists: set[ListRole], received: bool, once: bool) -> None:
    assert SENT_TO_ONE.gives_one_mail(lists, received=received) is once


def test_open_cycles_can_be_kept_in_a_set() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    same = [OpenCycle(1, frozenset({CAMPAIGN_LISTS[0]}), began={CAMPAIGN_LISTS[0]: at}) for _ in range(2)]
    assert len(set(same)) == 1
