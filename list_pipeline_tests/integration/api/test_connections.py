"""What strangers can do with a connection, over raw sockets: no client library tidies anything up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from list_pipeline.api import connections
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.tokens import Role
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import WORD, Api, served
from list_pipeline_tests.integration.pages.visiting import Browser

HEAD = b"GET /health HTTP/1.1\r\nHost: a\r\n"
PATIENCE_S = 10.0


@pytest.fixture
def api(small: Installation) -> Iterator[Api]:
    services = small.another(event_webhook_password=WORD, list_management_mode="approval_required")
    with served(services) as http:
        yield Api(services, http)


def connected(api: Api) -> socket.socket:
    return socket.create_connection((api.http.base_url.host, api.http.base_url.port or 80), timeout=PATIENCE_S)


def answer_of(open_one: socket.socket) -> bytes:
    """Everything until the service closes the connection."""
    found = b""
    try:
        while part := open_one.recv(65_536):
            found += part
    except ConnectionError:
        return found
    return found


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (HEAD + b"X-Long: ", b"a" * 65_536),
        (HEAD, b"x: y\r\n" * 10_000),
        (b"GET /", b"a" * 65_536),
        (b"POST /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 65_536),
    ],
    ids=["a header", "headers", "a URL", "an extension of a chunk"],
)
def test_a_head_without_an_end_is_read_no_further_than_64_kib(api: Api, begin: bytes, part: bytes) -> None:
    sent = 0
    with connected(api) as stranger:
        stranger.sendall(begin)
        try:
            while sent < 200:
                stranger.sendall(part)
                sent += 1
        except ConnectionError:
            pass
    # Some megabytes fit into what lies between two sockets of one machine.
    assert sent < 200


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"G",
        HEAD,
        b"POST /admin/sign-in HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nContent-Length: 9\r\n\r\ntoken",
        b"POST /webhooks/mailjet HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    ],
)
def test_a_request_that_never_ends_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch, half: bytes) -> None:
    monkeypatch.setattr(connections, "ARRIVES_WITHIN_S", 0.3)
    with connected(api) as stranger:
        stranger.sendall(half)
        answer_of(stranger)


def test_one_byte_at_a_time_keeps_no_connection_open(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ARRIVES_WITHIN_S", 0.5)
    line, sent = b"x: y\r\n", 0
    with connected(api) as stranger:
        stranger.sendall(HEAD)
        try:
            while sent < 500:
                stranger.sendall(line[sent % len(line) :][:1])
                sent += 1
                time.sleep(0.02)
        except ConnectionError:
            pass
    assert sent < 500


def test_beyond_the_most_connections_another_one_is_closed_and_those_that_stand_are_served(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(api) as first:
        first.sendall(b"GET /")
        monkeypatch.setattr(connections, "MOST_CONNECTIONS", 1)
        with connected(api) as second:
            assert answer_of(second) == b""
        first.sendall(b"admin/sign-in HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert answer_of(first).startswith(b"HTTP/1.1 200")


def test_several_requests_over_one_connection_are_answered_however_long_it_stands(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ARRIVES_WITHIN_S", 0.5)
    for _ in range(3):
        assert api.ask(Role.READER, "GET", "/api/mode").status_code == 200
        time.sleep(0.4)


def test_a_form_that_breaks_off_decides_nothing(small: Installation, api: Api) -> None:
    small.maintain(api.services)
    plan = small.plan(PlanKind.SUPPRESSION)
    assert plan.status is PlanStatus.PENDING_REVIEW
    ada = Browser.signed_in(api.services, api.http)
    path = f"/admin/plans/{plan.plan_id}"
    fields = {**ada.see(path).fields, "decision": "reject", "note": "not these, they are"}
    body = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
    cookie = "; ".join(f"{name}={value}" for name, value in ada.http.cookies.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nCookie: {cookie}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body) + 20}\r\n\r\n"
    )
    with connected(api) as browser:
        browser.sendall((head + body).encode())
        # What came so far is read by then.
        time.sleep(0.5)
        browser.shutdown(socket.SHUT_WR)
        answer_of(browser)
    # Whatever it leads to is done by then.
    time.sleep(0.5)
    assert ada.see(path).status == 200
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.PENDING_REVIEW


def test_a_request_that_breaks_off_asks_for_nothing(small: Installation, api: Api) -> None:
    head = (
        "POST /api/list-management/trigger-health-check HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer {api.tokens[Role.OPERATOR]}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    )
    with connected(api) as program:
        program.sendall(head.encode())
        time.sleep(0.2)
        program.shutdown(socket.SHUT_WR)
        answer_of(program)
    assert api.ask(Role.READER, "GET", "/api/mode").status_code == 200
    assert small.query("select * from list_health_check") == []
