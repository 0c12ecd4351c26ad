"""The membership sync: full, incremental, by drift, weekly, and what it does with a Mailjet that answers badly."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError, TransientError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.membership.sync import FULL_SYNC_EVERY, sync
from list_pipeline_tests.integration.accounts import EARLIER_SUPPRESSED, LIST_SIZE, NEWCOMERS, Installation

EVERYBODY = 3 * LIST_SIZE + NEWCOMERS + EARLIER_SUPPRESSED
STORED = {
    "contacts": "select contact_id, email, in_master_list, in_campaign_list_1, in_campaign_list_2, in_campaign_list_3,"
    " in_suppression_list, is_unsubscribed, is_excluded, is_anonymised, queued_at from contact_list_membership order by 1",
    "places": "select list_role, contact_id, recipient_id, is_unsubscribed, left_at from list_membership order by 1, 2",
}


def stored(made: Installation) -> dict[str, object]:
    return {name: made.query(statement) for name, statement in STORED.items()}


def on_our_list(made: Installation, role: ListRole) -> set[int]:
    found = made.query(
        "select contact_id from list_membership where list_role = :role and left_at is null", role=role.value
    )
    return {row[0] for row in found}


def flags(made: Installation, contact_id: int) -> tuple[bool, bool, bool, bool, bool, bool]:
    """In master, in list 1, in list 2, in list 3, unsubscribed, excluded."""
    (found,) = made.query(
        "select in_master_list, in_campaign_list_1, in_campaign_list_2, in_campaign_list_3, is_unsubscribed, is_excluded"
        " from contact_list_membership where contact_id = :id",
        id=contact_id,
    )
    return found


def test_the_first_sync_reads_everything(new_here: Installation) -> None:
    report = sync(new_here.services)
    assert report.full_lists == list(ALL_LISTS)
    assert report.findings == []
    for role in ALL_LISTS:
        assert on_our_list(new_here, role) == new_here.members(role)
    contacts = new_here.query("select contact_id, email from contact_list_membership")
    assert len(contacts) == EVERYBODY
    assert {row[0]: row[1] for row in contacts} == {
        i: new_here.control.contact(i)["email"] for i in new_here.account.people.values()
    }
    excluded = new_here.query("select contact_id from contact_list_membership where is_excluded")
    assert {row[0] for row in excluded} == new_here.excluded()


def test_the_queue_is_in_the_order_in_which_people_first_subscribed(new_here: Installation) -> None:
    sync(new_here.services)
    found = new_here.query("select contact_id from contact_list_membership order by queued_at, contact_id")
    assert [row[0] for row in found] == [new_here.account.people[number] for number in range(EVERYBODY)]


def test_a_sync_with_nothing_new_takes_one_look_at_each_end_and_changes_nothing(small: Installation) -> None:
    before = stored(small)
    first = sync(small.services)
    second = sync(small.services)
    assert first.full_lists == second.full_lists == []
    assert first.rows_changed == second.rows_changed == 0
    # All sizes at once, a tail and the unsubscribed per list, the excluded: not a request per contact or page.
    assert first.requests == second.requests == 1 + 2 * len(ALL_LISTS) + 1
    assert stored(small) == before


@pytest.mark.parametrize("size", [1, 12])
def test_a_sync_with_nothing_new_costs_the_same_however_many_came_before(small: Installation, size: int) -> None:
    for number in range(size):
        small.control.sign_up(f"late-{number}@example.org", small.account.lists.master)
    sync(small.services)
    assert sync(small.services).requests == 1 + 2 * len(ALL_LISTS) + 1


def test_sign_ups_are_read_from_the_end_of_the_list(small: Installation) -> None:
    master, first = small.account.lists.master, small.account.lists.campaign_1
    new = [small.control.sign_up(f"new-{number}@example.org", master) for number in range(3)]
    small.control.sign_up("new-0@example.org", first)
    report = sync(small.services)
    assert report.full_lists == []
    assert report.tail_rows[ListRole.MASTER] == 3
    assert report.tail_rows[ListRole.CAMPAIGN_1] == 1
    assert flags(small, new[0]) == (True, True, False, False, False, False)
    assert flags(small, new[2]) == (True, False, False, False, False, False)


def test_more_sign_ups_than_are_read_one_by_one_are_all_known_afterwards(small: Installation) -> None:
    new = {small.control.sign_up(f"crowd-{n}@example.org", small.account.lists.master) for n in range(60)}
    report = sync(small.services)
    assert report.requests < 60
    known = {row[0] for row in small.query("select contact_id from contact_list_membership where in_master_list")}
    assert new <= known


def test_somebody_who_unsubscribed_from_one_list_is_unsubscribed_for_us(small: Installation) -> None:
    contact_id = small.account.people[3]
    small.control.unsubscribe(contact_id, small.account.lists.campaign_1)
    report = sync(small.services)
    assert report.full_lists == []
    assert flags(small, contact_id)[4] is True
    unsubscribed = small.query("select count(*) from contact_list_membership where is_unsubscribed")
    assert unsubscribed == [(1,)]


def test_somebody_who_subscribed_again_is_subscribed_for_us(small: Installation) -> None:
    contact_id = small.account.people[3]
    small.control.unsubscribe(contact_id, small.account.lists.campaign_1)
    sync(small.services)
    small.control.subscribe(small.control.contact(contact_id)["email"], small.account.lists.campaign_1)
    sync(small.services)
    assert flags(small, contact_id)[4] is False


def test_an_exclusion_and_its_lifting_are_followed(small: Installation) -> None:
    contact_id = small.account.people[5]
    small.exclude(contact_id)
    assert sync(small.services).full_lists == []
    assert flags(small, contact_id)[5] is True
    small.exclude(contact_id, False)
    sync(small.services)
    assert flags(small, contact_id)[5] is False


def test_a_removal_by_a_person_makes_that_list_alone_be_read_whole(small: Installation) -> None:
    contact_id = small.account.people[25]
    small.take_off(ListRole.CAMPAIGN_2, contact_id)
    report = sync(small.services)
    assert report.full_lists == [ListRole.CAMPAIGN_2]
    assert any("List 2" in finding and "1 fewer" in finding for finding in report.findings)
    assert on_our_list(small, ListRole.CAMPAIGN_2) == small.members(ListRole.CAMPAIGN_2)
    assert flags(small, contact_id) == (True, False, False, False, False, False)


def test_an_exchange_that_leaves_the_size_as_it_was_is_noticed(small: Installation) -> None:
    gone = small.account.people[20]
    small.take_off(ListRole.CAMPAIGN_2, gone)
    small.put_on(ListRole.CAMPAIGN_2, small.account.people[60])
    report = sync(small.services)
    assert report.full_lists == [ListRole.CAMPAIGN_2]
    assert on_our_list(small, ListRole.CAMPAIGN_2) == small.members(ListRole.CAMPAIGN_2)
    assert flags(small, gone)[2] is False


def test_every_list_is_read_whole_once_a_week(small: Installation) -> None:
    small.clock.advance(FULL_SYNC_EVERY - timedelta(seconds=60))
    assert sync(small.services).full_lists == []
    small.clock.advance(timedelta(seconds=61))
    assert sync(small.services).full_lists == list(ALL_LISTS)
    assert sync(small.services).full_lists == []


def test_a_contact_keeps_its_place_in_the_queue_when_it_is_put_on_a_list_again(small: Installation) -> None:
    contact_id = small.account.people[7]
    ((before,),) = small.query("select queued_at from contact_list_membership where contact_id = :id", id=contact_id)
    small.take_off(ListRole.CAMPAIGN_1, contact_id)
    sync(small.services)
    small.clock.advance(timedelta(days=2))
    small.put_on(ListRole.CAMPAIGN_1, contact_id)
    sync(small.services)
    ((after,),) = small.query("select queued_at from contact_list_membership where contact_id = :id", id=contact_id)
    ((subscribed,),) = small.query(
        "select subscribed_at from list_membership where contact_id = :id and list_role = 'campaign_1'", id=contact_id
    )
    assert after == before
    assert subscribed > before


def test_a_row_of_somebody_who_left_is_kept_with_the_time(small: Installation) -> None:
    contact_id = small.account.people[7]
    small.take_off(ListRole.CAMPAIGN_1, contact_id)
    sync(small.services)
    ((left_at,),) = small.query(
        "select left_at from list_membership where contact_id = :id and list_role = 'campaign_1'", id=contact_id
    )
    assert left_at is not None
    assert abs(left_at - small.clock.now()) < timedelta(minutes=1)


def test_a_page_that_is_cut_short_every_time_merges_nothing(new_here: Installation) -> None:
    new_here.control.add_fault("short_page", path="/listrecipient$", rows=1, count=None)
    with pytest.raises(IncompleteDataError):
        sync(new_here.services)
    assert stored(new_here) == {"contacts": [], "places": []}
    assert new_here.query("select count(*) from sync_state") == [(0,)]


def test_a_page_that_is_cut_short_once_is_read_again(new_here: Installation) -> None:
    # The first request counts, the second is the page.
    new_here.control.add_fault("short_page", path="/listrecipient$", rows=3, nth=2, count=1)
    report = sync(new_here.services)
    assert report.full_lists == list(ALL_LISTS)
    for role in ALL_LISTS:
        assert on_our_list(new_here, role) == new_here.members(role)


def test_a_tail_that_is_cut_short_does_not_pass_for_contacts_who_left(small: Installation) -> None:
    before = stored(small)
    small.control.add_fault("short_page", path="/listrecipient$", rows=1, nth=1, count=1)
    report = sync(small.services)
    assert report.full_lists == [ListRole.MASTER]
    assert stored(small) == before


def test_unsubscribed_members_on_a_page_that_is_cut_short_are_not_taken_for_subscribed(small: Installation) -> None:
    for number in (1, 2, 3):
        small.control.unsubscribe(small.account.people[number], small.account.lists.campaign_1)
    sync(small.services)
    small.control.unsubscribe(small.account.people[4], small.account.lists.campaign_1)
    # Size, five tails, then per list a count; list 1's is the second and its page the third of these.
    small.control.add_fault("short_page", path="/listrecipient$", rows=3, nth=5 + 3, count=1)
    with contextlib.suppress(IncompleteDataError):
        sync(small.services)
    assert [flags(small, small.account.people[number])[4] for number in (1, 2, 3)] == [True] * 3


def test_excluded_contacts_on_a_page_that_is_cut_short_are_not_taken_for_mailable(small: Installation) -> None:
    small.exclude(small.account.people[3])
    # The first request counts them, the second is the page; 62 and 63 were excluded long ago.
    small.control.add_fault("short_page", path="/contact$", rows=2, nth=2, count=1)
    with contextlib.suppress(IncompleteDataError):
        sync(small.services)
    assert [flags(small, small.account.people[number])[5] for number in (62, 63)] == [True] * 2


@pytest.mark.parametrize("nth", [2, 5, 9, 12])
def test_mailjet_going_down_in_the_middle_leaves_no_list_half_merged(new_here: Installation, nth: int) -> None:
    new_here.control.add_fault("status", path="/v3/", status=503, nth=nth, count=None)
    with pytest.raises(TransientError):
        sync(new_here.services)
    for role in ALL_LISTS:
        assert on_our_list(new_here, role) in (set(), new_here.members(role))
    assert new_here.query("select count(*) from sync_state") == [(0,)]
    new_here.control.clear_faults()
    new_here.clock.advance(timedelta(minutes=10))
    assert sync(new_here.another()).full_lists == list(ALL_LISTS)


def test_a_sync_survives_a_request_that_fails_once(new_here: Installation) -> None:
    new_here.control.add_fault("status", path="/listrecipient$", status=500, nth=2, count=1)
    new_here.control.add_fault("drop_after", path="/contact$", nth=1, count=1)
    assert sync(new_here.services).full_lists == list(ALL_LISTS)


@pytest.mark.parametrize(
    ("setting", "role"),
    [
        ("mailjet_master_list_id", "Master list"),
        ("mailjet_campaign_list_2_id", "List 2"),
        ("mailjet_suppression_list_id", "Suppression list"),
    ],
)
def test_a_list_that_does_not_exist_is_named_with_its_variable(new_here: Installation, setting: str, role: str) -> None:
    with pytest.raises(RemoteNotFoundError) as caught:
        sync(new_here.another(**{setting: 99}))
    assert setting.upper() in str(caught.value)
    assert role in str(caught.value)
    assert stored(new_here) == {"contacts": [], "places": []}


def test_what_a_sync_did_is_kept(small: Installation) -> None:
    small.control.sign_up("new@example.org", small.account.lists.master)
    report = sync(small.services)
    (row,) = small.query(
        "select requests, rows_read, rows_changed, full_lists, findings from sync_run order by sync_run_id desc limit 1"
    )
    assert row == (report.requests, report.rows_read, report.rows_changed, [], report.findings)
    assert report.rows_changed >= 2


def test_contacts_in_two_campaign_lists_are_reported_and_left_alone(seeded: Installation) -> None:
    (twice,) = seeded.control.answers()["in_two_lists"]
    before = seeded.control.digest()
    report = sync(seeded.services)
    assert any("two campaign lists" in finding and str(twice) in finding for finding in report.findings)
    assert seeded.control.digest() == before


def test_anonymised_contacts_are_marked_so_that_nothing_is_done_to_them(seeded: Installation) -> None:
    ghosts = seeded.control.answers()["ghost_newcomer"]
    marked = seeded.query("select contact_id from contact_list_membership where is_anonymised order by contact_id")
    assert [row[0] for row in marked] == ghosts


def test_a_contact_that_is_unknown_to_us_is_read_and_inserted(new_here: Installation) -> None:
    contact_id = new_here.account.people[9]
    assert membership_sync.learn_contacts(new_here.services, [contact_id]) == []
    assert new_here.query("select contact_id from contact_list_membership") == [(contact_id,)]
    assert membership_sync.learn_contacts(new_here.services, [contact_id, 1]) == [
        "Contact 1 stands in a list and does not exist at Mailjet"
    ]
