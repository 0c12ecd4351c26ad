"""The rehearsed Slack's people: what they can press, how long a modal can be opened, and what the page shows of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from list_pipeline.sandbox.http import Request
from list_pipeline.sandbox.slack.people import People, PeopleError
from list_pipeline.sandbox.slack.service import SlackService
from list_pipeline.sandbox.slack.socket_mode import MOST_SOCKETS, SocketMode
from list_pipeline_tests.integration.views.serving import Served, serving
from list_pipeline_tests.virtual_clock import VirtualClock

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
BUTTONS: dict[str, Any] = {
    "type": "actions",
    "block_id": "b",
    "elements": [
        {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "<b>Go</b>"}, "value": "v"},
        {
            "type": "button",
            "action_id": "o",
            "text": {"type": "plain_text", "text": "Look"},
            "url": "https://a.example/?x&y",
        },
        {
            "type": "button",
            "action_id": "s",
            "text": {"type": "plain_text", "text": "Odd"},
            "url": "javascript:alert(1)",
        },
    ],
}
VIEW: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Why"},
    "submit": {"type": "plain_text", "text": "Go"},
    "blocks": [{"type": "input", "block_id": "b"}],
}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def slack(tmp_path: Path, clock: VirtualClock) -> Iterator[Served]:
    service = SlackService(tmp_path, clock)
    with serving(service, "slack") as served:
        yield served
    service.close()


def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_a_button_that_is_not_there_cannot_be_pressed_and_without_an_app_nobody_acknowledges(slack: Served) -> None:
    web = WebClient("xoxb-sandbox", base_url=f"{slack.url}/api/")
    ts = str(web.chat_postMessage(channel="C0DEMO", text="x", blocks=[BUTTONS])["ts"])
    for wanted in (
        {"ts": ts, "action_id": "gone"},
        {"ts": "1.1", "action_id": "a"},
        {"ts": ts, "action_id": "a", "value": "w"},
    ):
        request = Request("POST", "/_sandbox/slack/press", "", {}, json.dumps(wanted).encode())
        answer = slack.service.handle(request)
        assert answer is not None
        assert answer.status == 404
    answer = slack.control("press", {"ts": ts, "action_id": "a"})
    assert (answer["connected"], answer["acknowledged"]) == (False, [])
    assert answer["envelope"]["payload"]["channel"] == {"id": "C0DEMO", "name": "demo"}
    assert answer["envelope"]["payload"]["actions"][0]["value"] == "v"


def test_a_trigger_opens_one_modal_and_only_for_three_seconds(slack: Served, clock: VirtualClock) -> None:
    web = WebClient("xoxb-sandbox", base_url=f"{slack.url}/api/")
    ts = str(web.chat_postMessage(channel="C0DEMO", text="x", blocks=[BUTTONS])["ts"])

    def trigger() -> str:
        return str(slack.control("press", {"ts": ts, "action_id": "a"})["envelope"]["payload"]["trigger_id"])

    used = trigger()
    assert web.views_open(trigger_id=used, view=VIEW)["view"]["id"] == "V00000001"
    assert refused(lambda: web.views_open(trigger_id=used, view=VIEW)) == "invalid_trigger_id"
    late = trigger()
    clock.advance(timedelta(seconds=3.1))
    assert refused(lambda: web.views_open(trigger_id=late, view=VIEW)) == "expired_trigger_id"
    long = {**VIEW, "title": {"type": "plain_text", "text": "x" * 25}}
    for odd in (long, {**VIEW, "blocks": []}, {**VIEW, "private_metadata": "x" * 3_001}, {"type": "home"},
                {name: value for name, value in VIEW.items() if name != "submit"}):  # fmt: skip
        again = trigger()
        assert refused(lambda odd=odd, again=again: web.views_open(trigger_id=again, view=odd)) == "invalid_arguments"


def test_an_app_has_ten_sockets_at_the_most_and_a_ticket_is_good_once(slack: Served) -> None:
    web = WebClient("xapp-sandbox", base_url=f"{slack.url}/api/")
    url = str(web.apps_connections_open(app_token="xapp-sandbox")["url"])
    assert url.startswith("ws://127.0.0.1:")
    assert refused(lambda: web.apps_connections_open(app_token="xoxb-sandbox")) == "not_allowed_token_type"
    assert refused(lambda: web.apps_connections_open(app_token="xapp-bad")) == "invalid_auth"
    assert MOST_SOCKETS == 10


def test_the_page_shows_buttons_and_follows_no_odd_link(slack: Served) -> None:
    web = WebClient("xoxb-sandbox", base_url=f"{slack.url}/api/")
    web.chat_postMessage(channel="C0DEMO", text="x", blocks=[BUTTONS])
    answer = slack.service.handle(Request("GET", "/_sandbox/slack/", "", {}, b""))
    assert answer is not None
    page = answer.body.decode()
    assert '<span class="button">&lt;b&gt;Go&lt;/b&gt;</span>' in page
    assert 'href="https://a.example/?x&amp;y">Look</a>' in page
    assert "javascript" not in page


def test_a_modal_that_is_not_open_cannot_be_submitted(clock: VirtualClock) -> None:
    people = People(SocketMode(), clock.now)
    with pytest.raises(PeopleError, match="no modal V1 is open"):
        people.submit({"view_id": "V1"})
