"""One clock for every process of a rehearsal: the sandbox's, asked over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from list_pipeline.core.errors import TransientError
from list_pipeline.integrations.rehearsal_clock import RehearsalClock
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer


def test_a_process_lives_in_the_moment_of_the_sandbox(tmp_path: Path) -> None:
    with SandboxServer(tmp_path) as server, SandboxControl(server.url) as control:
        control.advance(3 * 86_400)
        clock = RehearsalClock(server.url)
        ahead = clock.now() - datetime.now(UTC)
    assert timedelta(days=3) - timedelta(seconds=5) < ahead < timedelta(days=3, seconds=5)


def test_a_sandbox_that_does_not_answer_is_an_error_and_not_the_machines_time() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    clock = RehearsalClock("http://127.0.0.1:1", httpx.MockTransport(refuse))
    with pytest.raises(TransientError, match="does not answer"):
        clock.now()


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"now": "yesterday"}'])
def test_an_answer_without_a_time_is_an_error(body: bytes) -> None:
    clock = RehearsalClock("http://127.0.0.1:1", httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    with pytest.raises(TransientError):
        clock.now()
