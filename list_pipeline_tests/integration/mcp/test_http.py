"""``/mcp`` as part of the HTTP service: behind the same guard, for programs and pages of this machine, each request alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from list_pipeline.api.guard import LONGEST_BODY
from list_pipeline.core.tokens import TOKENS, Role
from list_pipeline.operations.tokens import revoke_token
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.integration.accounts import Account, Installation, copy_database, installation
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.mcp.clients import Mcp

HEADERS = {"Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": "2025-06-18"}


@pytest.fixture(scope="module")
def made(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    name = "list_pipeline_test_mcp_http"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    with installation(hand_made, tmp_path_factory.mktemp("mcp_http"), with_database(admin, name)) as one:
        yield one
    drop_database(admin, name)


@pytest.fixture(scope="module")
def mcp(made: Installation) -> Iterator[Mcp]:
    with served(made.services) as http:
        yield Mcp(made.services, http)


def ask(mcp: Mcp, method: str = "POST", token: str | None = None, body: Any = None, **headers: str) -> Any:
    """One request without the SDK's client."""
    given = {**HEADERS, "Authorization": f"Bearer {token or mcp.tokens[Role.READER]}", **headers}
    message = body if body is not None else {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    request = mcp.http.build_request(
        method, "/mcp", headers={"Content-Type": "application/json", **given}, content=content
    )
    return mcp.http.send(request, auth=None)


def test_a_request_stands_alone_and_is_answered_with_json(mcp: Mcp) -> None:
    answer = ask(mcp)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "mcp-session-id" not in answer.headers
    assert len(answer.json()["result"]["tools"]) >= 20
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("token", ["x", "lp_" + "A" * 43, "x" * 300])
def test_without_a_known_token_nothing_is_told(token: str, mcp: Mcp) -> None:
    answer = ask(mcp, token=token)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert "tools" not in answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session_to_end(method: str, mcp: Mcp) -> None:
    assert ask(mcp, method).status_code == 405


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:6274", 200), ("http://127.0.0.1:1", 200), ("http://[::1]:3000", 200),
        ("https://evil.example", 403), ("http://localhost.evil.example", 403), ("http://127.0.0.1.evil.example:80", 403),
        ("null", 403), ("", 403), ("http://[", 403),
    ],
)  # fmt: skip
def test_a_page_of_another_machine_is_refused_whatever_token_it_has(origin: str, status: int, mcp: Mcp) -> None:
    # Rebinding DNS, a page elsewhere reaches this service under its own name.
    assert ask(mcp, Origin=origin, Host="evil.example").status_code == status


def test_what_is_too_long_or_no_message_is_refused(mcp: Mcp) -> None:
    assert ask(mcp, body=b" " * (LONGEST_BODY + 1)).status_code == 413
    assert ask(mcp, body=b"{}", **{"Content-Type": "text/plain"}).status_code == 415
    for body in (
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "1.0", "id": 1}',
    ):
        answer = ask(mcp, body=body)
        assert answer.status_code == 400, (body[:20], answer.text)
        assert "Traceback" not in answer.text


def test_errors_of_the_protocol_repeat_nothing_of_what_was_sent(mcp: Mcp) -> None:
    address = "jane.doe@customer.example"
    call = {"name": "contact", "arguments": {"contact": address}}
    for body in (
        [{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}],
        {"jsonrpc": "2.0", "id": 1, "method": address},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": [address]}},
        {"jsonrpc": "2.0", "id": 1, "result": 7, "error": address},
        {"jsonrpc": address, "id": 1, "method": "tools/list"},
    ):
        answer = ask(mcp, body=body)
        assert "error" in answer.json(), answer.text
        assert "customer.example" not in answer.text, answer.text
        assert "input_value" not in answer.text


def test_methods_that_are_not_served_are_said_to_be_unknown(mcp: Mcp) -> None:
    for method in ("resources/list", "prompts/list", "logging/setLevel", "sampling/createMessage", "rpc.discover"):
        answer = ask(mcp, body={"jsonrpc": "2.0", "id": 1, "method": method, "params": {"level": "debug"}})
        assert answer.json()["error"]["code"] == -32601, answer.text


def test_a_token_that_is_revoked_or_asks_too_often_is_refused_from_the_next_request_on(
    made: Installation, mcp: Mcp
) -> None:
    token = mcp.tokens[Role.OPERATOR]
    assert ask(mcp, token=token).status_code == 200
    ((number,),) = made.query("select token_id from api_token where role = 'operator'")
    revoke_token(made.services, number, by="Grace", note="lost with a laptop")
    assert ask(mcp, token=token).status_code == 401
    token = mcp.tokens[Role.ADMINISTRATOR]
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    answers = [ask(mcp, token=token, body=ping) for _ in range(TOKENS.requests + 1)]
    assert [one.status_code for one in answers].count(200) == TOKENS.requests
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
