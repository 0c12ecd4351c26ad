"""The outbox over a socket: threads, retries after an outage, charts, e-mail; nothing lost and nothing twice."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from list_pipeline.core.messages.slack_blocks import SlackMessage, compose, header, section
from list_pipeline.core.messages.slack_charts import sizes_chart
from list_pipeline.operations.messages.links import delivery_figures
from list_pipeline.operations.messages.outbox import deliver, send_waiting
from list_pipeline.operations.services import Services
from list_pipeline.storage import messages as message_rows
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.conftest import Install

EMAIL = {"alert_email_to": "alerts@example.com, second@example.com", "alert_email_from": "pipeline@example.org"}
THREAD = "campaign:1"


@pytest.fixture
def here(new_here: Installation) -> Installation:
    return new_here


def _message(words: str) -> SlackMessage:
    return SlackMessage(words, [header(words), section([compose("{words}", words=words)])])


def _shown(made: Installation) -> list[tuple[str, str | None]]:
    return [(message["text"], message.get("thread_ts")) for message in made.control.slack_messages()]


def _state(made: Installation, key: str) -> tuple[Any, ...]:
    return made.query("select state, attempts from notification where message_key = :key", key=key)[0]


def _for_an_hour(made: Installation, services: Services | None = None) -> None:
    for _ in range(130):
        send_waiting(services or made.services)
        made.clock.advance(timedelta(seconds=30))


def test_later_messages_answer_below_the_first_and_critical_ones_show_in_the_channel(here: Installation) -> None:
    first = deliver(here.services, "report", _message("Waits"), thread_key=THREAD)
    deliver(here.services, "approved", _message("Approved"), thread_key=THREAD)
    deliver(here.services, "failed", _message("Failed"), thread_key=THREAD, broadcast=True)
    deliver(here.services, "other", _message("Another campaign"), thread_key="campaign:2", broadcast=True)
    deliver(here.services, "by-key", _message("About the report"), thread_key="report")

    assert _shown(here) == [
        ("Waits", None), ("Approved", first.ts), ("Failed", first.ts), ("Another campaign", None),
        ("About the report", first.ts),
    ]  # fmt: skip
    subtypes = [message["subtype"] for message in here.cards()]
    assert subtypes == ["bot_message", "bot_message", "thread_broadcast", "bot_message", "bot_message"]


def _with_details(words: str) -> SlackMessage:
    return _message(words)._replace(details=_message(f"Details: {words}"))


def test_details_stand_below_their_message_once(here: Installation) -> None:
    first = deliver(here.services, "report", _with_details("Waits"), thread_key=THREAD)
    deliver(here.services, "alone", _with_details("Drift"))
    deliver(here.another(), "report", _with_details("Waits"), thread_key=THREAD)

    alone = here.query("select message_ts from notification where message_key = 'alone'")[0][0]
    assert _shown(here) == [
        ("Waits", None), ("Details: Waits", first.ts), ("Drift", None), ("Details: Drift", alone),
    ]  # fmt: skip


def test_details_wait_for_their_message_and_follow_it_after_an_outage(here: Installation) -> None:
    here.control.slack_scenario("error", times=1, error="channel_not_found")
    assert deliver(here.services, "report", _with_details("Waits"), thread_key=THREAD).state == "failed"
    here.clock.advance(timedelta(seconds=31))
    deliver(here.services, "later", _message("Approved"), thread_key=THREAD)
    here.control.slack_scenario("error", times=1, error="channel_not_found")
    # Due by now, and left alone, because what they stand below has not arrived.
    assert [one.key for one in send_waiting(here.services)] == ["report"]
    assert _state(here, "report:details") == ("pending", 0)
    _for_an_hour(here)
    assert [words for words, _ in _shown(here)] == ["Approved", "Waits", "Details: Waits"]


def test_details_that_could_not_be_posted_follow_by_themselves(here: Installation) -> None:
    deliver(here.services, "report", _message("Waits"), thread_key=THREAD)
    here.control.slack_scenario("error", times=1, error="channel_not_found")
    # As an outage in between would leave it: the message is there, and its details are not.
    assert deliver(here.services, "report:details", _message("Details: Waits"), thread_key=THREAD).state == "failed"
    _for_an_hour(here)
    assert [words for words, _ in _shown(here)] == ["Waits", "Details: Waits"]


def test_through_the_webhook_details_follow_as_a_second_message(here: Installation) -> None:
    webhook = here.another(slack_bot_token=None, slack_webhook_url=here.server.url + "/services/T0/B0/hook")
    deliver(webhook, "report", _with_details("Waits"), thread_key=THREAD)
    assert _shown(here) == [("Waits", None), ("Details: Waits", None)]


def test_an_email_has_the_details_of_its_message(here: Installation) -> None:
    services = here.another(slack_bot_token=None, **EMAIL)
    assert deliver(services, "report", _with_details("Waits"), important=True).channel == "email"
    (email,) = here.control.emails()
    assert str(email).index("Waits") < str(email).index("Details: Waits")
    assert _state(here, "report:details") == ("skipped", 0)


def test_without_slack_details_are_left_out_with_their_message_and_posted_with_it_later(here: Installation) -> None:
    nowhere = here.another(slack_bot_token=None)
    assert deliver(nowhere, "report", _with_details("Waits")).state == "skipped"
    assert _state(here, "report:details") == ("skipped", 0)
    deliver(here.services, "report", _with_details("Waits"))
    assert [words for words, _ in _shown(here)] == ["Waits", "Details: Waits"]


def test_where_the_first_message_was_deleted_the_next_one_begins_a_new_thread(here: Installation) -> None:
    first = deliver(here.services, "report", _message("Waits"), thread_key=THREAD)
    here.control.delete_slack_message(str(first.ts))

    second = deliver(here.services, "approved", _message("Approved"), thread_key=THREAD)
    deliver(here.services, "done", _message("Done"), thread_key=THREAD)

    assert _shown(here) == [("Approved", None), ("Done", second.ts)]


def test_what_went_through_the_webhook_begins_no_thread(here: Installation) -> None:
    webhook = here.another(slack_bot_token=None, slack_webhook_url=here.server.url + "/services/T0/B0/hook")
    assert deliver(webhook, "report", _message("Waits"), thread_key=THREAD).state == "sent"
    deliver(here.services, "approved", _message("Approved"), thread_key=THREAD)

    assert _shown(here) == [("Waits", None), ("Approved", None)]


@pytest.mark.parametrize("thread", [None, THREAD])
def test_a_lost_answer_that_cannot_be_looked_up_is_one_message_after_the_retry(
    here: Installation, thread: str | None
) -> None:
    parent = deliver(here.services, "parent", _message("Parent"), thread_key=thread) if thread else None
    here.control.slack_scenario("lost_answer")
    for method in ("conversations.history", "conversations.replies"):
        here.control.slack_scenario("server_error", method=method)
    assert deliver(here.services, "report", _message("Report"), thread_key=thread).state == "unknown"

    assert send_waiting(here.services) == []
    here.clock.advance(timedelta(seconds=31))
    here.control.clear_slack_scenarios()
    assert [one.state for one in send_waiting(here.services)] == ["sent"]

    assert [text for text, _ in _shown(here)] == (["Parent"] if parent else []) + ["Report"]


def test_an_outage_of_an_hour_loses_nothing_and_sends_nothing_twice(install_quiet: Installation) -> None:
    made = install_quiet
    made.control.slack_scenario("outage", seconds=3600)
    assert deliver(made.services, "report", _message("Report"), thread_key=THREAD).state == "unknown"
    assert deliver(made.services, "failed", _message("Failed"), thread_key=THREAD, important=True).state == "unknown"

    _for_an_hour(made)

    first, second = made.cards()
    assert (first["text"], second["text"], second["thread_ts"]) == ("Report", "Failed", first["ts"])
    (attempts,) = made.query("select max(attempts) from notification")[0]
    assert attempts <= 12
    (email,) = made.control.emails()
    assert email["Subject"] == "Failed"
    assert [each["Email"] for each in email["To"]] == ["alerts@example.com", "second@example.com"]
    assert "written 2026" in email["TextPart"]
    assert "example.com" not in str(made.logs)
    figures = delivery_figures(made.services, made.account.now - timedelta(minutes=1))
    assert (figures.messages, figures.delivered, figures.emailed, figures.late) == (2, 2, 1, 2)
    assert figures.p95_s is not None
    assert 3600 <= figures.p95_s <= 3600 + 900
    assert any("took longer" in alert for alert in figures.alerts)
    assert any(entry["log_level"] == "error" and "reach people" in entry["event"] for entry in made.logs)


@pytest.fixture
def install_quiet(here: Installation) -> Installation:
    """The same with addresses for alerts."""
    here.services = here.another(**EMAIL)
    return here


def test_an_email_that_is_not_taken_is_tried_again_and_sent_once(install_quiet: Installation) -> None:
    made = install_quiet
    made.control.slack_scenario("outage", seconds=7200)
    made.control.add_fault("status", path="v3.1/send", status=500, count=2)
    deliver(made.services, "failed", _message("Failed"), important=True)

    _for_an_hour(made)

    assert len(made.control.emails()) == 1
    assert _state(made, "failed")[0] == "unknown"


def test_without_slack_an_important_message_goes_by_email_at_once_and_others_stay(here: Installation) -> None:
    services = here.another(slack_bot_token=None, **EMAIL)

    assert deliver(services, "failed", _message("Failed"), important=True).channel == "email"
    assert deliver(services, "done", _message("Done")).state == "skipped"
    assert deliver(services, "failed", _message("Failed"), important=True).state == "sent"
    assert [email["Subject"] for email in here.control.emails()] == ["Failed"]


@pytest.mark.parametrize("webhook", [False, True])
def test_a_chart_that_is_refused_is_sent_as_text(here: Installation, webhook: bool) -> None:
    services = (
        here.another(slack_bot_token=None, slack_webhook_url=here.server.url + "/services/T0/B0/hook")
        if webhook
        else here.services
    )
    chart = sizes_chart("Can be mailed", {"List 1": 1210, "List 2": 1190})
    assert chart is not None
    message = SlackMessage("Weekly", [header("Weekly"), chart])
    assert deliver(services, "first", message).state == "sent"
    here.control.slack_scenario("charts_refused", method="webhook" if webhook else "chat.postMessage", times=2)
    assert deliver(services, "second", message).state == "sent"

    taken, refused = here.cards()
    assert taken["blocks"][1]["type"] == "data_visualization"
    assert [block["type"] for block in refused["blocks"]] == ["header", "section"]
    assert "• List 2: 1,190 contacts" in refused["blocks"][1]["text"]["text"]


def test_charts_are_written_out_where_the_setting_says_so(here: Installation) -> None:
    chart = sizes_chart("Can be mailed", {"List 1": 1210})
    deliver(here.another(slack_charts="text"), "weekly", SlackMessage("Weekly", [chart or {}]))

    (message,) = here.cards()
    assert message["blocks"][0]["type"] == "section"


def test_a_form_that_slack_refuses_for_no_reason_we_know_arrives_as_plain_text(here: Installation) -> None:
    here.control.slack_scenario("error", error="invalid_blocks")

    assert deliver(here.services, "report", _message("Report")).state == "sent"
    (message,) = here.cards()
    assert (message["text"], message["blocks"]) == ("Report", [])


def test_an_invalid_message_is_told_in_plain_text_and_logged(here: Installation) -> None:
    too_long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}

    assert deliver(here.services, "report", SlackMessage("Report", [too_long])).state == "sent"
    assert _shown(here) == [("Report", None)]
    assert any("plain text" in entry["event"] and entry["log_level"] == "error" for entry in here.logs)


def test_nobody_can_be_mentioned_through_a_name(here: Installation) -> None:
    evil = "<!channel> <https://evil.example.com|log in> <@U123> jane@example.com"
    text = compose("{name} approved it", name=evil)
    deliver(here.services, "approved", SlackMessage(text, [section([text])]))

    (message,) = here.cards()
    assert "<" not in message["text"] + str(message["blocks"])
    assert "jane" not in str(message)
    page = here.control.slack_page()
    assert "evil" in page
    assert 'class="mention"' not in page
    assert 'href="https://evil' not in page


def test_a_day_old_message_is_given_up_and_never_posted_again(here: Installation) -> None:
    here.control.slack_scenario("outage", seconds=60)
    deliver(here.services, "report", _message("Report"))
    here.clock.advance(timedelta(hours=24, seconds=1))

    assert [one.state for one in send_waiting(here.services)] == ["expired"]
    assert deliver(here.services, "report", _message("Report")).state == "expired"
    assert send_waiting(here.services) == []
    assert _shown(here) == []


def test_a_message_whose_process_died_before_posting_is_sent_by_the_next_turn(here: Installation) -> None:
    now = here.clock.now()
    with here.services.database.begin() as connection:
        outgoing = message_rows.Outgoing("report", "Report", [header("Report")])
        message_rows.queue(connection, outgoing, now + timedelta(seconds=30), now)
    assert send_waiting(here.services) == []
    here.clock.advance(timedelta(seconds=30))

    assert [one.state for one in send_waiting(here.services)] == ["sent"]


def test_two_processes_do_not_post_the_same_message(here: Installation) -> None:
    here.control.slack_scenario("outage", seconds=10)
    deliver(here.services, "report", _message("Report"))
    here.clock.advance(timedelta(minutes=1))
    ((number,),) = here.query("select notification_id from notification")

    with message_rows.held(here.services.database, number):
        assert [one.state for one in send_waiting(here.another())] == ["pending"]
        assert _shown(here) == []
    assert [one.state for one in send_waiting(here.services)] == ["sent"]


def test_messages_of_one_turn_are_a_second_apart_and_oldest_first(here: Installation) -> None:
    here.control.slack_scenario("outage", seconds=10)
    for number in range(4):
        deliver(here.services, f"report-{number}", _message(f"Report {number}"))
    here.clock.advance(timedelta(minutes=2))

    send_waiting(here.services)

    messages = here.cards()
    assert [message["text"] for message in messages] == [f"Report {number}" for number in range(4)]
    times = [float(message["ts"]) for message in messages]
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))


def test_a_turn_during_an_outage_ends_with_the_first_message_that_meets_it(here: Installation) -> None:
    here.control.slack_scenario("outage", seconds=3600)
    for number in range(3):
        deliver(here.services, f"report-{number}", _message("Report"))
    here.clock.advance(timedelta(minutes=1))

    assert [one.key for one in send_waiting(here.services)] == ["report-0"]
    assert [one.key for one in send_waiting(here.services)] == ["report-1"]


def test_the_ledger_says_that_a_report_was_sent_also_when_the_sensor_sent_it(install_small: Install) -> None:
    with install_small() as made:
        made.control.slack_scenario("outage", seconds=30)
        assert made.maintain().delivery.state == "unknown"
        assert made.query("select slack_notification_sent from list_maintenance_log") == [(False,)]
        made.clock.advance(timedelta(minutes=1))
        (sent,) = send_waiting(made.services)
        ledger = made.query("select slack_notification_sent, slack_message_ts from list_maintenance_log")
        assert ledger == [(True, sent.ts)]
