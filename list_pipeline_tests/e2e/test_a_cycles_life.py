"""Cycles lived through, from the day before each launch to its maintenance: what is told, when, and what becomes of it.

Everything runs as in production: the sensor daemon's own turns, its runs, PostgreSQL, and a Mailjet and a Slack on one clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from list_pipeline.core.campaign_stages.calendar import EntryKind, EntryState
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.wording import instant_text
from list_pipeline.operations.campaign_stages.calendar import calendar, campaign_calendar_of
from list_pipeline.operations.monitoring.exported import exported_text
from list_pipeline.operations.reviews.decisions import reject_item
from list_pipeline_tests.e2e.lives import Life, lived
from list_pipeline_tests.e2e.rehearsals import CAMPAIGN_LISTS

pytestmark = pytest.mark.long

BERLIN = ZoneInfo("Europe/Berlin")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
COMING, SENDING, DONE = "📅 Campaign Coming Up", "🚀 Mailjet Is Sending", "🏁 Campaign Wrap-Up"
MAINTAINED = "🔄 Post-Campaign List Maintenance Complete"


def put_in_order(life: Life) -> None:
    """What blocks a round is settled: whoever stands on two lists leaves all but one, and who waits for a person stays."""
    for question in life.account.rows(
        "select review_id from review_item where status = 'open' and plan_id is not null"
    ):
        reject_item(life.account.services, question["review_id"], by="Ada")
    for contact_id in life.account.control.answers()["in_two_lists"]:
        places = [place["list_id"] for place in life.account.control.contact(contact_id)["lists"]]
        for list_id in [one for one in places if one in CAMPAIGN_LISTS][1:]:
            life.leave_list(contact_id, list_id)


def titles(life: Life, draft: int) -> list[str]:
    return [one.title for one in life.arrived(draft)]


def late_by(life: Life, draft: int, title: str, due: datetime) -> float:
    """Seconds after its time at which the one message with a title came."""
    (found,) = [one for one in life.arrived(draft) if title in one.title]
    return (found.at - due).total_seconds()


def in_time(seconds: float) -> bool:
    return 0 <= seconds <= 60


def test_each_round_of_a_cycle_is_told_of_once_and_in_time_while_summer_time_ends(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    start = datetime(2026, 10, 23, 9, 0, tzinfo=UTC)
    launches = [datetime(2026, 10, day, 9, 15, tzinfo=BERLIN).astimezone(UTC) for day in (24, 25, 26)]
    assert [one.hour for one in launches] == [7, 8, 8]
    with lived(tmp_path / "account", new_database(), start) as life:
        put_in_order(life)
        life.account.pass_time(minutes=30)
        drafts = [life.draft("Autumn letter", number, at) for number, at in enumerate(launches, start=1)]
        life.turn()
        # A send takes ten minutes; a day after its end it is looked at.
        looks = [launch + DAY + 10 * MINUTE for launch in launches]
        for number, (draft, launch) in enumerate(zip(drafts, launches, strict=True)):
            live_through(life, draft, launch, looks[number - 1 : number])
            life.look()
        life.until(looks[-1] + 5 * MINUTE)
        for draft, launch in zip(drafts, launches, strict=True):
            its_messages_came_in_time(life, draft, launch)
            its_calendar_says_the_same(life, draft, launch)
        assert [entry for entry in calendar(life.account.services, launches[0].date(), 3).late if entry.campaign] == []
        figures_for_monitors_agree(life)
        assert life.unasked_changes() == {}
        everything = [one.words for one in life.arrived()]
        assert [redact_addresses(words) for words in everything] == everything


def live_through(life: Life, draft: int, launch: datetime, others: list[datetime]) -> None:
    """From the day before a launch until it is wrapped up, with its status after each step; and, in between, what is due after
    other launches."""
    statuses = {
        launch.replace(hour=15, minute=0) - DAY: "SCHEDULED",
        launch - timedelta(hours=3, minutes=15): "READY",
        launch - 15 * MINUTE: "READY",
        launch: "LAUNCHING",
        launch + 30 * MINUTE: "COMPLETED",
    }
    for moment in sorted([*statuses, *others]):
        life.until(moment)
        if moment in others:
            life.look()
        else:
            assert life.status(draft) == (statuses[moment], None), moment


def its_messages_came_in_time(life: Life, draft: int, launch: datetime) -> None:
    warning = f"⏰ Launch at {launch:%H:%M} UTC"
    due = {
        COMING: launch.replace(hour=15, minute=0) - DAY,
        "Ready": launch - timedelta(hours=3, minutes=15),
        warning: launch - 15 * MINUTE,
        SENDING: launch,
        DONE: launch + 30 * MINUTE,
    }
    assert {
        title: late_by(life, draft, title, at)
        for title, at in due.items()
        if not in_time(late_by(life, draft, title, at))
    } == {}
    # What is due after a day is looked for every five minutes.
    assert 0 <= late_by(life, draft, MAINTAINED, launch + 10 * MINUTE + DAY) <= 6 * 60
    assert [stage for stage, *_ in life.stages(draft)] == [
        "prelaunch", "preflight", "launch_warning", "launch_confirmation", "wrapup"
    ]  # fmt: skip
    said = {one.title: one.words for one in life.arrived(draft)}
    at = instant_text(launch)
    name = life.account.scalar("select campaign_name from campaign_schedule where mailjet_draft_id = :d", d=draft)
    label = (
        f"List {life.account.scalar('select round_number from campaign_schedule where mailjet_draft_id = :d', d=draft)}"
    )
    for title, words in said.items():
        assert title == MAINTAINED or (name in words and label in words), title
    for title in (COMING, warning, SENDING):
        assert at in said[title]
    mailed = life.account.scalar("select recipient_count from campaign_schedule where mailjet_draft_id = :d", d=draft)
    # What was announced is what was mailed: nobody touched the list in between.
    for title in (warning, SENDING, DONE):
        assert f"{mailed:,}" in said[title], title


def its_calendar_says_the_same(life: Life, draft: int, launch: datetime) -> None:
    entries = campaign_calendar_of(life.account.services, life.key(draft))
    (sent,) = [one for one in entries if one.kind is EntryKind.ROUND]
    assert (sent.at, sent.state) == (launch, EntryState.DONE)
    told = [(one.at, one.state) for one in entries if one.kind is EntryKind.STAGE]
    assert told == [
        (launch.replace(hour=15, minute=0) - DAY, EntryState.DONE),
        (launch - 15 * MINUTE, EntryState.DONE),
        (launch, EntryState.DONE),
        (launch + 30 * MINUTE, EntryState.DONE),
    ]


def figures_for_monitors_agree(life: Life) -> None:
    """Three of each stage, and not one of them more than a minute late."""
    shown = exported_text(life.account.services)
    for stage in ("prelaunch", "preflight", "launch_warning", "launch_confirmation", "wrapup"):
        assert f'list_pipeline_campaign_stages_total{{outcome="arrived",stage="{stage}"}} 3.0' in shown
        assert f'list_pipeline_campaign_stages_total{{outcome="skipped",stage="{stage}"}} 0.0' in shown
        assert f'list_pipeline_stage_delivery_seconds_bucket{{le="60",stage="{stage}"}} 3.0' in shown


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


def why_skipped(life: Life, draft: int, launch: datetime) -> dict[str, str]:
    """The stages of a launch that nobody was told of, and why."""
    found = life.stages(draft)
    return {stage: str(reason) for stage, at, state, reason in found if state == "skipped" and at == launch}


def test_what_is_moved_taken_back_refused_or_sent_by_hand_is_told_as_it_is_and_nothing_late(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    with lived(tmp_path / "account", new_database(), utc(25, 9)) as life:
        put_in_order(life)
        life.account.pass_time(minutes=30)
        moved = life.draft("Spring letter", 1, utc(26, 8, 15))
        early = life.draft("Spring letter", 2, utc(29, 7, 15))
        refused = life.draft("Spring letter", 3, utc(30, 8))
        life.account.control.refuse(refused)
        life.turn()

        # Moved after its announcement, and again a minute before the warning of its second time.
        life.until(utc(25, 15))
        life.move(moved, utc(27, 14))
        life.until(utc(25, 15, 10))
        assert titles(life, moved) == [COMING, "⚠️ A Campaign Was Scheduled Anew"]
        life.until(utc(26, 15))
        assert titles(life, moved)[2:] == [COMING]
        life.until(utc(27, 6))
        life.until(utc(27, 13, 44))
        second = datetime(2027, 3, 28, 9, 15, tzinfo=BERLIN).astimezone(UTC)
        assert second == utc(28, 7, 15)
        life.move(moved, second)
        life.until(utc(27, 13, 45))
        assert titles(life, moved)[-1] == "⚠️ A Campaign Was Scheduled Anew"
        assert not [title for title in titles(life, moved) if "Launch at" in title]

        # Announced, and taken back more than a day before its time.
        extra = life.draft("Extra letter", 3, utc(28, 20))
        life.look()
        life.until(utc(27, 15))
        life.take_back(extra)
        life.until(utc(27, 15, 10))
        assert titles(life, extra) == [COMING, "⚠️ A Campaign Was Taken Off the Schedule"]
        assert life.status(extra) == ("SCHEDULED", None)

        # The last Sunday of March.
        life.until(utc(28, 4))
        life.until(utc(28, 7))
        life.until(second)
        life.until(utc(28, 7, 45))
        assert [in_time(late_by(life, moved, title, at)) for title, at in
                (("Launch at 07:15", utc(28, 7)), (SENDING, second), (DONE, utc(28, 7, 45)))] == [True] * 3  # fmt: skip
        assert titles(life, moved).count(COMING) == 3
        assert life.status(moved) == ("COMPLETED", None)

        # Sent by hand in the night before its time.
        life.until(utc(28, 15))
        life.until(utc(28, 22, 40))
        life.send_by_hand(early)
        sent_at = life.now
        life.until(sent_at + 6 * MINUTE)
        assert titles(life, early)[:1] == [COMING]
        assert set(titles(life, early)[1:]) == {"🚨 A Campaign Started Before Its Time", SENDING}
        life.until(sent_at + 30 * MINUTE)
        assert titles(life, early)[-1] == DONE
        skipped = why_skipped(life, early, utc(29, 7, 15))
        assert skipped.keys() == {"preflight", "launch_warning"}
        assert all(
            "Mailjet began to send at 2027-03-28 22:40 UTC, before it was due" in why for why in skipped.values()
        )
        life.until(utc(29, 7))
        life.until(utc(29, 7, 15))
        assert not [title for title in titles(life, early) if "Launch at" in title]

        # Refused by Mailjet at its time, and sent by hand on the day after.
        life.until(utc(29, 15))
        life.until(utc(30, 4, 45))
        life.until(utc(30, 7, 45))
        life.until(utc(30, 8))
        assert SENDING not in titles(life, refused)
        life.until(utc(30, 8, 35))
        assert titles(life, refused)[-1] == "🚨 A Scheduled Campaign Did Not Start"
        assert life.status(refused)[0] in ("READY", "BLOCKED")
        life.until(utc(31, 13))
        life.send_by_hand(refused)
        sent_at = life.now
        life.until(sent_at + 6 * MINUTE)
        life.until(sent_at + 30 * MINUTE)
        assert titles(life, refused)[-2:] == [SENDING, DONE]
        assert life.status(refused)[0] == "COMPLETED"

        # The next cycle, over whose first three stages nothing of ours runs.
        missed = life.draft("April letter", 1, utc(2, 9, 15, month=4))
        life.look()
        life.runs_daemon = False
        life.until(utc(2, 9, 20, month=4))
        life.runs_daemon = True
        life.until(utc(2, 9, 26, month=4))
        assert titles(life, missed) == [SENDING]
        skipped = why_skipped(life, missed, utc(2, 9, 15, month=4))
        assert skipped.keys() == {"prelaunch", "preflight", "launch_warning"}
        assert (
            "it was due at 2027-04-01 15:00 UTC, and nothing of ours ran until 2027-04-02 06:00 UTC"
            in skipped["prelaunch"]
        )
        shown = [
            one for one in campaign_calendar_of(life.account.services, life.key(missed)) if one.kind is EntryKind.STAGE
        ]
        assert [one.state for one in shown] == [EntryState.SKIPPED] * 3 + [EntryState.DONE, EntryState.PLANNED]

        assert life.unasked_changes() == {}
        everything = [one.words for one in life.arrived()]
        assert [redact_addresses(words) for words in everything] == everything
