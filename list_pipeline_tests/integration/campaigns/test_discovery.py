"""Finding sends at Mailjet: new, known and foreign ones, cycles, and who was mailed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.services import Services
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline_tests.integration.accounts import Installation, plain_client, quietly


def schedule(made: Installation) -> list[tuple[object, ...]]:
    return made.query(
        "select s.mailjet_campaign_id, s.round_number, c.number, s.status from campaign_schedule s"
        " left join cycle c using (cycle_id) order by s.send_start_at"
    )


def ignored(made: Installation) -> list[tuple[object, ...]]:
    return made.query("select mailjet_campaign_id, reason from ignored_send order by 1")


def recipients(made: Installation, mailjet_campaign_id: int) -> set[int]:
    found = made.query(
        "select r.contact_id from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id"
        " where s.mailjet_campaign_id = :id",
        id=mailjet_campaign_id,
    )
    return {row[0] for row in found}


def mailed(made: Installation, mailjet_campaign_id: int) -> set[int]:
    (entry,) = made.control.ledger(mailjet_campaign_id)
    return set(entry["contact_ids"])


def test_sends_become_campaigns_with_round_cycle_and_partition_key(new_here: Installation) -> None:
    found = discover(new_here.services)
    ids = new_here.account.campaigns
    assert schedule(new_here) == [
        (ids[0], 1, 1, "SENT"),
        (ids[1], 2, 1, "SENT"),
        (ids[2], 3, 1, "SENT"),
        (ids[3], 1, 2, "SENT"),
        (ids[4], 2, 2, "SENT"),
        (ids[5], 3, 2, "SENT"),
    ]
    assert found.new[-1] == f"2026-11-14-r3-{ids[5]}"
    assert (found.known, found.ignored, found.alerts) == (0, [], [])
    closed = new_here.query("select number, closed_reason from cycle order by number")
    assert closed == [(1, "complete"), (2, "complete")]


def test_two_who_look_at_the_same_time_find_each_send_once(new_here: Installation) -> None:
    ready = threading.Barrier(2)

    def look(services: Services) -> int:
        ready.wait(10)
        return len(discover(services).new)

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(look, (new_here.services, new_here.another())))

    assert found == [0, len(schedule(new_here))]


def test_looking_again_finds_nothing_new_and_costs_one_request(new_here: Installation) -> None:
    discover(new_here.services)
    before = schedule(new_here)
    new_here.control.reset_requests()
    again = discover(new_here.services)
    assert (again.new, again.known) == ([], 6)
    assert schedule(new_here) == before
    assert new_here.control.requests() == {"GET campaign": 1}


def test_a_send_to_a_list_that_is_none_of_ours_is_never_taken_for_a_round(small: Installation) -> None:
    with plain_client(small.server) as http:
        other = http.post("/contactslist", json={"Name": "Partners"}).json()["Data"][0]["ID"]
    small.control.sign_up("partner@example.org", other)
    foreign = small.control.send(other, "Partner letter", profile="clean")
    to_master = small.control.send(small.account.lists.master, "To everybody", profile="clean")
    small.clock.advance(timedelta(hours=25))
    before = schedule(small)
    found = discover(small.services)
    assert found.new == []
    assert schedule(small) == before
    assert ignored(small) == [(foreign, "list_not_ours"), (to_master, "list_not_ours")]
    assert len(found.ignored) == 2
    assert discover(small.services).ignored == []  # said once


def test_a_send_to_a_segment_is_noted_and_opens_no_cycle(small: Installation) -> None:
    partly = small.control.send(small.account.lists.campaign_1, "To some", profile="clean")
    small.server.account.store.execute("UPDATE campaign SET segmentation_id = 5 WHERE id = ?", (partly,))
    before = schedule(small)
    assert "segment" in discover(small.services).ignored[0]
    assert schedule(small) == before
    assert ignored(small) == [(partly, "segment")]


def test_a_campaign_deleted_at_mailjet_before_we_saw_it_is_none_of_ours(small: Installation) -> None:
    gone = small.control.send(small.account.lists.campaign_1, "Mistake", profile="clean")
    with plain_client(small.server) as http:
        assert http.put(f"/campaign/{gone}", json={"IsDeleted": True}).status_code == 200
    before = schedule(small)
    assert discover(small.services).new == []
    assert schedule(small) == before


def test_a_look_that_finds_nothing_new_leaves_what_is_cached_of_campaigns_valid(small: Installation) -> None:
    discover(small.services)
    before = small.query("select campaigns from data_version")
    assert discover(small.services).new == []
    assert small.query("select campaigns from data_version") == before


def test_a_known_campaign_deleted_at_mailjet_stays_in_the_schedule(small: Installation) -> None:
    with plain_client(small.server) as http:
        assert http.put(f"/campaign/{small.account.campaigns[-1]}", json={"IsDeleted": True}).status_code == 200
    before = schedule(small)
    discover(small.services)
    assert schedule(small) == before


def test_a_send_under_way_freezes_its_list_until_it_has_ended(small: Installation) -> None:
    sending = small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=3600)
    small.clock.advance(timedelta(minutes=5))
    (key,) = discover(small.services).new
    assert schedule(small)[-1] == (sending, 1, 3, "LAUNCHING")
    with small.services.database.begin() as connection:
        assert sent_campaigns.lists_being_sent(connection) == {ListRole.CAMPAIGN_1}
    small.clock.advance(timedelta(hours=1))
    discover(small.services)
    assert schedule(small)[-1] == (sending, 1, 3, "SENT")
    with small.services.database.begin() as connection:
        assert sent_campaigns.lists_being_sent(connection) == frozenset()
        assert discovery.campaign(connection, key).send_ended_at is not None


def test_a_second_send_to_a_list_opens_the_next_cycle_and_says_what_is_missing(small: Installation) -> None:
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(days=1))
    small.control.send(small.account.lists.campaign_1, "Letter 4", profile="clean")
    small.clock.advance(timedelta(days=1))
    found = discover(small.services)
    assert [row[1:3] for row in schedule(small)[-2:]] == [(1, 3), (1, 4)]
    assert found.alerts
    assert small.query("select closed_reason from cycle where number = 3") == [("next_started",)]


def test_lists_that_were_sent_in_the_open_cycle_are_known(small: Installation) -> None:
    for role in CAMPAIGN_LISTS[:2]:
        small.control.send(small.account.lists[role], "Letter 3", profile="clean")
        small.clock.advance(timedelta(days=1))
    discover(small.services)
    with small.services.database.begin() as connection:
        sent = discovery.cycle_now(connection, small.clock.now()).sent
    assert sent == set(CAMPAIGN_LISTS[:2])


def test_the_look_back_bounds_what_is_found(new_here: Installation) -> None:
    discover(new_here.another(list_history_lookback_days=8))
    assert [row[0] for row in schedule(new_here)] == list(new_here.account.campaigns[3:])


def test_an_unknown_key_is_refused_before_anything_is_written(small: Installation) -> None:
    with (
        small.services.database.begin() as connection,
        pytest.raises(NotFoundError, match="2020-01-01-r1-1"),
    ):
        discovery.campaign(connection, "2020-01-01-r1-1")


def test_recipients_are_read_from_the_messages_whoever_is_on_the_list_by_now(new_here: Installation) -> None:
    # One left and another came since: the list has as many contacts as were mailed, and they are others.
    left, came = new_here.account.people[45], new_here.account.people[60]
    new_here.take_off(ListRole.CAMPAIGN_3, left)
    new_here.put_on(ListRole.CAMPAIGN_3, came)
    discover(new_here.services)
    membership_sync.sync(new_here.services)
    found = record_recipients(new_here.services, quietly)
    assert len(found.known) == len(new_here.account.campaigns)
    assert found.unknown == {}
    for campaign_id in new_here.account.campaigns:
        assert recipients(new_here, campaign_id) == mailed(new_here, campaign_id)
    assert left in recipients(new_here, new_here.account.campaigns[-1])


def test_recipients_of_every_send_of_a_real_past_are_who_was_mailed(seeded: Installation) -> None:
    for entry in seeded.control.ledger():
        assert recipients(seeded, entry["campaign_id"]) == set(entry["contact_ids"])
    stored = seeded.query("select sum(recipient_count), count(*) filter (where recipients_source is null)"
                          " from campaign_schedule")  # fmt: skip
    assert stored == [(sum(entry["recipients"] for entry in seeded.control.ledger(contacts=False)), 0)]


def test_a_send_whose_end_is_not_told_counts_as_sent_after_a_day(small: Installation) -> None:
    endless = small.control.send(
        small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=10 * 86400
    )
    small.clock.advance(CAMPAIGNS.sending_takes - timedelta(seconds=60))
    discover(small.services)
    assert schedule(small)[-1] == (endless, 1, 3, "LAUNCHING")
    small.clock.advance(timedelta(seconds=60))
    discover(small.services)
    assert schedule(small)[-1] == (endless, 1, 3, "SENT")
    assert small.query("select send_end_at from campaign_schedule where mailjet_campaign_id = :id", id=endless) == [
        (None,)
    ]
    with small.services.database.begin() as connection:
        assert sent_campaigns.lists_being_sent(connection) == frozenset()


def test_recipients_are_not_recorded_while_a_campaign_is_being_sent(small: Installation) -> None:
    sending = small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=7200)
    small.clock.advance(timedelta(minutes=1))
    (key,) = discover(small.services).new
    assert record_recipients(small.services, quietly).known == []
    assert recipients(small, sending) == set()
    small.clock.advance(timedelta(hours=2))
    discover(small.services)
    assert record_recipients(small.services, quietly).known == [key]
    assert recipients(small, sending) == mailed(small, sending)


def test_recipients_wait_while_the_counters_of_a_young_campaign_are_late(small: Installation) -> None:
    small.control.set_switches(stats_lag_seconds=6 * 3600.0)
    sent = small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=600)
    small.clock.advance(timedelta(hours=1))
    (key,) = discover(small.services).new
    assert record_recipients(small.services, quietly).known == []
    assert recipients(small, sent) == set()
    small.clock.advance(timedelta(hours=6))
    assert record_recipients(small.services, quietly).known == [key]
    assert recipients(small, sent) == mailed(small, sent)


def test_recipients_are_written_once(small: Installation) -> None:
    before = recipients(small, small.account.campaigns[-1])
    small.take_off(ListRole.CAMPAIGN_3, small.account.people[45])
    membership_sync.sync(small.services)
    assert record_recipients(small.services, quietly).known == []
    assert recipients(small, small.account.campaigns[-1]) == before
