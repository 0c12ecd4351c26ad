"""Messages about decisions and their delivery: what they say, when they are tried again, and what is alerted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import AuthenticationError, IntegrationError, PermanentError, TransientError
from list_pipeline.core.messages.delivery import DeliveryFigures, pause_after
from list_pipeline.core.messages.slack_blocks import (
    SlackMessage,
    as_text,
    compose,
    context,
    header,
    link,
    problems,
    safe_message,
    section,
    with_blocks,
)
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.messages import (
    LateExecution,
    PlanDecision,
    Questions,
    WaitingPlan,
    decision_message,
    late_message,
    questions_message,
    review_block,
)
from list_pipeline.integrations.email import EmailSender

TO, FROM = "alerts@example.com", "pipeline@example.org"
SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def _figures(**values: Any) -> DeliveryFigures:
    nothing: dict[str, Any] = dict.fromkeys(
        ("messages", "delivered", "failing", "pending", "expired", "emailed", "repeated", "late"), 0
    ) | dict.fromkeys(("median_s", "p95_s", "slowest_s", "longest_wait_s"))
    return DeliveryFigures(SINCE, **{**nothing, **values})


# What they say


@given(
    by=st.text(max_size=400), note=st.text(max_size=600), status=st.sampled_from(["approved", "rejected", "expired"])
)
def test_a_name_and_a_note_can_neither_mention_nor_break_a_message(by: str, note: str, status: str) -> None:
    decision = PlanDecision(7, PlanKind.SUPPRESSION, PlanStatus(status), "2026-11-20-r3-1", by, note, 12)
    message = decision_message(decision, [link("https://example.com/runs/1", "Dagster run")])

    assert problems(message.text, message.blocks) == ()
    assert "<" not in str(message).replace("<https://example.com/runs/1|Dagster run>", "")


def test_whoever_is_asked_finds_the_commands_and_the_end_of_the_wait() -> None:
    waiting = [WaitingPlan(7, PlanKind.SUPPRESSION, "the-hash-of-it", 12)]
    blocks = review_block(waiting, Questions(1, 6), 72)

    assert [block["type"] for block in blocks] == ["section", "section"]
    text = "\n".join(block["text"]["text"] for block in blocks)
    assert "Suppression plan 7, 12 changes:" in text
    assert "`list-pipeline approve 7 the-hash-of- --by NAME`" in text
    assert "`list-pipeline reject 7 --by NAME`" in text
    assert "One question about 6 contacts" in text
    assert "72 hours" in text
    assert review_block([], Questions(), 72) == []


@pytest.mark.parametrize(
    ("questions", "said", "not_said"),
    [
        (Questions(1, 1), "Without an answer it lapses after 72 hours, nothing done.", "incident"),
        (Questions(3, 3), "Without an answer they lapse after 72 hours, nothing done.", "incident"),
        (Questions(2, 7, 1), "Without an answer the rest lapses after 72 hours, nothing done.", "it lapses"),
        (Questions(2, 7, 1), "ends by the next mailings, at the latest after 60 days", "it lapses"),
        (Questions(1, 6, 1), "ends by the next mailings, at the latest after 60 days", "72 hours"),
    ],
)
def test_each_question_is_told_its_own_end(questions: Questions, said: str, not_said: str) -> None:
    (block,) = review_block([], questions, 72)
    assert said in block["text"]["text"]
    assert not_said not in block["text"]["text"]


def test_whoever_is_asked_about_contacts_that_could_not_be_changed_is_not_told_that_this_lapses() -> None:
    (block,) = review_block([], Questions(), 72, Questions(1, 1))
    text = block["text"]["text"]
    assert "One question about 1 contact that could not be changed" in text
    assert "72 hours" not in text
    assert "does not lapse" in text


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("suppression", "approved", "ada approved one change, to be carried out next and reported here."),
        ("suppression", "rejected", "Its contacts stay on their lists, also in later looks"),
        ("suppression", "expired", "judged anew by the next look"),
        ("rebalancing", "expired", "the next campaign's rebalancing evens them"),
        ("repair", "rejected", "The lists stay as they are."),
    ],
)
def test_a_decision_says_what_follows_from_it(kind: str, status: str, words: str) -> None:
    by = "nobody" if status == "expired" else "ada"
    message = decision_message(PlanDecision(7, PlanKind(kind), PlanStatus(status), "", by, "", 1))

    assert words in as_text(message)
    assert ("Nobody decided on it in time." in as_text(message)) == (status == "expired")


def test_late_executions_and_lapsed_questions_are_told_with_their_counts() -> None:
    late = as_text(late_message(LateExecution(7, PlanKind.SUPPRESSION, "2026-11-20-r3-1", 3, 9, 1)))
    assert "3 questions of suppression plan 7" in late
    assert "9 changes" in late
    assert "1 failed and wait for a person" in late
    assert "Questions about single contacts: 4." in as_text(questions_message("2026-11-20-r3-1", 4))


# What Slack would refuse


@pytest.mark.parametrize(
    "blocks",
    [[{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], [{}], ["no block"], [header("a")] * 51],
)
def test_a_message_that_slack_would_refuse_is_replaced_by_its_plain_text(blocks: list[Any]) -> None:
    message, found = safe_message("The lists were changed", blocks)

    assert found
    assert (message.text, message.blocks) == ("The lists were changed", [])


def test_a_good_message_is_left_as_it_is_and_an_empty_text_is_not() -> None:
    assert safe_message("Fine", [header("Fine")]) == (("Fine", [header("Fine")], None), ())
    message, found = safe_message(" ", [header("Fine")])
    assert found
    assert problems(message.text, message.blocks) == ()


def test_what_people_have_to_do_never_gives_way_to_the_rest_of_a_message() -> None:
    sections = [section([compose("{text}", text=f"{n} " + "x" * 280)] * 10) for n in range(4)]
    message = SlackMessage("Report", [header("Report"), *sections, context([compose("small print")])])
    assert problems(message.text, message.blocks) == ()
    added = [section([compose("Your decision")])]

    whole = with_blocks(message, added, after="0 x")
    assert [block["type"] for block in whole.blocks] == ["header", "section", "section", *["section"] * 3, "context"]
    assert whole.blocks[2] == added[0]
    fuller = with_blocks(message, [section([compose("{text}", text="y" * 280)] * 10)] * 2)
    assert problems(fuller.text, fuller.blocks) == ()
    assert "yyy" in str(fuller.blocks)
    assert fuller.blocks[-1] == message.blocks[-1]


# When they are tried again, and what is alerted


def test_pauses_double_up_to_a_quarter_of_an_hour_and_respect_what_the_service_asks_for() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, 9)]

    assert [pause.total_seconds() for pause in pauses] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert pause_after(1, 3600) == timedelta(hours=1)
    assert pause_after(10_000) == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("figures", "alerts"),
    [
        (_figures(), 0),
        (_figures(messages=100, delivered=95, failing=5), 0),
        (_figures(messages=100, delivered=94, failing=6), 1),
        (_figures(messages=3, delivered=2, failing=1), 0),
        (_figures(messages=3, delivered=1, expired=2), 1),
        (_figures(messages=2, delivered=1, pending=1, p95_s=61.0), 1),
        (_figures(messages=2, delivered=1, pending=1, longest_wait_s=75.0), 1),
    ],
)
def test_one_in_twenty_failing_or_a_minute_is_alerted(figures: DeliveryFigures, alerts: int) -> None:
    assert len(figures.alerts) == alerts


def test_the_rate_of_nothing_is_not_known() -> None:
    assert _figures(messages=1, pending=1).delivery_rate is None
    assert _figures(messages=5, pending=1, delivered=3, failing=1).delivery_rate == 0.75


# E-mail


def _answering(status: int, body: Any) -> EmailSender:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    return EmailSender("https://api.mailjet.com", "key", "secret", FROM, [TO], transport=transport)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"ErrorCode": "mj-0002", "ErrorMessage": f"no {TO}"}, AuthenticationError),
        (429, {}, TransientError),
        (500, "oops", TransientError),
        (200, "<html>", TransientError),
        (
            400,
            {
                "Messages": [
                    {"Status": "error", "Errors": [{"ErrorCode": "mj-0013", "ErrorMessage": f'"{TO}" is invalid'}]}
                ]
            },
            PermanentError,
        ),
    ],
)
def test_what_mailjet_does_not_take_has_a_type_a_code_and_no_address(
    status: int, body: Any, expected: type[IntegrationError]
) -> None:
    sender = _answering(status, body)
    with pytest.raises(expected) as caught:
        sender.send("Subject", "Text", "key")

    shown = f"{caught.value} {caught.value!r} {sender!r}"
    assert TO not in shown
    assert FROM not in shown
    assert ("mj-" in shown) == ("mj-" in str(body))


def test_a_lost_answer_shows_no_address_either() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(f"{TO} did not answer", request=request)

    sender = EmailSender("https://api.mailjet.com", "k", "s", FROM, [TO], transport=httpx.MockTransport(lost))
    with pytest.raises(TransientError) as caught:
        sender.send("Subject", "Text", "key")

    assert TO not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_email_is_one_line_of_subject_plain_text_and_our_key() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"Messages": [{"Status": "success"}]})

    sender = EmailSender("https://api.mailjet.com/v3", "k", "s", FROM, [TO], transport=httpx.MockTransport(take))
    sender.send("Failed\r\nBcc: everybody@example.net", "Text", "maintenance:1:failed:0")

    (request,) = seen
    assert str(request.url) == "https://api.mailjet.com/v3.1/send"
    message = httpx.Response(200, content=request.content).json()["Messages"][0]
    assert message["Subject"] == "Failed Bcc: everybody@example.net"
    assert message["To"] == [{"Email": TO}]
    assert message["TextPart"] == "Text"
    assert message["CustomID"] == "maintenance:1:failed:0"
