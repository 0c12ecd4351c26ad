"""A service that points to another host: no client goes there, since its secret would go with it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from list_pipeline.core.advice import ModelRequest
from list_pipeline.core.errors import IntegrationError, TransientError
from list_pipeline.core.messages.slack_blocks import header
from list_pipeline.integrations.answer_times import AnswerTimes
from list_pipeline.integrations.email import EmailSender
from list_pipeline.integrations.error_tracking import ErrorTracking
from list_pipeline.integrations.gemini import GeminiClient
from list_pipeline.integrations.mailjet.transport import Resource, Transport
from list_pipeline.integrations.slack import DeliveryUnknownError, SlackClient, post_to_webhook
from list_pipeline_tests.limiter import InMemoryLimiter
from list_pipeline_tests.virtual_clock import VirtualClock

SECRET = "xoxb-synthetic-token"  # pragma: allowlist secret
CLOCK = VirtualClock(datetime(2026, 11, 21, 9, tzinfo=UTC))


@dataclass
class Elsewhere:
    """Two servers: whoever asks the first one is sent to the second one, which takes everything and remembers it."""

    url: str
    status: int
    arrived: list[str] = field(default_factory=list)
    asked: int = 0


@pytest.fixture(params=[301, 302, 303, 307, 308])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Elsewhere]:
    made = Elsewhere("", request.param)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.server is second:
                made.arrived.append(f"{self.path} {self.headers.get('Authorization')}")
                body = b'{"ok": true, "channel": "C0TRACTION", "ts": "1.2", "candidates": []}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
            else:
                made.asked += 1
                body = b"Moved"
                self.send_response(made.status)
                self.send_header("Location", f"http://127.0.0.1:{second.server_port}{self.path}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that the library looks for

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    first, second = (ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2))
    made.url = f"http://127.0.0.1:{first.server_port}"
    for server in (first, second):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    for server in (first, second):
        server.shutdown()
        server.server_close()


def _slack(url: str) -> None:
    SlackClient(f"{url}/api/", SECRET, "C0TRACTION", clock=CLOCK).post("Report", [header("Report")], "key")


def _webhook(url: str) -> None:
    post_to_webhook(f"{url}/services/{SECRET}", "Report", [header("Report")])


def _gemini(url: str) -> None:
    with_key = GeminiClient(SECRET, clock=CLOCK, base_url=url, attempts=1)
    with_key.generate(ModelRequest("Be brief.", "Say a", {"type": "object"}, None, 64))


def _email(url: str) -> None:
    EmailSender(url, "key", SECRET, "us@example.com", ["you@example.com"]).send("Subject", "Text", "key")


@pytest.mark.parametrize("ask", [_slack, _webhook, _gemini, _email])
def test_a_redirect_is_an_error_and_nothing_goes_to_the_other_host(
    elsewhere: Elsewhere, ask: Callable[[str], None]
) -> None:
    with pytest.raises(IntegrationError) as caught:
        ask(elsewhere.url)
    assert elsewhere.arrived == []
    assert str(elsewhere.status) in str(caught.value)
    assert SECRET not in str(caught.value)
    # Nothing was posted for certain, so nobody has to look it up before it is posted again.
    assert not isinstance(caught.value, DeliveryUnknownError)


def _tracker(url: str) -> None:
    sdk = pytest.importorskip("sentry_sdk", reason="the optional part `sentry` is not installed")
    tracking = ErrorTracking(f"http://{SECRET.partition('-')[0]}@{url.removeprefix('http://')}/1", environment="test")
    try:
        tracking.capture("maintenance failed", {}, None)
        sdk.get_client().transport._worker.flush(10.0)
    finally:
        sdk.get_client().close(timeout=5.0)
        # Bare, it would listen to every request of the process from here on.
        sdk.init(default_integrations=False, auto_enabling_integrations=False)
    raise TransientError("Telling the tracker", "it says nothing itself", "Look at the proxy")


def _mailjet(url: str) -> None:
    transport = Transport(
        base_url=url, api_key="key", secret_key=SECRET, limiter=InMemoryLimiter(60, CLOCK), clock=CLOCK, timeout_s=3.0,
        attempts=1, limited_for_s=0.0, transport=None, before_mutation=None, answer_times=AnswerTimes(),
    )  # fmt: skip
    transport.read(Resource.rest("contactslist"))


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]"])
@pytest.mark.parametrize("ask", [_slack, _webhook, _gemini, _email, _mailjet, _tracker])
def test_what_is_allowed_in_plain_text_for_this_machine_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], None], host: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(IntegrationError):
            ask(f"http://{host}:9")
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_an_error_on_its_way_to_the_tracker_goes_to_no_other_host(elsewhere: Elsewhere) -> None:
    sdk = pytest.importorskip("sentry_sdk", reason="the optional part `sentry` is not installed")
    host = elsewhere.url.removeprefix("http://")
    tracking = ErrorTracking(f"http://{SECRET.partition('-')[0]}@{host}/1", environment="test")
    try:
        tracking.capture("maintenance failed", {}, None)
        sdk.get_client().transport._worker.flush(10.0)
        assert elsewhere.asked >= 1
        assert elsewhere.arrived == []
    finally:
        sdk.get_client().close(timeout=5.0)
        # Bare, it would listen to every request of the process from here on.
        sdk.init(default_integrations=False, auto_enabling_integrations=False)
