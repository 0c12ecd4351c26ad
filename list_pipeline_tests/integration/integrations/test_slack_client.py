"""The Slack client against the sandbox's Slack, over a socket."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient

from list_pipeline.core.errors import (
    AuthenticationError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    RemoteNotFoundError,
    TransientError,
)
from list_pipeline.core.messages.slack_blocks import header
from list_pipeline.integrations.slack import (
    DeliveryUnknownError,
    MessageRefusedError,
    SlackClient,
    post_to_webhook,
)
from list_pipeline.sandbox.slack.service import SlackService
from list_pipeline_tests.integration.views.serving import Served, serving
from list_pipeline_tests.virtual_clock import VirtualClock

TOKEN = "xoxb-synthetic-token"
BLOCKS = [header("Report")]
START = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def slack(tmp_path: Path, clock: VirtualClock) -> Iterator[Served]:
    service = SlackService(tmp_path, clock)
    with serving(service, "slack") as served:
        yield served
    service.close()


@pytest.fixture
def client_for(slack: Served, clock: VirtualClock) -> Callable[..., SlackClient]:
    def make(channel: str = "#_traction", token: str = TOKEN, timeout_s: float = 5.0) -> SlackClient:
        return SlackClient(f"{slack.url}/api/", token, channel, timeout_s, clock=clock)

    return make


ClientFor = Callable[..., SlackClient]


def test_a_posted_message_can_be_found_again_by_its_key(slack: Served, client_for: ClientFor) -> None:
    client = client_for()
    other, posted = client.post("Other", BLOCKS, key="other"), client.post("Report", BLOCKS, key="maintenance-17")

    assert client.find("maintenance-17") == posted
    assert client.find("other") == other
    assert client.find("never-posted") is None
    assert posted.channel == "C0TRACTION"
    assert posted.permalink is not None
    assert posted.ts.replace(".", "") in posted.permalink
    assert [m["text"] for m in slack.control("messages")] == ["Other", "Report"]


def test_a_thread_reply_is_found_in_its_thread_only(client_for: ClientFor) -> None:
    client = client_for()
    parent = client.post("Report", BLOCKS, key="parent")
    reply = client.post("Update", [], key="reply", thread_ts=parent.ts)

    assert client.find("reply") is None
    assert client.find("reply", thread_ts=parent.ts) == reply


def test_an_answer_to_a_message_that_is_gone_stands_by_itself_and_says_so(client_for: ClientFor) -> None:
    client = client_for()
    alone = client.post("Update", [], key="reply", thread_ts="1700000000.000100")

    assert alone.thread_ts is None
    assert client.find("reply") == alone
    assert client.find("reply", thread_ts="1700000000.000100") == alone


def test_a_lost_answer_below_a_message_that_is_gone_ends_in_exactly_one_message(
    slack: Served, client_for: ClientFor
) -> None:
    slack.control("scenarios", {"kind": "lost_answer"})
    posted = client_for().deliver("Update", BLOCKS, "reply", "1700000000.000100")

    assert posted.thread_ts is None
    assert [message["text"] for message in slack.control("messages")] == ["Update"]


def test_an_update_replaces_text_and_blocks(slack: Served, client_for: ClientFor) -> None:
    client = client_for()
    posted = client.post("Waits", BLOCKS, key="k")
    client.update(posted, "Approved", [header("Approved")])

    (message,) = slack.control("messages")
    assert message["text"] == "Approved"
    assert message["blocks"][0]["text"]["text"] == "Approved"


def test_a_lost_answer_ends_in_exactly_one_message(slack: Served, client_for: ClientFor) -> None:
    slack.control("scenarios", {"kind": "lost_answer"})

    delivered = client_for("C0TRACTION").deliver("Report", BLOCKS, key="maintenance-17")

    messages = slack.control("messages")
    assert [m["ts"] for m in messages] == [delivered.ts]


def test_a_lost_answer_is_unknown_to_a_plain_post_and_is_not_repeated(slack: Served, client_for: ClientFor) -> None:
    slack.control("scenarios", {"kind": "lost_answer"})

    with pytest.raises(DeliveryUnknownError):
        client_for().post("Report", BLOCKS, key="k")

    assert len(slack.control("messages")) == 1


def test_a_later_run_that_is_told_of_an_unknown_outcome_does_not_post_again(
    slack: Served, client_for: ClientFor
) -> None:
    slack.control("scenarios", {"kind": "lost_answer"})
    with pytest.raises(DeliveryUnknownError):
        client_for().post("Report", BLOCKS, key="k")

    found = client_for().deliver("Report", BLOCKS, key="k", maybe_posted=True, oldest=START - timedelta(hours=1))

    assert [m["ts"] for m in slack.control("messages")] == [found.ts]


def test_a_server_error_before_anything_was_stored_is_posted_by_the_next_attempt(
    slack: Served, client_for: ClientFor
) -> None:
    slack.control("scenarios", {"kind": "server_error"})
    client = client_for()
    with pytest.raises(DeliveryUnknownError):
        client.deliver("Report", BLOCKS, key="k")

    client.deliver("Report", BLOCKS, key="k", maybe_posted=True)

    assert len(slack.control("messages")) == 1


def test_when_the_history_cannot_be_read_nothing_is_posted(slack: Served, client_for: ClientFor) -> None:
    slack.control("scenarios", {"kind": "server_error", "method": "conversations.history"})

    with pytest.raises(TransientError):
        client_for("C0TRACTION").deliver("Report", BLOCKS, key="k", maybe_posted=True)

    assert slack.control("messages") == []


def test_a_message_that_slack_dates_a_little_earlier_is_still_found(client_for: ClientFor) -> None:
    posted = client_for().post("Report", BLOCKS, key="k")

    assert client_for("C0TRACTION").find("k", oldest=START + timedelta(minutes=4)) == posted
    assert client_for("C0TRACTION").find("k", oldest=START + timedelta(minutes=6)) is None


@pytest.mark.parametrize("method", ["conversations.list", "conversations.history"])
def test_a_lost_answer_that_may_not_be_looked_up_stays_unknown(
    slack: Served, client_for: ClientFor, method: str
) -> None:
    slack.control("scenarios", {"kind": "lost_answer"})
    slack.control("scenarios", {"kind": "error", "error": "missing_scope", "method": method})

    with pytest.raises(DeliveryUnknownError, match="missing_scope"):
        client_for().deliver("Report", BLOCKS, key="k")

    assert len(slack.control("messages")) == 1


def test_find_reads_every_page_of_the_history(client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("list_pipeline.integrations.slack._PAGE", 2)
    client = client_for()
    wanted = client.post("First", BLOCKS, key="first")
    for number in range(5):
        client.post("Later", BLOCKS, key=f"later-{number}")

    assert client.find("first") == wanted


def test_a_history_too_long_to_read_is_no_proof_of_absence(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("list_pipeline.integrations.slack._PAGE", 1)
    monkeypatch.setattr("list_pipeline.integrations.slack._MOST_PAGES", 2)
    client = client_for("C0TRACTION")
    for number in range(4):
        client.post("Later", BLOCKS, key=f"later-{number}")

    with pytest.raises(TransientError):
        client.find("first")


def test_a_rate_limit_is_waited_out_by_the_clock(slack: Served, client_for: ClientFor, clock: VirtualClock) -> None:
    slack.control("scenarios", {"kind": "rate_limited", "retry_after": 3, "times": 2})

    client_for().post("Report", BLOCKS, key="k")

    assert len(slack.control("messages")) == 1
    assert timedelta(seconds=6) <= clock.now() - START <= timedelta(seconds=8)


@pytest.mark.parametrize(("retry_after", "times"), [(3600, 1), (1, 3)])
def test_a_rate_limit_that_is_too_long_or_too_often_is_reported(
    slack: Served, client_for: ClientFor, retry_after: int, times: int
) -> None:
    slack.control("scenarios", {"kind": "rate_limited", "retry_after": retry_after, "times": times})

    with pytest.raises(RateLimitedError) as caught:
        client_for().post("Report", BLOCKS, key="k")

    assert caught.value.retry_after_s == retry_after
    assert slack.control("messages") == []


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ({"kind": "html"}, DeliveryUnknownError),
        ({"kind": "server_error"}, DeliveryUnknownError),
        ({"kind": "error", "error": "fatal_error"}, DeliveryUnknownError),
        ({"kind": "error", "error": "token_revoked"}, AuthenticationError),
        ({"kind": "error", "error": "missing_scope"}, AuthenticationError),
        ({"kind": "error", "error": "is_archived"}, RemoteNotFoundError),
        ({"kind": "error", "error": "some_new_code"}, PermanentError),
        ({"kind": "rate_limited", "retry_after": None, "times": 9}, RateLimitedError),
    ],
)
def test_each_refusal_has_its_type(
    slack: Served, client_for: ClientFor, scenario: dict[str, Any], expected: type[IntegrationError]
) -> None:
    slack.control("scenarios", scenario)

    with pytest.raises(IntegrationError) as caught:
        client_for().post("Report", BLOCKS, key="k")

    assert type(caught.value) is (MessageRefusedError if expected is PermanentError else expected)


@pytest.mark.parametrize(
    ("channel", "token", "expected"),
    [
        ("C0NOPE", TOKEN, RemoteNotFoundError),
        ("C0PRIVATE", TOKEN, RemoteNotFoundError),
        ("#_traction", "xoxb-bad", AuthenticationError),
        ("#_traction", "", AuthenticationError),
    ],
)
def test_wrong_channel_and_wrong_token_say_which_setting_to_check(
    client_for: ClientFor, channel: str, token: str, expected: type[IntegrationError]
) -> None:
    with pytest.raises(expected, match=r"SLACK_(CHANNEL_ID|BOT_TOKEN)"):
        client_for(channel, token).post("Report", BLOCKS, key="k")


def test_looking_up_an_unknown_channel_name_says_so(client_for: ClientFor) -> None:
    with pytest.raises(RemoteNotFoundError, match="SLACK_CHANNEL_ID"):
        client_for("#nowhere").find("k")


def test_slow_is_unknown_after_the_timeout(slack: Served, client_for: ClientFor) -> None:
    slack.control("scenarios", {"kind": "slow", "seconds": 1.3})

    with pytest.raises(DeliveryUnknownError):
        client_for(timeout_s=1.0).post("Report", BLOCKS, key="k")


def test_a_refused_connection_is_transient_and_certainly_nothing_was_sent(clock: VirtualClock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = SlackClient(f"http://127.0.0.1:{port}/api/", TOKEN, "C0TRACTION", 2.0, clock=clock)

    with pytest.raises(TransientError) as caught:
        client.post("Report", BLOCKS, key="k")

    assert not isinstance(caught.value, DeliveryUnknownError)


def test_blocks_that_slack_refuses_are_named_with_their_place(client_for: ClientFor) -> None:
    too_long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}

    with pytest.raises(MessageRefusedError, match="/blocks/0/text/text"):
        client_for().post("Report", [too_long], key="k")


@pytest.mark.parametrize(("text", "code"), [("", "no_text"), ("x" * 40_001, "msg_too_long")])
def test_texts_that_slack_refuses_are_named(client_for: ClientFor, text: str, code: str) -> None:
    with pytest.raises(MessageRefusedError, match=code):
        client_for().post(text, [], key="k")


def test_the_token_is_in_no_error_log_or_repr(
    slack: Served, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_for()
    slack.control("scenarios", {"kind": "lost_answer"})
    with pytest.raises(DeliveryUnknownError) as caught:
        client.post("Report", BLOCKS, key="k")
    client.post("Report", BLOCKS, key="k2")

    shown = repr(client) + repr(caught.value) + str(caught.value) + caplog.text
    assert TOKEN not in shown
    assert caught.value.__cause__ is None


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    slack: Served, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    SlackClient(f"{slack.url}/api/", TOKEN, "C0TRACTION", 3.0, clock=clock).check()


def test_the_webhook_posts_and_types_its_refusals(slack: Served, clock: VirtualClock) -> None:
    url = f"{slack.url}/services/T0/B0/secretpart"
    post_to_webhook(url, "Report", BLOCKS, 3.0)
    with pytest.raises(MessageRefusedError, match="invalid_blocks") as caught:
        post_to_webhook(url, "Report", [{"type": "bogus"}], 3.0)

    assert "secretpart" not in str(caught.value)
    assert [m["text"] for m in slack.control("messages")] == ["Report"]


def test_the_sandbox_keeps_its_channel_over_a_restart(tmp_path: Path, clock: VirtualClock) -> None:
    for text in ("One", "Two"):
        service = SlackService(tmp_path, clock)
        with serving(service, "slack") as served:
            SlackClient(f"{served.url}/api/", TOKEN, "C0TRACTION", 3.0, clock=clock).post(text, [], key=text)
            texts = [message["text"] for message in served.control("messages")]
        service.close()

    assert texts == ["One", "Two"]


def test_the_sandbox_takes_a_file_by_the_three_steps_of_the_sdk(slack: Served) -> None:
    web = WebClient(TOKEN, base_url=f"{slack.url}/api/")
    web.proxy = None

    answer = web.files_upload_v2(channel="C0TRACTION", filename="chart.png", content=b"\x89PNG", title="Chart")

    assert answer["files"][0]["title"] == "Chart"
    assert [message["text"] for message in slack.control("messages")] == ["Chart"]
