"""What a gateway answers in place of Mailjet: pages for people, nothing, and halves, with every status."""

from __future__ import annotations

import httpx
import pytest

from list_pipeline.core.errors import (
    AuthenticationError,
    PermanentError,
    RateLimitedError,
    RemoteNotFoundError,
    UnavailableError,
)
from list_pipeline.core.observations import MemberAction
from list_pipeline.integrations.mailjet.errors import OutcomeUnknownError, UnreadableAnswerError
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import (
    START,
    Script,
    client,
    contact_row,
    envelope,
    list_row,
)
from list_pipeline_tests.virtual_clock import VirtualClock

PAGE = b"<!DOCTYPE html>\n<html><body><h1>429 Too Many Requests</h1>cloud</body></html>\n"
BODIES = {
    "a page": PAGE,
    "nothing": b"",
    "half": b'{"Count": 1, "Data": [{"I',
    "a text": b"upstream error",
    "null": b"null",
}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def page(status: int, body: bytes = PAGE, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=body, headers={**HTML, **named})


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_refusal_for_the_rate_is_one_whatever_stands_in_it(body: bytes) -> None:
    clock = VirtualClock(START)
    script = Script(page(429, body, Retry_After="42"), envelope([list_row()]))
    assert client(script, clock).contact_list(5776).list_id == 5776
    assert 42 <= (clock.now() - START).total_seconds() <= 43
    with pytest.raises(RateLimitedError) as caught:
        client(Script(page(429, body, Retry_After="3600"))).contact_list(5776)
    assert caught.value.retry_after_s == 3600


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    ("status", "expected", "requests"),
    [
        (200, UnreadableAnswerError, 3),
        (203, UnreadableAnswerError, 3),
        (302, PermanentError, 1),
        (400, PermanentError, 1),
        (401, AuthenticationError, 1),
        (403, AuthenticationError, 1),
        (404, PermanentError, 1),
        (500, UnavailableError, 3),
        (502, UnavailableError, 3),
        (520, UnavailableError, 3),
        (599, UnavailableError, 3),
    ],
)
def test_no_body_of_a_gateway_makes_rows_or_their_absence_of_an_error(
    status: int, expected: type[Exception], requests: int, body: bytes
) -> None:
    script = Script(*[page(status, body)] * 3)
    with pytest.raises(expected) as caught:
        list(client(script).contacts(list_id=7))
    assert type(caught.value) is expected
    assert not isinstance(caught.value, RemoteNotFoundError)
    assert len(script.requests) == requests


def test_a_page_that_passes_is_asked_again_and_costs_nothing_more() -> None:
    script = Script(page(200), page(503), envelope([contact_row(1)]))
    ((found,),) = client(script).contacts(list_id=7)
    assert found.contact_id == 1


def test_a_page_in_place_of_an_error_file_is_a_broken_answer() -> None:
    script = Script(page(200), page(200), httpx.Response(200, content=b'[{"Error": "full"}]'))
    assert [one.reason for one in client(script).job_errors(5)] == ["full"]
    with pytest.raises(UnreadableAnswerError, match="a web page"):
        client(Script(*[page(200)] * 3)).job_errors(5)


def test_a_page_in_place_of_the_answer_to_a_cancellation_leaves_its_outcome_open() -> None:
    with pytest.raises(OutcomeUnknownError, match="a web page"):
        client(Script(page(200))).drafts.cancel_schedule(5)


@pytest.mark.parametrize("status", [200, 201, 500, 502])
def test_a_page_in_place_of_the_answer_to_a_job_leaves_its_outcome_open(status: int) -> None:
    script = Script(page(status))
    with pytest.raises(OutcomeUnknownError):
        client(script).submit_job(actions={7: MemberAction.ADD}, emails=["a@example.com"])
    assert len(script.requests) == 1


def test_a_page_with_a_403_says_that_something_in_between_may_refuse() -> None:
    with pytest.raises(AuthenticationError, match="what stands between here and Mailjet"):
        client(Script(page(403))).contact_lists()
