"""Who was mailed: known by proof or not at all, whatever one answer of Mailjet lacks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.bounces.fetch import fetch_bounces
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly

DEAD = (1, 2, 3, 4)


def send_and_wait(made: Installation, hours: float = 25) -> int:
    """A send to list 1 of which four bounce and one complains."""
    people = made.account.people
    outcomes = {people[number]: "user_unknown" for number in DEAD} | {people[5]: "complained"}
    sent = made.control.send(made.account.lists.campaign_1, "Letter 3", profile="clean", outcomes=outcomes)
    made.clock.advance(timedelta(hours=hours))
    return int(sent)


def stored(made: Installation) -> tuple[object, ...]:
    """Count, source and proof of the recipients of the last campaign, and how many rows there are."""
    (row,) = made.query(
        "select recipient_count, recipients_source, recipients_proven_at is not null,"
        " (select count(*) from campaign_recipient where campaign_id = s.id)"
        " from campaign_schedule s where campaign_key = :key",
        key=made.key,
    )
    return row


def assert_all_followed(made: Installation) -> None:
    assert made.maintain(run_id="again").report.facts.status is RunStatus.SUCCESS
    assert stored(made) == (20, "messages", True, 20)
    made.assert_suppressed(made.account.ids(5))
    found = made.query("select contact_id from plan_item where bounce_class = 'hard'")
    assert {contact_id for (contact_id,) in found} == made.account.ids(*DEAD)


@pytest.mark.parametrize(
    ("path", "rows"),
    [("/message$", 1000), ("/message$", 3), ("/statcounters$", 1)],
    ids=["no messages", "a page three rows short", "no counters"],
)
def test_one_answer_that_lacks_rows_is_made_good_in_the_same_synchronisation(
    small: Installation, path: str, rows: int
) -> None:
    send_and_wait(small)
    small.control.add_fault("short_page", path=path, rows=rows)
    synchronise(small.services, progress=quietly)
    assert stored(small) == (20, "messages", True, 20)
    assert_all_followed(small)


@pytest.mark.parametrize(
    ("path", "rows", "words"),
    [
        ("/message$", 1000, "Mailjet counts 20 messages, and 0 were read"),
        ("/message$", 3, "Mailjet counts 20 messages, and 17 were read"),
        ("/statcounters$", 1, "Mailjet shows no counters of it"),
    ],
    ids=["no messages", "pages three rows short", "no counters"],
)
def test_nothing_is_planned_while_it_is_not_known_who_was_mailed(
    small: Installation, path: str, rows: int, words: str
) -> None:
    send_and_wait(small)
    small.control.add_fault("short_page", path=path, rows=rows, count=None)
    report = synchronise(small.services, progress=quietly)
    assert stored(small) == (None, None, False, 0)
    assert [f"It is not known who was mailed by campaign {small.key}: {words}"] == [
        finding for finding in report.findings if small.key in finding
    ]
    before = small.control.digest()
    with pytest.raises(IncompleteDataError, match=words):
        small.maintain()
    assert small.control.digest() == before
    assert small.query("select count(*) from plan") == [(0,)]
    assert small.query("select status from list_maintenance_log") == [("failed",)]
    small.control.clear_faults()
    assert_all_followed(small)


def test_a_page_of_a_large_reading_that_is_empty_ends_it_for_nobody(small: Installation) -> None:
    send_and_wait(small)
    small.control.set_switches(largest_page=8)
    small.control.add_fault("short_page", path="/message$", rows=1000, nth=2)
    synchronise(small.services, progress=quietly)
    assert stored(small) == (20, "messages", True, 20)


def test_a_maintenance_by_hand_reads_first_who_was_mailed(small: Installation) -> None:
    send_and_wait(small)
    discovery.discover(small.services)  # and the synchronisation died
    assert stored(small) == (None, None, False, 0)
    assert_all_followed(small)


def test_plans_on_unknown_recipients_are_refused_whoever_asks_for_them(small: Installation) -> None:
    send_and_wait(small)
    synchronise(small.services, progress=quietly)
    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    small.query("update campaign_schedule set recipients_proven_at = null returning 1")
    with pytest.raises(IncompleteDataError, match="not known who was mailed"):
        suppression.plan_suppression(small.services, run)
    small.control.add_fault("short_page", path="/statcounters$", rows=1, count=None)
    with pytest.raises(IncompleteDataError, match="not known who was mailed"):
        rebalancing.plan_rebalancing(small.services, run)
    assert small.query("select count(*) from plan") == [(0,)]


def test_what_an_earlier_version_recorded_is_compared_with_the_counters_once(small: Installation) -> None:
    small.query("update campaign_schedule set recipients_proven_at = null returning 1")
    small.control.reset_requests()
    assert len(record_recipients(small.services, quietly).known) == len(small.account.campaigns)
    assert small.control.requests() == {"GET statcounters": len(small.account.campaigns)}
    small.control.reset_requests()
    record_recipients(small.services, quietly)
    assert small.control.requests() == {}


def test_what_an_earlier_version_took_from_the_rows_of_a_list_is_read_although_the_number_agrees(
    small: Installation,
) -> None:
    # One left and another came before the send, and nobody looked in between: as many as were mailed, and not those.
    mailed, other = small.account.people[41], small.account.people[1]
    small.query(
        "update campaign_recipient set contact_id = :other where contact_id = :mailed and campaign_id ="
        " (select id from campaign_schedule where campaign_key = :key) returning 1",
        mailed=mailed,
        other=other,
        key=small.key,
    )
    small.query(
        "update campaign_schedule set recipients_proven_at = null, recipients_source = 'membership'"
        " where campaign_key = :key returning 1",
        key=small.key,
    )
    assert record_recipients(small.services, quietly).known == [small.key]
    assert stored(small) == (20, "messages", True, 20)
    found = small.query(
        "select contact_id from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id"
        " where campaign_key = :key and contact_id = any(:ids)",
        key=small.key,
        ids=[mailed, other],
    )
    assert found == [(mailed,)]


@pytest.mark.parametrize("left", [0, 17])
def test_what_an_earlier_version_recorded_in_part_is_repaired(small: Installation, left: int) -> None:
    whole = stored(small)
    small.query(
        "delete from campaign_recipient where campaign_id = (select id from campaign_schedule where campaign_key = :key)"
        " and contact_id not in (select contact_id from campaign_recipient order by contact_id desc limit :left) returning 1",
        key=small.key,
        left=left,
    )
    small.query(
        "update campaign_schedule set recipients_proven_at = null, recipient_count = :left where campaign_key = :key"
        " returning 1",
        key=small.key,
        left=left,
    )
    assert record_recipients(small.services, quietly).known == [small.key]
    assert stored(small) == whole


def test_recipients_among_whom_somebody_who_failed_is_missing_are_read_again(small: Installation) -> None:
    # As many as were mailed, and others: that is what the rows of a list said of which one left and another came.
    missing, other = small.account.people[41], small.account.people[1]
    small.query(
        "update campaign_recipient set contact_id = :other where contact_id = :missing and campaign_id ="
        " (select id from campaign_schedule where campaign_key = :key) returning 1",
        missing=missing,
        other=other,
        key=small.key,
    )
    small.maintain()
    small.assert_suppressed({missing})


def test_an_old_campaign_that_cannot_be_read_is_tried_once_a_day_and_named(small: Installation) -> None:
    small.clock.advance(timedelta(days=11))
    small.query(
        "update campaign_schedule set recipients_proven_at = null, recipient_count = 19 where campaign_key = :key returning 1",
        key=small.key,
    )
    small.control.add_fault("short_page", path="/message$", rows=1, count=None)
    assert list(record_recipients(small.services, quietly).unknown) == [small.key]
    small.control.reset_requests()
    small.clock.advance(timedelta(hours=23))
    assert record_recipients(small.services, quietly).unknown == {}
    assert small.control.requests() == {}
    small.clock.advance(timedelta(hours=1))
    assert list(record_recipients(small.services, quietly).unknown) == [small.key]
