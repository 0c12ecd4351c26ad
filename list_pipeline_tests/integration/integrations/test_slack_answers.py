"""What the Slack client makes of answers that are not Slack's, or not whole: a typed error, and never a message that counts as
posted because something answered."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from list_pipeline.core.errors import AuthenticationError, IntegrationError, RemoteNotFoundError, TransientError
from list_pipeline.integrations import slack as slack_client
from list_pipeline.integrations.slack import (
    DeliveryUnknownError,
    MessageRefusedError,
    SlackClient,
    ThreadLostError,
    post_to_webhook,
)
from list_pipeline_tests.virtual_clock import VirtualClock

TOKEN = "xoxb-synthetic-token"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"

Answering = Callable[[bytes], str]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Something that answers every request with status 200 and these bytes; returns its URL."""
    body = b""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=x-unknown")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - the name that the library asks for

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def answer(with_bytes: bytes) -> str:
            nonlocal body
            body = with_bytes
            return f"http://127.0.0.1:{server.server_port}/"

        yield answer
        server.shutdown()


def client(url: str) -> SlackClient:
    return SlackClient(url, TOKEN, "C0TRACTION", 3.0, clock=VirtualClock(START))


NO_ANSWERS = [
    b"", b"null", b"1", b"[]", b'{"ok": tr', b'{"ok": true}', b'{"ok": true, "channel": "C1", "ts": null}', b'{"ok": false}',
    b'{"ok": false, "error": {"jane@example.com": 1}}', b"\x1f\x8b\xff\x00", b'{"ok": true, "channel": "\xff"}', PAGE,
]  # fmt: skip


@pytest.mark.parametrize("body", NO_ANSWERS)
def test_an_answer_that_does_not_say_where_the_message_is_leaves_it_unknown(answering: Answering, body: bytes) -> None:
    with pytest.raises(DeliveryUnknownError) as caught:
        client(answering(body)).post("Report", [], key="k")
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b'{"ok": true}', b'{"ok": true, "messages": "x"}', b'{"ok": true, "messages": ["x"]}', b"1"]
)
def test_a_history_without_a_list_is_no_proof_of_absence(answering: Answering, body: bytes) -> None:
    with pytest.raises(TransientError):
        client(answering(body)).find("k")


def test_metadata_of_another_type_belongs_to_somebody_elses_message(answering: Answering) -> None:
    messages = [
        {"ts": "1.0", "metadata": "x"},
        {"ts": "1.1", "metadata": {"event_type": "list_pipeline", "event_payload": 1}},
    ]
    assert client(answering(json.dumps({"ok": True, "messages": messages}).encode())).find("k") is None


@pytest.mark.parametrize("body", [b"", b"null", PAGE, b'{"ok": false}', b'{"ok": "true"}', b"okay", b'{"ok": true'])
def test_a_webhook_that_answers_something_else_than_ok_did_not_certainly_post(
    answering: Answering, body: bytes
) -> None:
    with pytest.raises(DeliveryUnknownError):
        post_to_webhook(answering(body), "Report", [], 3.0)


@pytest.mark.parametrize("body", [b"ok", b"ok\n", b'{"ok": true}'])
def test_a_webhook_that_says_ok_took_the_message(answering: Answering, body: bytes) -> None:
    post_to_webhook(answering(body), "Report", [], 3.0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("restricted_action_thread_locked", ThreadLostError),
        ("restricted_action_non_threadable_channel", ThreadLostError),
        ("restricted_action_read_only_channel", RemoteNotFoundError),
        ("team_access_not_granted", AuthenticationError),
        ("access_denied", AuthenticationError),
        ("team_added_to_org", DeliveryUnknownError),
        ("msg_blocks_too_long", MessageRefusedError),
    ],
)
def test_a_refusal_says_whether_the_channel_the_thread_the_token_or_the_message_is_wrong(
    answering: Answering, code: str, expected: type[IntegrationError]
) -> None:
    body = {
        "ok": False,
        "error": code,
        "response_metadata": {"messages": ["[ERROR] jane@example.com [json-pointer:/]"]},
    }
    for metadata in (body["response_metadata"], "x", {"messages": 7}):
        answer = json.dumps({**body, "response_metadata": metadata}).encode()
        with pytest.raises(IntegrationError) as caught:
            client(answering(answer)).post("Report", [], key="k", thread_ts="1.0")
        assert type(caught.value) is expected
        assert "jane" not in str(caught.value)


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_without_an_end(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = answering(b'{"ok": true, "channel": "C1", "ts": "1.0"}')
    monkeypatch.setattr(slack_client, "_PIECE", 1)
    assert client(url).post("Report", [], key="k").ts == "1.0"
    monkeypatch.setattr(slack_client, "_WHOLE_ANSWER", 0)
    with pytest.raises(DeliveryUnknownError):
        client(url).post("Report", [], key="k")
    with pytest.raises(DeliveryUnknownError):
        post_to_webhook(url, "Report", [], 3.0)


def test_a_proxy_that_refuses_to_connect_passed_nothing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as proxy:

        def refuse() -> None:
            for _ in range(2):
                connection, _address = proxy.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        for post in (
            lambda: client("https://slack.example.com/api/").post("Report", [], key="k"),
            lambda: post_to_webhook("https://hooks.slack.example.com/services/T0/B0/x", "Report", [], 3.0),
        ):
            with pytest.raises(TransientError) as caught:
                post()
            assert not isinstance(caught.value, DeliveryUnknownError)
