"""One seeded sandbox for the tests of the client, and clients on it.

A plugin of the modules that name it in ``pytest_plugins``. The sandbox refuses unknown query parameters here (strict), so
that a misspelt filter cannot pass as unfiltered data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from list_pipeline.integrations.mailjet import (
    MailjetClient,
)
from list_pipeline_tests.integration.sandboxes import (
    Rehearsal,
    rehearsal,
)
from list_pipeline_tests.limiter import InMemoryLimiter


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("mailjet"), contacts=3000) as found:
        yield found


@pytest.fixture
def sandbox(running: Rehearsal) -> Iterator[Rehearsal]:
    """The same account for all tests of the client; faults, switches and counts begin anew."""
    running.control.clear_faults()
    running.control.reset_switches()
    running.control.set_switches(strict_parameters=True)
    running.control.reset_requests()
    yield running
    running.control.clear_faults()


@pytest.fixture
def connect(sandbox: Rehearsal) -> Iterator[Callable[..., MailjetClient]]:
    opened: list[MailjetClient] = []

    def open_client(**parts: Any) -> MailjetClient:
        settings: dict[str, Any] = {
            "base_url": sandbox.server.url,
            "api_key": "sandbox-key",
            "secret_key": "sandbox-secret",
            "limiter": InMemoryLimiter(300, sandbox.clock),
            "clock": sandbox.clock,
        }
        opened.append(MailjetClient(**settings | parts))
        return opened[-1]

    yield open_client
    for found in opened:
        found.close()


@pytest.fixture
def mailjet(connect: Callable[..., MailjetClient]) -> MailjetClient:
    return connect()
