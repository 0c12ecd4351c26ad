"""Readings of long lists that are interrupted, limited and changed meanwhile: they go on, and end with what Mailjet has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.membership import list_reading
from list_pipeline.operations.membership.sync import FULL_SYNC_EVERY, SyncReport, sync
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Account, Installation, Killed
from list_pipeline_tests.integration.conftest import Install

PAGE = 50
"""Entries on a page here, so that a list of a thousand has as many pages as one of twenty thousand has at Mailjet."""


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_reading, "PAGE", PAGE)
    monkeypatch.setattr(list_reading, "MERGE_EVERY", 5 * PAGE)
    monkeypatch.setattr(list_reading, "LONG_LIST", 10 * PAGE)


@pytest.fixture
def unread(install: Install, with_traps: Account, migrated: str) -> Iterator[Installation]:
    """Three thousand contacts of whom nothing is known yet."""
    with install(with_traps, migrated) as made:
        made.control.set_switches(largest_page=PAGE)
        yield made


@pytest.fixture
def known(seeded: Installation) -> Installation:
    """Three thousand contacts who are known."""
    seeded.control.set_switches(largest_page=PAGE)
    return seeded


def contacts(made: Installation) -> list[tuple[object, ...]]:
    return made.query(
        "select contact_id, email, in_master_list, in_campaign_list_1, in_campaign_list_2, in_campaign_list_3,"
        " in_suppression_list, is_unsubscribed, is_excluded, is_anonymised, queued_at"
        " from contact_list_membership order by 1"
    )


def on_our_list(made: Installation, role: ListRole) -> set[int]:
    found = made.query(
        "select contact_id from list_membership where list_role = :role and left_at is null", role=role.value
    )
    return {row[0] for row in found}


def requests_made(made: Installation) -> int:
    ((found,),) = made.query("select count(*) from mailjet_request")
    return int(found)


def stopping(services: Services, is_over: Callable[[], bool]) -> Services:
    """Services whose process dies at the first request after something happened."""

    def beat() -> None:
        if is_over():
            raise Killed

    services.heartbeat = beat
    return services


def sync_in_runs_of(made: Installation, minutes: float, most: int, **settings: int) -> tuple[SyncReport, int]:
    """Sync in runs that are killed after some minutes; the report of the one that ended, and how many were killed."""
    for killed in range(most + 1):
        until: datetime = made.clock.now() + timedelta(minutes=minutes)
        services = stopping(made.another(**settings), lambda until=until: made.clock.now() >= until)
        try:
            return sync(services), killed
        except Killed:
            continue
    raise AssertionError(f"it did not come to its end in {most} runs of {minutes:g} minutes")


def test_a_first_reading_at_a_fifth_of_the_configured_rate_ends_although_its_runs_are_cut(
    unread: Installation, seeded: Installation
) -> None:
    unread.control.set_switches(rate_limit_per_minute=60)
    report, killed = sync_in_runs_of(unread, 1.5, 8, mailjet_requests_per_minute=300)
    assert killed >= 2
    assert report.full_lists == list(ALL_LISTS)
    # As if it had been read at once, down to everybody's place in the queue.
    assert contacts(unread) == contacts(seeded)
    for role in ALL_LISTS:
        assert on_our_list(unread, role) == unread.members(role)
    assert sync(unread.services).full_lists == []


def test_a_first_reading_goes_on_without_those_who_left_while_nobody_read(unread: Installation) -> None:
    half_way = 100
    with pytest.raises(Killed):
        sync(stopping(unread.another(), lambda: requests_made(unread) >= half_way))
    merged = {role: on_our_list(unread, role) for role in ALL_LISTS}
    assert merged[ListRole.MASTER]
    for contact_id in sorted(merged[ListRole.MASTER])[10:700:500]:
        unread.take_off(ListRole.MASTER, contact_id)
    unread.control.sign_up("came-meanwhile@example.org", unread.account.lists.master)
    report = sync(unread.services)
    assert report.left == {ListRole.MASTER: 2}
    for role in ALL_LISTS:
        assert on_our_list(unread, role) == unread.members(role)
    # Entries of all lists and contacts of master once, two who left looked for, and nothing that was merged read again.
    pages = (sum(len(unread.members(role)) for role in ALL_LISTS) + len(unread.members(ListRole.MASTER))) // PAGE
    assert requests_made(unread) <= pages + 60


@pytest.mark.parametrize("place", [0, 1, PAGE, 700, -2, -1])
def test_who_left_a_long_list_is_found_without_reading_it_whole(known: Installation, place: int) -> None:
    role = ListRole.CAMPAIGN_1
    order = known.query(
        "select contact_id from list_membership where list_role = 'campaign_1' and left_at is null order by recipient_id"
    )
    gone = order[place][0]
    known.take_off(role, gone)
    known.put_on(role, sorted(known.members(ListRole.MASTER) - known.members(role))[0])
    report = sync(known.services)
    assert report.full_lists == []
    assert report.left == {role: 1}
    assert on_our_list(known, role) == known.members(role)
    # The quiet sync's twelve, a page for each binary digit of the number of pages, and what stood around.
    assert report.requests <= 12 + 6 + 8


@pytest.mark.parametrize("number", [8, 9])
def test_who_leaves_while_those_who_left_are_looked_for_costs_nobody_else_the_place(
    known: Installation, number: int
) -> None:
    # So many requests later the bisection is at its end, and the page that tells who is gone comes next.
    role, services = ListRole.CAMPAIGN_1, known.another()
    order = [
        row[0]
        for row in known.query(
            "select contact_id from list_membership where list_role = 'campaign_1' and left_at is null"
            " order by recipient_id"
        )
    ]
    known.take_off(role, order[700])
    left, before = [order[5]], requests_made(known)

    def beat() -> None:
        if left and requests_made(known) >= before + number:
            known.take_off(role, left.pop())

    services.heartbeat = beat
    sync(services)
    assert not left
    assert on_our_list(known, role) >= known.members(role)
    sync(known.services)
    assert on_our_list(known, role) == known.members(role)


def test_a_list_that_many_left_is_read_whole(known: Installation) -> None:
    role = ListRole.CAMPAIGN_2
    for contact_id in sorted(known.members(role))[::40]:
        known.take_off(role, contact_id)
    report = sync(known.services)
    assert report.full_lists == [role]
    assert on_our_list(known, role) == known.members(role)


def test_a_list_that_holds_somebody_between_ours_is_read_whole(known: Installation) -> None:
    role = ListRole.CAMPAIGN_3
    known.query(
        "delete from list_membership where list_role = 'campaign_3' and contact_id ="
        " (select contact_id from list_membership where list_role = 'campaign_3' and left_at is null"
        "  order by recipient_id offset 300 limit 1) returning 1"
    )
    report = sync(known.services)
    assert report.full_lists == [role]
    assert on_our_list(known, role) == known.members(role)


def test_weekly_readings_that_were_interrupted_go_on_with_the_next_list(known: Installation) -> None:
    known.clock.advance(FULL_SYNC_EVERY + timedelta(minutes=1))
    services, due = known.another(), [*CAMPAIGN_LISTS[1:], ListRole.SUPPRESSION]

    def is_list_1_read() -> bool:
        found = known.query(
            "select 1 from sync_state where list_role = 'campaign_1' and last_full_sync_at > :since",
            since=known.clock.now() - timedelta(hours=1),
        )
        return bool(found)

    with pytest.raises(Killed):
        sync(stopping(services, is_list_1_read))
    assert sync(known.services).full_lists == due


def test_who_was_found_by_another_sync_while_a_list_was_read_whole_stays(known: Installation) -> None:
    role, services, came = ListRole.MASTER, known.another(), list[int]()
    pages = len(known.members(role)) // PAGE
    before = requests_made(known)

    def beat() -> None:
        # The entries are read, the contacts not yet.
        if not came and requests_made(known) >= before + pages + 20:
            came.append(known.control.sign_up("came-meanwhile@example.org", known.account.lists.master))
            sync(known.services)
            assert came[0] in on_our_list(known, role)

    services.heartbeat = beat
    assert sync(services, full=True).full_lists == list(ALL_LISTS)
    assert on_our_list(known, role) == known.members(role)
