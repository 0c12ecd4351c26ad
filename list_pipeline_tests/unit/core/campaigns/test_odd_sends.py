"""What is odd about a send: each rule at its limits, in whole sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.campaigns.odd_sends import (
    Oddity,
    OddSend,
    ScheduledSend,
    not_started,
    odd_place,
    odd_start,
    recipients_off,
    rescheduled,
    taken_back,
    what_to_do,
)
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.drift.message import odd_send_message
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.reviews.messages import ended_message, finding_closed_message

ONE, TWO, _ = CAMPAIGN_LISTS
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
LETTER = ScheduledSend("Letter 3", ONE, AT)
BLOCKED = ScheduledSend("Letter 3", ONE, AT, is_blocked=True)


def test_a_start_at_its_time_is_not_odd() -> None:
    assert odd_start(LETTER, ONE, AT) == ()
    assert odd_start(LETTER, ONE, AT + timedelta(hours=5)) == ()
    assert odd_start(LETTER, ONE, AT - 5 * MINUTE) == ()


def test_a_start_more_than_five_minutes_early_is_odd() -> None:
    assert odd_start(LETTER, ONE, AT - 5 * MINUTE - SECOND) == (
        Oddity(
            OddSend.STARTED_EARLY,
            '"Letter 3" was begun at 2026-03-02 08:54 UTC, to List 1, 5 min 1 s before its time (2026-03-02 09:00 UTC)',
        ),
    )


def test_a_blocked_campaign_that_goes_to_another_list_is_odd_twice() -> None:
    assert odd_start(BLOCKED, TWO, AT) == (
        Oddity(OddSend.BLOCKED_SENT, '"Letter 3" was begun at 2026-03-02 09:00 UTC, to List 2, although it is blocked'),
        Oddity(
            OddSend.OTHER_LIST,
            '"Letter 3" was begun at 2026-03-02 09:00 UTC, to List 2; it was scheduled for List 1',
        ),
    )


def test_a_start_somewhere_else_says_where() -> None:
    assert odd_place(LETTER, "a segment", AT) == Oddity(
        OddSend.OTHER_LIST,
        '"Letter 3" was begun at 2026-03-02 09:00 UTC, to a segment; it was scheduled for List 1 and is taken for no round',
    )


def test_a_campaign_should_have_begun_half_an_hour_after_its_time() -> None:
    assert CAMPAIGNS.not_started_after == timedelta(minutes=30)
    assert not_started(LETTER, AT + 30 * MINUTE - SECOND) is None
    assert not_started(LETTER, AT + 30 * MINUTE) == Oddity(
        OddSend.NOT_STARTED,
        '"Letter 3" to List 1 was scheduled for 2026-03-02 09:00 UTC, and Mailjet has not begun to send it',
    )
    assert not_started(BLOCKED, AT + timedelta(hours=5)) is None


def test_what_is_taken_back_a_day_before_its_time_is_news() -> None:
    assert taken_back(LETTER, AT - timedelta(hours=24) - SECOND) is None
    assert taken_back(LETTER, AT - timedelta(hours=24)) == Oddity(
        OddSend.TAKEN_BACK,
        '"Letter 3" to List 1 is not scheduled any more: its draft was deleted, taken back or given a list that is none of '
        "the three, 1 day before its time (2026-03-02 09:00 UTC)",
    )


@pytest.mark.parametrize("days", [-2, 2])
def test_what_is_moved_is_news_near_its_old_time_and_near_its_new_one(days: int) -> None:
    later = ScheduledSend("Letter 3", TWO, AT + timedelta(days=days))
    first = min(AT, later.at)
    assert rescheduled(LETTER, later, first - timedelta(hours=24) - SECOND) is None
    found = rescheduled(LETTER, later, first - timedelta(hours=24))
    assert found == Oddity(
        OddSend.RESCHEDULED,
        f'"Letter 3" was moved from List 1 at 2026-03-02 09:00 UTC to List 2 at {later.at:%Y-%m-%d} 09:00 UTC',
    )


@pytest.mark.parametrize(
    ("mailed", "expected", "is_odd"),
    [
        (30, 20, False),  # ten contacts
        (31, 20, True),
        (9, 20, True),
        (10, 20, False),
        (1_050, 1_000, False),  # five percent
        (1_051, 1_000, True),
        (949, 1_000, True),
        (950, 1_000, False),
        (0, 0, False),
        (11, 0, True),
    ],
)
def test_recipients_are_far_off_beyond_ten_contacts_and_five_percent(mailed: int, expected: int, is_odd: bool) -> None:
    assert (recipients_off("Letter 3", ONE, mailed, expected, "us") is not None) is is_odd


def test_far_off_says_both_numbers_and_by_what_was_expected() -> None:
    assert recipients_off("Letter 3", ONE, 2_000, 1_000, "its validation") == Oddity(
        OddSend.RECIPIENTS_OFF,
        '"Letter 3" to List 1 was sent to 2,000 contacts, 1,000 (100 %) more than the 1,000 expected by its validation',
    )
    assert recipients_off("Letter 3", ONE, 0, 1_000, "us") == Oddity(
        OddSend.RECIPIENTS_OFF,
        '"Letter 3" to List 1 was sent to 0 contacts, 1,000 (100 %) fewer than the 1,000 expected by us',
    )
    assert recipients_off("Letter 3", ONE, 11, 0, "us") == Oddity(
        OddSend.RECIPIENTS_OFF, '"Letter 3" to List 1 was sent to 11 contacts, 11 more than the 0 expected by us'
    )


@pytest.mark.parametrize("kind", OddSend)
def test_each_kind_says_what_to_do(kind: OddSend) -> None:
    assert what_to_do(kind)
    assert all(step.endswith((".", "?")) for step in what_to_do(kind))


@pytest.mark.parametrize("letter", ["x", "&", "<"])
def test_a_long_name_leaves_list_time_and_what_is_odd_in_the_message(letter: str) -> None:
    name = letter * 1_000
    long = ScheduledSend(name, ONE, AT, is_blocked=True)
    moved = ScheduledSend(name, TWO, AT)
    elsewhere = odd_start(long, TWO, AT - timedelta(hours=1))
    found = [*elsewhere, odd_place(long, "another list", AT), taken_back(long, AT), rescheduled(long, moved, AT)]
    found += [not_started(moved, AT + timedelta(days=1)), recipients_off(name, ONE, 900, 100, "us")]
    assert len(found) == 8
    for oddity in found:
        assert oddity is not None
        start = f'"{letter * 79}…" '
        assert oddity.words.startswith(start)
        end = oddity.words.removeprefix(start)
        assert end in as_text(odd_send_message(oddity.kind, "key", oddity.words))
        if letter == "x":
            assert end in as_text(ended_message(1, oddity.words, "it is over"))
            assert end in as_text(finding_closed_message(1, oddity.words, "ada", "seen"))
