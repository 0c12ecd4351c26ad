"""Digests over a socket: once a period, also after an outage; to Slack and by e-mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from list_pipeline.defs.digest.automation import digests_to_send
from list_pipeline.operations.digest.send import send_digests
from list_pipeline.operations.messages.outbox import send_waiting
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import Installation

MAIL = {"digest_email_to": "team@example.com", "alert_email_from": "pipeline@example.org"}


@pytest.fixture
def here(small: Installation) -> Installation:
    """An installation that has been there for three weeks, at noon."""
    with small.services.database.begin() as connection:
        execute(
            connection,
            "update mode_state set first_started_at = :at",
            at=small.clock.now() - timedelta(days=21),
        )
    small.clock.advance(timedelta(hours=12 - small.clock.now().hour))
    return small


def told(made: Installation) -> list[str]:
    return [str(one["text"]) for one in made.control.slack_messages() if "Digest" in one["text"]]


def days(made: Installation, count: int, **settings: Any) -> None:
    services = made.another(**settings)
    for _ in range(count):
        send_digests(services)
        send_digests(services)
        made.clock.advance(timedelta(days=1))


def test_no_digest_is_sent_unless_it_is_asked_for(here: Installation) -> None:
    days(here, 2)
    assert told(here) == []


def test_a_day_s_digest_is_sent_once_a_day_and_a_week_s_once_a_week(here: Installation) -> None:
    days(here, 8, digests="day,week")
    assert sum(text.startswith("Daily Digest") for text in told(here)) == 8
    assert sum(text.startswith("Weekly Digest") for text in told(here)) == 2
    assert len(set(told(here))) == 10


def test_a_quiet_day_is_one_line_and_a_busy_one_says_what_was_done(here: Installation) -> None:
    days(here, 1, digests="day")
    assert "quiet" in told(here)[0]
    here.maintain()
    days(here, 2, digests="day")
    # The maintenance was after the hour of its own day.
    assert "quiet" in told(here)[1]
    assert "contacts suppressed" in told(here)[2]
    assert "quiet" not in told(here)[2]


def test_one_that_was_missed_is_sent_afterwards_and_no_older_one(here: Installation) -> None:
    days(here, 1, digests="day")
    here.clock.advance(timedelta(days=4))
    days(here, 1, digests="day")
    assert len(told(here)) == 2


def test_nothing_is_told_of_a_time_before_the_first_start(new_here: Installation) -> None:
    services = new_here.another(digests="day,week")
    assert send_digests(services) == []
    new_here.clock.advance(timedelta(days=1))
    # The day after is a Monday.
    assert [one.key.split(":")[1] for one in send_digests(services)] == ["day", "week"]


def test_a_digest_that_slack_did_not_take_is_sent_by_the_outbox_and_not_made_twice(here: Installation) -> None:
    services = here.another(digests="day")
    here.control.slack_scenario("outage", method="chat.postMessage", seconds=60)
    assert [one.state for one in send_digests(services)] == ["unknown"]
    here.clock.advance(timedelta(minutes=5))
    send_waiting(services)
    assert send_digests(services) == []
    assert len(told(here)) == 1


def test_digests_are_e_mailed_once_also_after_a_refusal(here: Installation) -> None:
    services = here.another(digests="day", **MAIL)
    here.control.add_fault("status", path="/v3.1/send", status=500, count=1)
    send_digests(services)
    assert here.control.emails() == []
    for _ in range(3):
        send_digests(services)
    (mail,) = here.control.emails()
    assert [one["Email"] for one in mail["To"]] == ["team@example.com"]
    assert mail["Subject"].startswith("Daily Digest")
    assert "Slack did not take it" not in mail["TextPart"]


def test_the_sensor_sends_what_is_due_and_starts_no_run(here: Installation) -> None:
    context = dg.build_sensor_context(resources={"services": here.another(digests="day")})
    assert digests_to_send(context).skip_message == "Sent 1."
    without = dg.build_sensor_context(resources={"services": here.services})
    assert "DIGESTS" in str(digests_to_send(without).skip_message)
