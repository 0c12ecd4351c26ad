"""The Gemini client against what is no answer of the API, with the real SDK over a socket."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from datetime import UTC, datetime

import pytest

from list_pipeline.core.advice import ModelRequest
from list_pipeline.core.errors import (
    TransientError,
)
from list_pipeline.integrations.gemini import GeminiClient
from list_pipeline.sandbox.http import Request, Response
from list_pipeline_tests.integration.views.serving import serving
from list_pipeline_tests.virtual_clock import VirtualClock

KEY = "synthetic-key-AIza"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
SCHEMA = {"type": "object", "properties": {"kind": {"type": "string", "enum": ["a", "b"]}}, "required": ["kind"]}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


def ask(client: GeminiClient) -> str:
    return client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, 0.3, 512)).text


class Answering:
    """A service that gives the same body to every request."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def handle(self, request: Request) -> Response:
        return Response(200, self._body, {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    "body",
    [
        b"3",
        b"\xff\xfe",
        b'{"candidates": [{"content": "x"}]}',
        b'{"candidates": [{"finishReason": 5}]}',
        b'{"usageMetadata": {"promptTokenCount": "many"}}',
    ],
)
def test_what_is_no_answer_of_the_api_is_transient_and_not_quoted(clock: VirtualClock, body: bytes) -> None:
    with serving(Answering(body), "gemini") as served:
        client = GeminiClient(KEY, clock=clock, base_url=served.url, attempts=2)
        with pytest.raises(TransientError) as caught:
            ask(client)
        client.close()

    assert "many" not in str(caught.value)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"candidates": []}', b'{"candidates": [null]}'])
def test_an_answer_without_candidates_is_an_empty_one(clock: VirtualClock, body: bytes) -> None:
    with serving(Answering(body), "gemini") as served:
        client = GeminiClient(KEY, clock=clock, base_url=served.url)
        answer = client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))
        client.close()

    assert (answer.text, answer.finish_reason, answer.prompt_tokens) == ("", "", 0)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("PROHIBITED_CONTENT", "PROHIBITED_CONTENT"),
        ("<b>new reason</b>", "BNEWREASONB"),
        ("X" * 5_000, "X" * 40),
        ("[here](https://odd.example)", "HEREHTTPSODDEXAMPLE"),
        ("7", "UNKNOWN"),
    ],
)
def test_a_reason_to_block_is_shown_as_a_short_word(clock: VirtualClock, reason: str, shown: str) -> None:
    body = json.dumps({"promptFeedback": {"blockReason": reason}}).encode()
    with serving(Answering(body), "gemini") as served:
        client = GeminiClient(KEY, clock=clock, base_url=served.url)
        answer = client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))
        client.close()

    assert answer.finish_reason == f"BLOCKED:{shown}"


@pytest.mark.parametrize(
    "name", ["", "x" * 81, "a model", "[a](https://odd.example)", "gem\u202eini", "gemini\n", "<b>", "géminí"]
)
def test_a_name_that_is_none_is_not_taken_for_the_models(clock: VirtualClock, name: str) -> None:
    body = json.dumps({"modelVersion": name, "name": name}).encode()
    with serving(Answering(body), "gemini") as served:
        client = GeminiClient(KEY, clock=clock, base_url=served.url, model="gemini-own")
        answer = client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))
        checked = client.check()
        client.close()

    assert (answer.model_version, checked) == ("gemini-own", "gemini-own")


@pytest.mark.parametrize("name", ["models/gemini-3.5_flash-002", "x" * 80])
def test_the_name_that_the_service_gives_its_model_is_shown(clock: VirtualClock, name: str) -> None:
    body = json.dumps({"modelVersion": name, "name": name}).encode()
    with serving(Answering(body), "gemini") as served:
        client = GeminiClient(KEY, clock=clock, base_url=served.url, model="gemini-own")
        answer = client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))
        checked = client.check()
        client.close()

    assert (answer.model_version, checked) == (name, name)


def test_counts_below_nothing_and_odd_ends_are_not_believed(clock: VirtualClock) -> None:
    body = {
        "candidates": [{"finishReason": "<b>odd end</b>", "content": {"parts": [{"text": "{}"}]}}],
        "usageMetadata": {"promptTokenCount": -5, "candidatesTokenCount": -1},
    }
    with serving(Answering(json.dumps(body).encode()), "gemini") as served:
        client = GeminiClient(KEY, clock=clock, base_url=served.url)
        answer = client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))
        client.close()

    assert (answer.prompt_tokens, answer.output_tokens, answer.finish_reason) == (0, 0, "BODDENDB")


def test_an_answer_that_comes_byte_by_byte_ends_with_the_timeout_too(clock: VirtualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not over.wait(0.05):
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        client = GeminiClient(KEY, clock=clock, base_url=f"http://127.0.0.1:{port}", timeout_s=0.5, attempts=1)
        with pytest.raises(TransientError, match="no answer in time"):
            ask(client)
        assert not over.is_set()
        assert thread.is_alive()
        over.set()
        thread.join(5)
        client.close()


@pytest.mark.parametrize("escape", ["\\ud83d", "\\u0000", "\\udcff"])
def test_an_answer_with_what_utf_8_cannot_hold_can_be_read_on(clock: VirtualClock, escape: str) -> None:
    part = '{"text": "half ESCAPE"}'.replace("ESCAPE", escape)
    body = '{"candidates": [{"content": {"parts": [PART], "role": "model"}, "finishReason": "STOP"}]}'.replace(
        "PART", part
    )
    with serving(Answering(body.encode()), "gemini") as served:
        said = ask(GeminiClient(KEY, clock=clock, base_url=served.url, attempts=1))
    assert said == "half �"
    said.encode()
