"""A send that went otherwise than scheduled is told at once, once, with its name, its list, figures and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.operations.campaign_stages.follow import follow_stages
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.odd_sends import watch_sends
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.validation.validate import validate
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.drafts import schedule, unschedule

HOURS = timedelta(hours=1)


def look(made: Installation) -> None:
    """What the sensor does every five minutes."""
    discover(made.services)
    discover_upcoming(made.services)
    watch_sends(made.services, asks_mailjet=True)


def told(made: Installation, headline: str) -> Sequence[str]:
    """Messages under a headline, as people read them."""
    found = [as_text(SlackMessage(row["text"], row["blocks"])) for row in made.cards()]
    return [words for words in found if headline in words]


def at_work(made: Installation) -> datetime:
    return made.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=6)


def planned(made: Installation, at: datetime | None = None, role: ListRole = ListRole.CAMPAIGN_1) -> tuple[int, str]:
    """A campaign that stands in the schedule; its draft and its key."""
    draft = schedule(made, at or at_work(made), role)
    look(made)
    ((key,),) = made.query("select campaign_key from campaign_schedule where mailjet_draft_id = :draft", draft=draft)
    return draft, str(key)


def change_draft(made: Installation, draft: int, assignment: str, *values: object) -> None:
    """Something happens to a draft at Mailjet that its interface does not show as a schedule of its own."""
    made.server.account.store.execute(f"UPDATE draft SET {assignment} WHERE id = ?", (*values, draft))


def test_a_send_that_goes_as_scheduled_tells_nothing(small: Installation) -> None:
    planned(small)
    small.clock.set(at_work(small) + timedelta(minutes=1))
    look(small)
    small.clock.advance(3 * HOURS)
    look(small)
    synchronise(small.services, progress=quietly)
    assert small.cards() == []
    assert small.query("select 1 from review_item") == []
    assert small.query("select recipients_compared_at is not null from campaign_schedule order by id desc limit 1") == [
        (True,)
    ]


def test_a_blocked_campaign_that_mailjet_sends_all_the_same_is_told_at_once(small: Installation) -> None:
    at = at_work(small)
    _, key = planned(small, at)
    contact_id = small.account.people[62]
    small.put_on(ListRole.CAMPAIGN_1, contact_id)
    small.exclude(contact_id, False)
    assert validate(small.services, key).stored.is_blocking
    small.clock.set(at + timedelta(minutes=1))
    look(small)
    look(small)
    (words,) = told(small, "A Blocked Campaign Is Being Sent")
    assert f'"Letter 3, round 1" was begun at {at:%Y-%m-%d %H:%M} UTC, to List 1, although it is blocked' in words
    assert "stop it there" in words
    assert key in words


def test_a_scheduled_campaign_that_does_not_start_is_told_after_half_an_hour_and_once(small: Installation) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    small.clock.set(at - timedelta(minutes=1))
    change_draft(small, draft, "status = ?", 3)
    small.clock.set(at + timedelta(minutes=29))
    look(small)
    assert told(small, "Did Not Start") == []
    small.clock.set(at + timedelta(minutes=30))
    look(small)
    small.clock.advance(5 * HOURS)
    look(small)
    (words,) = told(small, "A Scheduled Campaign Did Not Start")
    assert f'"Letter 3, round 1" to List 1 was scheduled for {at:%Y-%m-%d %H:%M} UTC' in words
    # Moved to another time that passes too: that is another matter.
    small.clock.advance(48 * HOURS)
    look(small)
    later = at_work(small)
    schedule(small, later, draft=draft)
    look(small)
    change_draft(small, draft, "status = ?", 3)
    small.clock.set(later + HOURS)
    look(small)
    assert len(told(small, "Did Not Start")) == 2


def test_a_campaign_that_starts_before_its_time_is_told_and_one_that_starts_a_minute_early_is_not(
    small: Installation,
) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    small.clock.set(at - 2 * HOURS)
    change_draft(small, draft, "scheduled_at = ?", int((at - 2 * HOURS).timestamp()))
    look(small)
    (words,) = told(small, "A Campaign Started Before Its Time")
    assert f"2 h before its time ({at:%Y-%m-%d %H:%M} UTC)" in words
    assert told(small, "Taken Off the Schedule") == []


@pytest.mark.parametrize("where", ["list 2", "a foreign list"])
def test_a_campaign_that_goes_to_another_list_than_scheduled_is_told(small: Installation, where: str) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    other = ListRole.CAMPAIGN_2 if where == "list 2" else ListRole.MASTER
    small.clock.set(at - timedelta(minutes=1))
    change_draft(small, draft, "list_id = ?", small.account.lists[other])
    small.clock.set(at + timedelta(minutes=1))
    look(small)
    look(small)
    (words,) = told(small, "A Campaign Went to Another List Than Scheduled")
    assert ("to List 2" if where == "list 2" else "a list that is none of the three campaign lists") in words
    assert "it was scheduled for List 1" in words
    small.clock.advance(2 * HOURS)
    look(small)
    assert told(small, "Did Not Start") == []


@pytest.mark.parametrize(("hours", "is_news"), [(23, True), (30, False)])
def test_a_campaign_that_is_taken_back_near_its_time_is_told(small: Installation, hours: int, is_news: bool) -> None:
    at = small.clock.now() + 40 * HOURS
    draft, _ = planned(small, at)
    small.clock.set(at - hours * HOURS)
    unschedule(small, draft)
    look(small)
    look(small)
    found = told(small, "A Campaign Was Taken Off the Schedule")
    assert len(found) == is_news
    assert all("23 h before its time" in words for words in found)


@pytest.mark.parametrize(("hours", "is_news"), [(23, True), (30, False)])
def test_a_campaign_that_is_moved_near_its_time_is_told(small: Installation, hours: int, is_news: bool) -> None:
    at = small.clock.now().replace(minute=0, second=0, microsecond=0) + 40 * HOURS
    draft, _ = planned(small, at)
    small.clock.set(at - hours * HOURS)
    unschedule(small, draft)
    schedule(small, at + 48 * HOURS, draft=draft)
    look(small)
    look(small)
    found = told(small, "A Campaign Was Scheduled Anew")
    assert len(found) == is_news
    assert all(f"from List 1 at {at:%Y-%m-%d %H:%M} UTC to List 1 at" in words for words in found)


@pytest.mark.parametrize("happens", ["Was Scheduled Anew", "Was Taken Off the Schedule"])
def test_what_people_were_told_of_is_told_when_it_does_not_happen_however_far_ahead_it_is(
    small: Installation, happens: str
) -> None:
    at = small.clock.now().replace(hour=20, minute=0, second=0, microsecond=0) + 48 * HOURS
    draft, _ = planned(small, at)
    small.clock.set(at - 29 * HOURS)
    follow_stages(small.services)
    (announced,) = told(small, "Campaign Coming Up")
    unschedule(small, draft)
    if happens == "Was Scheduled Anew":
        schedule(small, at + 48 * HOURS, draft=draft)
    look(small)
    look(small)
    (words,) = told(small, happens)
    assert f"{at:%Y-%m-%d %H:%M} UTC" in words
    assert f"{at:%Y-%m-%d %H:%M} UTC" in announced


def test_a_campaign_that_is_scheduled_again_for_its_time_was_not_moved(small: Installation) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    unschedule(small, draft)
    look(small)
    schedule(small, at, draft=draft)
    look(small)
    (words,) = told(small, "A Campaign Was Scheduled Anew")
    assert f"is scheduled again, for {at:%Y-%m-%d %H:%M} UTC as before" in words
    assert "moved" not in words


def test_a_campaign_that_is_moved_to_and_fro_is_told_of_each_time(small: Installation) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    for hours in (1, 0, 1):
        unschedule(small, draft)
        schedule(small, at + hours * HOURS, draft=draft)
        look(small)
    assert len(told(small, "A Campaign Was Scheduled Anew")) == 3


@pytest.mark.parametrize("part", ["segmentation_id = 5", "ax_testing_id = 12"])
def test_a_campaign_that_goes_to_a_part_of_its_list_by_now_is_followed_to_its_new_time(
    small: Installation, part: str
) -> None:
    at = at_work(small)
    draft, key = planned(small, at)
    unschedule(small, draft)
    change_draft(small, draft, part)
    schedule(small, at + 3 * HOURS, draft=draft)
    found = discover_upcoming(small.services)
    assert (found.changed, found.retired, found.ignored) == ([key], [], [])
    small.clock.set(at + 2 * HOURS)
    look(small)
    assert told(small, "Did Not Start") == []
    assert discover_upcoming(small.services).retired == []


def test_a_part_of_a_list_brings_no_campaign_back_that_was_taken_off_the_schedule(small: Installation) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    unschedule(small, draft)
    assert len(discover_upcoming(small.services).retired) == 1
    change_draft(small, draft, "segmentation_id = 5")
    schedule(small, at + 3 * HOURS, draft=draft)
    found = discover_upcoming(small.services)
    assert (found.new, found.changed, len(found.ignored)) == ([], [], 1)


def test_a_campaign_that_was_given_a_foreign_list_and_another_time_is_taken_off_the_schedule(
    small: Installation,
) -> None:
    at = at_work(small)
    draft, key = planned(small, at)
    unschedule(small, draft)
    change_draft(small, draft, "list_id = ?", small.account.lists[ListRole.MASTER])
    schedule(small, at + 48 * HOURS, draft=draft)
    assert discover_upcoming(small.services).retired == [key]
    look(small)
    (words,) = told(small, "A Campaign Was Taken Off the Schedule")
    assert "given a list that is none of the three" in words
    small.clock.set(at + 2 * HOURS)
    look(small)
    assert told(small, "Did Not Start") == []


def test_a_campaign_that_was_given_a_foreign_list_around_its_time_is_not_told_to_have_missed_it(
    small: Installation,
) -> None:
    at = at_work(small)
    draft, _ = planned(small, at)
    unschedule(small, draft)
    change_draft(small, draft, "list_id = ?", small.account.lists[ListRole.MASTER])
    schedule(small, at + 48 * HOURS, draft=draft)
    small.clock.set(at + HOURS)
    look(small)
    assert told(small, "Did Not Start") == []


def test_a_send_to_a_list_that_was_filled_since_its_validation_is_told_with_both_numbers(small: Installation) -> None:
    at = at_work(small)
    _, key = planned(small, at)
    validate(small.services, key)
    for number in range(40, 51):
        small.put_on(ListRole.CAMPAIGN_1, small.account.people[number])
    small.clock.set(at + timedelta(minutes=1))
    look(small)
    small.clock.advance(3 * HOURS)
    look(small)
    look(small)
    (words,) = told(small, "A Campaign Reached Another Number of Contacts Than Expected")
    assert "was sent to 31 contacts, 11 (55 %) more than the 20 expected by its validation at" in words


def test_a_send_that_nobody_validated_is_held_against_our_rows_of_its_list(small: Installation) -> None:
    for number in range(11):
        small.control.unsubscribe(small.account.people[number], small.account.lists[ListRole.CAMPAIGN_1])
    small.control.send(small.account.lists[ListRole.CAMPAIGN_1], "Letter 3", profile="clean")
    small.clock.advance(3 * HOURS)
    look(small)
    (words,) = told(small, "Than Expected")
    assert "was sent to 9 contacts, 11 (55 %) fewer than the 20 expected by our rows of its list" in words
    sync(small.services)
    look(small)
    assert len(told(small, "Than Expected")) == 1
