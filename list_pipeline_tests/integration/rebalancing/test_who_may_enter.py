"""Whom the queue of newcomers offers: the conditions in SQL, each beside somebody for whom it alone fails."""

from __future__ import annotations

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.storage.membership import queue
from list_pipeline_tests.integration.accounts import Installation

ONE, TWO, _ = CAMPAIGN_LISTS


def test_only_who_is_new_mailable_and_on_no_list_may_enter(small: Installation) -> None:
    master = small.account.lists.master
    new = [small.control.sign_up(f"new-{number}@example.org", master) for number in range(4)]
    stays, unsubscribed, excluded, suppressed_before = new
    taken_off = small.account.people[1]
    small.take_off(ONE, taken_off)
    small.control.unsubscribe(unsubscribed)
    small.exclude(excluded)
    small.query(
        "insert into contact_suppression_history (contact_id, email, suppressed_at, reason, added_to_suppression_list)"
        " values (1, 'NEW-3@example.org', now(), 'manual', true) returning 1"
    )
    membership_sync.sync(small.services)
    with small.services.database.begin() as connection:
        offered = {one.contact_id for one in queue.newcomers(connection, 100)}
        assert queue.count_newcomers(connection) == len(offered)
        assert queue.removed_among(connection, [taken_off, stays]) == {taken_off}
        assert queue.count_removed(connection) == 1
    assert offered == {stays, *small.account.ids(60, 61)}
    assert not offered & {unsubscribed, excluded, suppressed_before, taken_off}


def test_only_mailable_members_of_one_list_may_move(small: Installation) -> None:
    unsubscribed, excluded, on_two_lists, suppressed = (small.account.people[number] for number in (1, 2, 3, 4))
    small.control.unsubscribe(unsubscribed)
    small.exclude(excluded)
    small.put_on(TWO, on_two_lists)
    small.put_on(ListRole.SUPPRESSION, suppressed)
    membership_sync.sync(small.services)
    with small.services.database.begin() as connection:
        movable = {one.contact_id for one in queue.queue_ends(connection, ONE, 50, 50)}
    assert movable == small.account.ids(*range(20)) - {unsubscribed, excluded, on_two_lists, suppressed}
