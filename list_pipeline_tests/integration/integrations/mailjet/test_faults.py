"""The client while Mailjet fails: what passes is waited out, what stays has its type, and nothing is ever an empty answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import (
    AuthenticationError,
    CircuitOpenError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    TransientError,
    UnavailableError,
)
from list_pipeline.core.observations import MemberAction
from list_pipeline.integrations.mailjet import (
    MailjetClient,
    OutcomeUnknownError,
    UnreadableAnswerError,
)
from list_pipeline_tests.integration.sandboxes import (
    LIST_1,
    LIST_2,
    MASTER,
    Rehearsal,
    last_send,
)
from list_pipeline_tests.limiter import InMemoryLimiter

pytest_plugins = ("list_pipeline_tests.integration.mailjet_sandbox",)


# Faults


@pytest.mark.parametrize(
    ("effect", "parts"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 503}),
        ("rate_limited", {"retry_after": 3}),
        ("rate_limited", {"body": "empty"}),
        ("drop_before", {}),
        ("drop_after", {}),
        ("truncated_json", {}),
        ("broken_body", {}),
        ("wrong_json", {}),
        ("delay", {"seconds": 12}),
    ],
)
def test_a_fault_that_passes_is_not_noticed_by_the_caller(
    sandbox: Rehearsal, mailjet: MailjetClient, effect: str, parts: dict[str, Any]
) -> None:
    sandbox.control.add_fault(effect, path="listrecipient", count=2, **parts)
    assert mailjet.count_recipients(LIST_2) == sandbox.control.lists()[LIST_2]["raw"]


@pytest.mark.parametrize(
    ("effect", "parts", "expected"),
    [
        ("status", {"status": 500}, UnavailableError),
        ("status", {"status": 401}, AuthenticationError),
        ("status", {"status": 400}, PermanentError),
        ("rate_limited", {}, RateLimitedError),
        ("drop_before", {}, UnavailableError),
        ("truncated_json", {}, UnreadableAnswerError),
        ("broken_body", {}, UnavailableError),
        ("wrong_json", {}, UnreadableAnswerError),
    ],
)
def test_a_fault_that_stays_has_its_type_and_is_never_an_empty_answer(
    sandbox: Rehearsal, mailjet: MailjetClient, effect: str, parts: dict[str, Any], expected: type[IntegrationError]
) -> None:
    sandbox.control.add_fault(effect, path="bouncestatistics", count=None, **parts)
    campaign_id, since, _ = last_send(sandbox)
    with pytest.raises(expected) as caught:
        mailjet.bounces(campaign_id, since=since)
    assert type(caught.value) is expected


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_page_that_lacks_rows_is_read_again(sandbox: Rehearsal, mailjet: MailjetClient, nth: int) -> None:
    raw = sandbox.control.lists()[MASTER]["raw"]
    # The first request is the count before.
    sandbox.control.add_fault("short_page", path="listrecipient", nth=nth + 1, rows=2)
    found = [row.recipient_id for page in mailjet.read_all_recipients(MASTER) for row in page]
    assert len(set(found)) == raw
    assert sum(len(page) for page in mailjet.read_all_recipients(MASTER)) == raw


def test_a_service_that_is_down_is_left_alone_and_tried_again_later(sandbox: Rehearsal, mailjet: MailjetClient) -> None:
    sandbox.control.add_fault("status", status=503, path="contactslist", count=None)
    for _ in range(2):
        with pytest.raises(TransientError):
            mailjet.contact_lists()
    made = mailjet.requests_made
    with pytest.raises(CircuitOpenError):
        mailjet.contact_lists()
    assert mailjet.requests_made == made == 5
    sandbox.control.clear_faults()
    sandbox.pass_time(seconds=30)
    assert mailjet.contact_lists()


@pytest.mark.parametrize("with_retry_after", [True, False])
def test_a_fifth_of_the_configured_rate_is_learned_and_nothing_fails(
    sandbox: Rehearsal, connect: Callable[..., MailjetClient], with_retry_after: bool
) -> None:
    sandbox.pass_time(seconds=120)
    sandbox.control.set_switches(rate_limit_per_minute=60, rate_limit_retry_after=with_retry_after)
    mailjet, started_at = connect(limiter=InMemoryLimiter(300, sandbox.clock)), sandbox.clock.now()
    raw = sandbox.control.lists()[LIST_1]["raw"]
    assert {mailjet.count_recipients(LIST_1) for _ in range(600)} == {raw}
    # Ten minutes' worth at best. Few are refused: each halves the rate, until the limit is met again from below.
    assert sandbox.clock.now() - started_at <= timedelta(minutes=16)
    assert mailjet.requests_made - 600 <= 8


# Sockets


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_service_that_never_answers_runs_into_the_time_limit(
    connect: Callable[..., MailjetClient], silent: str
) -> None:
    mailjet = connect(base_url=silent, timeout_s=0.05)
    with pytest.raises(TransientError, match="no answer in time"):
        mailjet.contact_lists()
    assert mailjet.requests_made == 3
    with pytest.raises(OutcomeUnknownError, match="no answer in time"):
        mailjet.submit_job(actions={MASTER: MemberAction.ADD}, emails=["a@example.com"])
    assert mailjet.requests_made == 4


def test_a_port_that_nobody_listens_on_certainly_got_nothing(connect: Callable[..., MailjetClient]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as freed:
        url = f"http://127.0.0.1:{freed.getsockname()[1]}"
    mailjet = connect(base_url=url)
    with pytest.raises(TransientError, match="ConnectError") as caught:
        mailjet.submit_job(actions={MASTER: MemberAction.ADD}, emails=["a@example.com"])
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert mailjet.requests_made == 3
