"""Right before lists are changed it is looked at whether the contacts themselves are unsubscribed or excluded, since equal
numbers can hide an exchange: by place, in as few requests as can tell, and with the result of reading all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from list_pipeline.operations.membership.sync import refresh_contacts, sync
from list_pipeline_tests.integration.accounts import Installation

PLACES = "select contact_id, list_role, is_unsubscribed from list_membership where contact_id = any(:ids) order by 1, 2"
FLAGS = "select contact_id, is_unsubscribed, is_excluded from contact_list_membership where contact_id = any(:ids) order by 1"
NUMBERS = st.integers(1, 19)
Exchange = Callable[[Installation, int, int], None]
ALL_BY_NUMBER = 12
"""Requests of a sync that finds all numbers as they were: the sizes, two a list, and the number of excluded ones."""


def standing(made: Installation, ids: list[int]) -> list[object]:
    return [*made.query(PLACES, ids=ids), *made.query(FLAGS, ids=ids)]


def address(made: Installation, contact_id: int) -> str:
    return str(made.control.contact(contact_id)["email"])


def exchange_unsubscribed(made: Installation, again: int, instead: int) -> None:
    made.control.subscribe(address(made, again), made.account.lists.campaign_1)
    made.control.unsubscribe(instead, made.account.lists.campaign_1)


def exchange_excluded(made: Installation, again: int, instead: int) -> None:
    for contact_id, value in ((again, False), (instead, True)):
        if (contact_id in made.excluded()) is not value:
            made.exclude(contact_id, value)


@pytest.fixture
def numbered(small: Installation) -> Installation:
    """Three people are unsubscribed from list 1, and three others are excluded, as our rows know."""
    for number in (2, 4, 6):
        small.control.unsubscribe(small.account.people[number], small.account.lists.campaign_1)
    for number in (3, 5, 7):
        small.exclude(small.account.people[number])
    sync(small.services)
    return small


@pytest.mark.parametrize(("exchange", "again", "instead"), [(exchange_unsubscribed, 4, 8), (exchange_excluded, 5, 9)])
@pytest.mark.parametrize("asked", [(8, 9), (4, 5), (4, 5, 8, 9), (1, 4, 5, 8, 9, 10, 21, 41)])
def test_an_exchange_that_leaves_the_number_as_it_was_is_seen_of_those_who_are_asked_about(
    numbered: Installation,
    exchange: Callable[[Installation, int, int], None],
    again: int,
    instead: int,
    asked: tuple[int, ...],
) -> None:
    people = numbered.account.people
    exchange(numbered, people[again], people[instead])
    sync(numbered.services)
    ids = [people[number] for number in asked]
    unseen = standing(numbered, ids)
    report = refresh_contacts(numbered.services, ids)
    seen = standing(numbered, ids)
    assert report.rows_changed >= 1
    sync(numbered.services, thorough=True)
    assert standing(numbered, ids) == seen != unseen


def test_few_contacts_cost_a_request_for_each_list_with_unsubscribed_ones_and_one_for_the_excluded(
    numbered: Installation,
) -> None:
    before = numbered.services.mailjet.requests_made
    refresh_contacts(numbered.services, [numbered.account.people[4], numbered.account.people[8]])
    assert numbered.services.mailjet.requests_made - before == ALL_BY_NUMBER + 2


def test_nobody_is_read_where_nobody_is_asked_about(numbered: Installation) -> None:
    before = numbered.services.mailjet.requests_made
    refresh_contacts(numbered.services, [])
    assert numbered.services.mailjet.requests_made - before == ALL_BY_NUMBER


@pytest.mark.parametrize("path", ["/listrecipient$", "/contact$"])
def test_a_page_that_is_cut_short_takes_nobody_for_subscribed_or_included(numbered: Installation, path: str) -> None:
    ids = [numbered.account.people[number] for number in (2, 3, 4, 5, 6, 7, 8, 9)]
    before = standing(numbered, ids)
    # Behind the requests that count: the first page by place, and what is read after it.
    for nth in range(1, 5 * 2 + 4):
        numbered.control.add_fault("short_page", path=path, rows=2, nth=nth, count=1)
        refresh_contacts(numbered.services, ids)
        numbered.control.clear_faults()
        assert standing(numbered, ids) == before, nth


def test_a_row_that_cannot_be_read_takes_nobody_for_subscribed(numbered: Installation) -> None:
    ids = [numbered.account.people[number] for number in (2, 4, 6, 8)]
    before = standing(numbered, ids)
    numbered.control.add_fault(
        "poisoned_row",
        path="/listrecipient$",
        contact=numbered.account.people[4],
        field="ContactID",
        value="x",
        count=None,
    )
    refresh_contacts(numbered.services, ids)
    assert standing(numbered, ids) == before


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    exchanges=st.lists(
        st.tuples(st.sampled_from([exchange_unsubscribed, exchange_excluded]), NUMBERS, NUMBERS), min_size=1, max_size=3
    ),
    asked=st.sets(NUMBERS, min_size=1, max_size=8),
)
def test_what_is_found_by_place_is_what_reading_all_of_them_finds(
    numbered: Installation, exchanges: list[tuple[Exchange, int, int]], asked: set[int]
) -> None:
    people = numbered.account.people
    for exchange, again, instead in exchanges:
        exchange(numbered, people[again], people[instead])
    ids = [people[number] for number in sorted(asked)]
    refresh_contacts(numbered.services, ids)
    seen = standing(numbered, ids)
    sync(numbered.services, thorough=True)
    assert standing(numbered, ids) == seen
