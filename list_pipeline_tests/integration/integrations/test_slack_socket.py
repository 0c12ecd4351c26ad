"""The socket to Slack against the sandbox's: it connects, stays connected, acknowledges before it works, and ends when told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from list_pipeline.core.errors import AuthenticationError, PermanentError, TransientError
from list_pipeline.core.messages.slack_blocks import Block, header
from list_pipeline.integrations.slack_interaction import SlackInteraction
from list_pipeline.integrations.slack_socket import SlackSocket
from list_pipeline.sandbox.slack.service import SlackService
from list_pipeline_tests.integration.views.serving import Served, serving
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
LONG_S = 20.0
BUTTON: Block = {
    "type": "actions",
    "block_id": "b",
    "elements": [{"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "A"}, "value": "v"}],
}


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Served]:
    service = SlackService(tmp_path, VirtualClock(START))
    with serving(service, "slack") as served:
        yield served
    service.close()


def client(slack: Served, token: str = "xoxb-sandbox") -> SlackInteraction:
    return SlackInteraction(f"{slack.url}/api/", token, "C0TRACTION", 5.0, clock=VirtualClock(START))


@dataclass
class Listener:
    """Somebody who listens in a thread of its own, and what reached them."""

    socket: SlackSocket
    stop: threading.Event
    thread: threading.Thread
    heard: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(LONG_S)
        assert not self.thread.is_alive()


@contextmanager
def listening(
    slack: Served,
    hear: Callable[[Mapping[str, Any]], None] = lambda _: None,
    check: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = lambda _: None,
    app_token: str = "xapp-sandbox",
) -> Iterator[Listener]:
    stop = threading.Event()

    def keep(payload: Mapping[str, Any], app: str) -> None:
        hear(payload)
        found.heard.append((payload, app))

    def run() -> None:
        try:
            found.socket.run(stop)
        except Exception as error:  # noqa: BLE001 - looked at by the tests
            found.failed.append(error)

    socket = SlackSocket(client(slack), app_token, check=check, hear=keep, ping_s=0.1)
    found = Listener(socket, stop, threading.Thread(target=run, daemon=True))
    found.thread.start()
    try:
        yield found
    finally:
        found.end()


def until(holds: Callable[[], bool], most_s: float = LONG_S) -> None:
    """Wait for threads and sockets of others, which have no clock of ours."""
    end = time.monotonic() + most_s
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        threading.Event().wait(0.02)


def posted(slack: Served) -> str:
    return client(slack).post("Waits", [header("Waits"), BUTTON], key=f"k{time.monotonic()}").ts


def press(slack: Served, ts: str, **parts: Any) -> Any:
    return slack.control("press", {"ts": ts, "action_id": "a", **parts})["acknowledged"]


def test_a_click_is_acknowledged_before_anything_is_done_about_it(slack: Served) -> None:
    goes_on = threading.Event()
    with listening(slack, hear=lambda _: goes_on.wait(LONG_S) and None) as here:
        assert here.socket.connected.wait(LONG_S)
        (said,) = press(slack, posted(slack))
        assert set(said) == {"envelope_id"}
        assert here.heard == []
        # A click that takes long keeps nobody else waiting.
        assert press(slack, posted(slack))
        goes_on.set()
        until(lambda: len(here.heard) == 2)
    payload, app = here.heard[0]
    assert (payload["type"], payload["user"]["id"], app) == ("block_actions", "U0ALICE", "A0")


def test_an_envelope_that_comes_three_times_is_acknowledged_each_time_and_heard_once(slack: Served) -> None:
    with listening(slack) as here:
        assert here.socket.connected.wait(LONG_S)
        envelope = {"envelope_id": "e-1", "type": "interactive", "payload": {"type": "block_actions"}}
        for _ in range(3):
            assert slack.control("envelope", envelope)["acknowledged"] == [{"envelope_id": "e-1"}]
        slack.control("envelope", {**envelope, "envelope_id": "e-2"})
        until(lambda: len(here.heard) == 2)


def test_what_the_check_says_goes_back_and_nothing_is_done(slack: Served) -> None:
    with listening(slack, check=lambda _: {"response_action": "errors", "errors": {"b": "no"}}) as here:
        assert here.socket.connected.wait(LONG_S)
        (said,) = press(slack, posted(slack))
    assert said["payload"] == {"response_action": "errors", "errors": {"b": "no"}}
    assert here.heard == []


def test_whoever_fails_over_one_click_hears_the_next(slack: Served) -> None:
    def fail_once(payload: Mapping[str, Any]) -> None:
        if payload["actions"][0]["value"] == "v" and not failed.is_set():
            failed.set()
            raise ZeroDivisionError

    failed = threading.Event()
    with listening(slack, hear=fail_once) as here:
        assert here.socket.connected.wait(LONG_S)
        press(slack, posted(slack))
        assert failed.wait(LONG_S)
        press(slack, posted(slack))
        until(lambda: len(here.heard) == 1)


@pytest.mark.parametrize("reason", ["refresh_requested", "abrupt"])
def test_after_slack_ends_a_connection_there_is_another_one(slack: Served, reason: str) -> None:
    with listening(slack) as here:
        assert here.socket.connected.wait(LONG_S)
        slack.control("disconnect", {"reason": reason})
        until(lambda: slack.control("socket")["opened"] >= 2 and slack.control("socket")["connected"] == 1)
        assert press(slack, posted(slack))
        until(lambda: len(here.heard) == 1)
    until(lambda: slack.control("socket")["connected"] == 0)


def test_the_first_connection_is_tried_until_it_stands(slack: Served) -> None:
    slack.control("scenarios", {"kind": "server_error", "method": "apps.connections.open", "times": 1})
    with listening(slack) as here:
        assert here.socket.connected.wait(LONG_S)
    assert here.failed == []


def test_a_refused_token_ends_it_and_names_the_setting(slack: Served) -> None:
    with listening(slack, app_token="xapp-bad") as here:
        here.thread.join(LONG_S)
        assert not here.thread.is_alive()
    (error,) = here.failed
    assert isinstance(error, AuthenticationError)
    assert "SLACK_APP_TOKEN" in str(error)
    assert "xapp" not in str(error)


def test_a_token_that_is_revoked_later_ends_it_too(slack: Served) -> None:
    with listening(slack) as here:
        assert here.socket.connected.wait(LONG_S)
        slack.control(
            "scenarios", {"kind": "error", "error": "token_revoked", "method": "apps.connections.open", "times": 99}
        )
        slack.control("disconnect", {"reason": "abrupt"})
        here.thread.join(LONG_S)
        assert not here.thread.is_alive()
    assert isinstance(here.failed[0], AuthenticationError)


def test_it_ends_within_seconds_when_told_to_also_before_it_is_connected(slack: Served) -> None:
    slack.control("scenarios", {"kind": "server_error", "method": "apps.connections.open", "times": 99})
    with listening(slack) as here:
        began = time.monotonic()
        here.end()
        assert time.monotonic() - began < 10
    assert here.failed == []


@pytest.mark.parametrize(
    "url",
    [
        "ws://slack.example/link",
        "wss://slack.example:8443/link",
        "http://slack.example",
        "",
        "wss://",
        "wss://x:y/",
        7,
        None,
    ],
)
def test_a_socket_that_is_not_encrypted_is_not_opened(slack: Served, monkeypatch: pytest.MonkeyPatch, url: Any) -> None:
    here = client(slack)
    monkeypatch.setattr(here, "_call", lambda *_: {"url": url})
    with pytest.raises((PermanentError, TransientError)):
        here.socket_url("xapp-sandbox")


@pytest.mark.parametrize(
    "url", ["wss://wss-primary.slack.com/link/?ticket=t", "wss://slack.example:443/", "ws://127.0.0.1:81/"]
)
def test_an_encrypted_socket_and_one_of_this_machine_may_be_opened(
    slack: Served, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    here = client(slack)
    monkeypatch.setattr(here, "_call", lambda *_: {"url": url})
    assert here.socket_url("xapp-sandbox") == url


def test_who_we_are_is_asked_and_told(slack: Served) -> None:
    us = client(slack).identity()
    assert (us.team, us.user) == ("T0", "U0BOT")
    with pytest.raises(AuthenticationError):
        client(slack, "xoxb-bad").identity()


def test_one_person_alone_is_told_something(slack: Served) -> None:
    client(slack).tell_only("C0TRACTION", "U0ALICE", "Only you")
    (shown,) = slack.control("ephemerals")
    assert (shown["user"], shown["text"]) == ("U0ALICE", "Only you")
    assert shown["blocks"][0]["text"]["verbatim"] is True
    assert slack.control("messages") == []


def test_the_app_token_opens_nothing_but_sockets(slack: Served) -> None:
    with pytest.raises(AuthenticationError, match="not_allowed_token_type"):
        client(slack, "xapp-sandbox").post("x", [], key="k")
    with pytest.raises(AuthenticationError):
        client(slack).socket_url("xoxb-sandbox")
