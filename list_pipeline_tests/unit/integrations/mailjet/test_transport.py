"""One request at a time: errors by status, what is repeated and what never, waits, the circuit, and no leaks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from list_pipeline.core.errors import (
    AuthenticationError,
    CircuitOpenError,
    LockHeldError,
    PermanentError,
    RateLimitedError,
    RefusedError,
    RemoteNotFoundError,
    TransientError,
    UnavailableError,
)
from list_pipeline.core.observations import MemberAction
from list_pipeline.integrations.answer_times import AnswerTimes
from list_pipeline.integrations.mailjet import MailjetClient, OutcomeUnknownError, UnreadableAnswerError, transport
from list_pipeline.integrations.mailjet.answers import error_text, says_too_large
from list_pipeline.integrations.mailjet.errors import TooLargeError
from list_pipeline.integrations.mailjet.transport import LONGEST_WAIT_S, Resource, Transport
from list_pipeline_tests.limiter import InMemoryLimiter
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import (
    API_KEY,
    SECRET_KEY,
    START,
    Script,
    client,
    counted,
    envelope,
    list_row,
    refusal,
)
from list_pipeline_tests.virtual_clock import VirtualClock

ADD = {7: MemberAction.ADD}


class RecordingLimiter:
    """Allows everything and remembers what was asked."""

    def __init__(self) -> None:
        self.acquired = 0
        self.slowed: list[float | None] = []
        self.asked_at: list[datetime] = []

    def acquire(self) -> datetime:
        self.acquired += 1
        return START - timedelta(days=365) + timedelta(seconds=self.acquired)

    def slow_down(self, asked_at: datetime, retry_after_s: float | None) -> None:
        self.slowed.append(retry_after_s)
        self.asked_at.append(asked_at)


def submit(mailjet: MailjetClient) -> int:
    return mailjet.submit_job(actions=ADD, emails=["a@example.com"])


# Requests


def test_a_request_carries_basic_authentication_and_goes_to_v3() -> None:
    script = Script(envelope([list_row()]))
    client(script).contact_list(5776)
    (request,) = script.requests
    assert str(request.url) == "https://mailjet.example/v3/REST/contactslist/5776"
    scheme, _, credentials = request.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(credentials).decode() == f"{API_KEY}:{SECRET_KEY}"


@pytest.mark.parametrize("base", ["https://mailjet.example", "https://mailjet.example/", "https://mailjet.example/v3"])
def test_the_base_url_is_taken_with_and_without_its_version(base: str) -> None:
    script = Script(envelope([list_row()]))
    client(script, base_url=base).contact_list(5776)
    assert script.requests[0].url.path == "/v3/REST/contactslist/5776"


def test_requests_are_counted_by_resource_with_repetitions_and_without_ids() -> None:
    script = Script(refusal(503), envelope([list_row()]), counted(2))
    mailjet = client(script)
    mailjet.contact_list(5776)
    mailjet.count_recipients(7)
    assert mailjet.request_counts == {"GET contactslist/{id}": 2, "GET listrecipient": 1}
    assert mailjet.requests_made == 3


def test_the_requests_of_another_client_can_be_added() -> None:
    first, second = client(Script(counted(1))), client(Script(counted(1), counted(1)))
    first.count_recipients(7)
    second.count_recipients(7)
    second.count_contacts()
    first.add_requests(second)
    assert first.request_counts == {"GET contact": 1, "GET listrecipient": 2}


def test_every_attempt_asks_the_limiter_first() -> None:
    limiter = RecordingLimiter()
    script = Script(refusal(500), httpx.ConnectError("refused"), envelope([list_row()]))
    client(script, limiter=limiter).contact_list(5776)
    assert limiter.acquired == 3
    assert limiter.slowed == []


# Errors


@pytest.mark.parametrize(
    ("answer", "expected", "requests"),
    [
        (httpx.Response(401, headers={"Content-Type": "text/html"}), AuthenticationError, 1),
        (refusal(403, "Forbidden"), AuthenticationError, 1),
        (refusal(404, "Object not found"), RemoteNotFoundError, 1),
        (httpx.Response(404, text="<html><h1>404 Not Found</h1>nginx</html>"), PermanentError, 1),
        (httpx.Response(404, json={"message": "no Route matched with those values"}), PermanentError, 1),
        (httpx.Response(404, json={}), PermanentError, 1),
        (httpx.Response(404, json={"StatusCode": 404, "ErrorIdentifier": "cfe8d2f9"}), RemoteNotFoundError, 1),
        (refusal(400, "Object properties invalid"), PermanentError, 1),
        (refusal(405), PermanentError, 1),
        (httpx.Response(301, headers={"Location": "https://elsewhere.example"}), PermanentError, 1),
        (refusal(408), UnavailableError, 3),
        (refusal(500, "Could not determine HTTP module", "EFPWebError"), UnavailableError, 3),
        (httpx.Response(502, text="<html>Bad Gateway</html>"), UnavailableError, 3),
        (refusal(503), UnavailableError, 3),
        (httpx.ReadTimeout("slow"), UnavailableError, 3),
        (httpx.ConnectError("refused"), UnavailableError, 3),
        (httpx.RemoteProtocolError("disconnected"), UnavailableError, 3),
        (httpx.DecodingError("not gzip"), UnavailableError, 3),
        (httpx.Response(200, text="<html>maintenance</html>"), UnreadableAnswerError, 3),
        (httpx.Response(200, content=b'{"Count": 1, "Data": [{"ID"'), UnreadableAnswerError, 3),
        (httpx.Response(200), UnreadableAnswerError, 3),
        (httpx.Response(200, json={"Count": 1, "Total": 1}), UnreadableAnswerError, 3),
        (httpx.Response(200, json={"Count": 1, "Data": {}}), UnreadableAnswerError, 3),
        (httpx.Response(200, json={"Count": 1, "Data": [5]}), UnreadableAnswerError, 3),
        (httpx.Response(200, json={"Count": "1", "Data": [list_row()]}), UnreadableAnswerError, 3),
        (httpx.Response(200, json={"Count": -1, "Data": []}), UnreadableAnswerError, 3),
        (httpx.Response(200, json=[]), UnreadableAnswerError, 3),
        (httpx.Response(200, content=b"null"), UnreadableAnswerError, 3),
        (httpx.Response(200, content=b"[" * 100_000), UnreadableAnswerError, 3),
        (httpx.Response(200, content=b'{"Count": NaN, "Data": []}'), UnreadableAnswerError, 3),
        (httpx.Response(304), UnreadableAnswerError, 1),
    ],
)
def test_every_failure_has_its_type_and_is_repeated_only_where_that_may_help(
    answer: httpx.Response | Exception, expected: type[Exception], requests: int
) -> None:
    script = Script(answer, answer, answer)
    with pytest.raises(expected) as caught:
        client(script).contact_list(5776)
    assert type(caught.value) is expected
    assert len(script.requests) == requests
    assert str(caught.value).startswith("Mailjet GET contactslist/{id}: ")


def test_a_refused_key_names_the_variables_to_check() -> None:
    with pytest.raises(AuthenticationError, match="MAILJET_API_KEY and MAILJET_SECRET_KEY"):
        client(Script(httpx.Response(401))).contact_lists()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404}, "404 Not Found: Object not found"),
        (
            {"ErrorInfo": "MJ08 Property Name is invalid", "ErrorMessage": "Object properties invalid"},
            "404 Not Found: Object properties invalid; MJ08 Property Name is invalid",
        ),
        (
            {"ErrorIdentifier": "cfe8d2f9", "StatusCode": 404, "ErrorMessage": "No such resource."},
            "404 Not Found: No such resource.; identifier for support cfe8d2f9",
        ),
        (
            {"ErrorMessage": "Invalid", "ErrorInfo": {"ContactsLists": [{"ListID": 1, "Error": "List 1 is deleted"}]}},
            '404 Not Found: Invalid; {"ContactsLists": [{"ListID": 1, "Error": "List 1 is deleted"}]}',
        ),
        (
            {"ErrorMessage": {"ContactsLists": [{"ListID": 1, "Error": "List 1 is deleted"}]}, "ErrorInfo": ""},
            '404 Not Found: {"ContactsLists": [{"ListID": 1, "Error": "List 1 is deleted"}]}',
        ),
    ],
)
def test_the_reason_is_read_from_every_shape_of_error(body: object, shown: str) -> None:
    assert error_text(404, json.dumps(body).encode()) == shown


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[]", b'"text"', b"\xff\xfe"])
def test_an_error_without_a_readable_body_is_named_by_its_status(body: bytes) -> None:
    assert error_text(401, body) == "401 Unauthorized"
    assert error_text(499, body) == "499"


@pytest.mark.parametrize(
    ("status", "said", "is_too_large"),
    [
        (413, "413 Request Entity Too Large", True),
        (400, "400 Bad Request: Too many contacts: 5000 is more than 1000", True),
        (400, "400 Bad Request: the number of contacts exceeds the maximum of 1000", True),
        (400, "400 Bad Request: at most 1000 contacts are allowed", True),
        (400, "400 Bad Request: Number of contacts exceeds maximum allowed for free accounts", False),
        (400, "400 Bad Request: MJ08 Property Contacts is invalid: Email is required", False),
        (429, "429 Too Many Requests", False),
    ],
)
def test_a_refusal_for_the_size_of_a_request_is_told_by_its_words(status: int, said: str, is_too_large: bool) -> None:
    assert says_too_large(status, said) is is_too_large


# Repeating


def test_a_read_is_repeated_with_growing_random_pauses_on_the_clock() -> None:
    longest = []
    for _ in range(40):
        clock = VirtualClock(START)
        with pytest.raises(TransientError):
            client(Script(*[refusal(503)] * 4), clock, attempts=4).contact_list(1)
        longest.append((clock.now() - START).total_seconds())
    assert max(longest) <= 1 + 2 + 4
    assert max(longest) > 2
    assert len(set(longest)) > 1


def test_retry_after_in_seconds_is_honoured() -> None:
    clock = VirtualClock(START)
    client(Script(refusal(429, headers={"Retry-After": "42"}), envelope([list_row()])), clock).contact_list(5776)
    assert 42 <= (clock.now() - START).total_seconds() <= 43


def test_retry_after_as_a_date_is_honoured_by_our_clock() -> None:
    clock = VirtualClock(START)
    header = format_datetime(START + timedelta(seconds=50), usegmt=True)
    script = Script(refusal(503, headers={"Retry-After": header}), envelope([list_row()]))
    client(script, clock).contact_list(5776)
    assert 50 <= (clock.now() - START).total_seconds() <= 51


def test_retry_after_as_a_date_is_one_of_the_clock_of_the_answer() -> None:
    clock, theirs = VirtualClock(START), START + timedelta(days=365)
    headers = {
        "Date": format_datetime(theirs, usegmt=True),
        "Retry-After": format_datetime(theirs + timedelta(seconds=50), usegmt=True),
    }
    client(Script(refusal(503, headers=headers), envelope([list_row()])), clock).contact_list(5776)
    assert 50 <= (clock.now() - START).total_seconds() <= 51


@pytest.mark.parametrize("header", ["soon", "-5", "", "1e3", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_ignored(header: str) -> None:
    clock = VirtualClock(START)
    client(Script(refusal(429, headers={"Retry-After": header}), envelope([list_row()])), clock).contact_list(5776)
    assert (clock.now() - START).total_seconds() <= 8


def test_a_service_that_is_down_for_longer_than_we_wait_is_not_asked_again() -> None:
    clock = VirtualClock(START)
    with pytest.raises(TransientError, match="503"):
        client(Script(refusal(503, headers={"Retry-After": "3600"})), clock).contact_list(5776)
    assert clock.now() == START


@pytest.mark.parametrize("seconds", [str(LONGEST_WAIT_S + 1), "3600", "9" * 400])
def test_a_retry_after_that_is_too_long_is_given_back_at_once(seconds: str) -> None:
    clock, script = VirtualClock(START), Script(refusal(429, headers={"Retry-After": seconds}))
    with pytest.raises(RateLimitedError) as caught:
        client(script, clock).contact_list(5776)
    assert caught.value.retry_after_s == float(seconds)
    assert clock.now() == START


def test_the_limiter_hears_of_every_429_and_of_the_pause_asked_for() -> None:
    limiter = RecordingLimiter()
    script = Script(refusal(429), refusal(429, headers={"Retry-After": "7"}), envelope([list_row()]))
    client(script, limiter=limiter).contact_list(5776)
    assert limiter.slowed == [None, 7.0]


def test_a_429_is_told_with_the_time_at_which_the_limiter_counted_its_request() -> None:
    limiter = RecordingLimiter()
    client(Script(refusal(429), envelope([list_row()])), limiter=limiter).contact_list(5776)
    assert limiter.asked_at == [START - timedelta(days=365) + timedelta(seconds=1)]


def test_refusals_for_the_rate_are_no_failed_attempts() -> None:
    script = Script(*[refusal(429)] * 8, refusal(503), refusal(429), refusal(503), envelope([list_row()]))
    assert client(script).contact_list(5776).list_id == 5776


def test_a_service_that_answers_nothing_but_429_is_given_up_after_a_quarter_of_an_hour() -> None:
    clock = VirtualClock(START)
    with pytest.raises(RateLimitedError):
        client(lambda _: refusal(429), clock).contact_list(5776)
    assert timedelta(minutes=15) <= clock.now() - START <= timedelta(minutes=17)


def test_who_cannot_wait_is_told_of_a_429_at_once() -> None:
    clock, script = VirtualClock(START), Script(refusal(429))
    with pytest.raises(RateLimitedError):
        client(script, clock, limited_for_s=0.0).contact_list(5776)
    assert clock.now() == START


class Dripping(httpx.SyncByteStream):
    """A body that comes byte by byte."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for byte in self._body:
            yield bytes([byte])


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    body = envelope([{"JobID": 35_800}], status=201).content

    def script() -> Script:
        return Script(*[httpx.Response(201, stream=Dripping(body)) for _ in range(3)])

    assert submit(client(script())) == 35_800
    monkeypatch.setattr(transport, "_WHOLE_ANSWER", 0)
    with pytest.raises(OutcomeUnknownError, match="no answer in time"):
        submit(client(script()))
    with pytest.raises(UnavailableError, match="no answer in time"):
        client(script()).contact_list(5776)


def test_a_429_halves_the_requests_of_the_minutes_that_follow() -> None:
    clock = VirtualClock(START)
    script = Script(refusal(429), *[counted(1)] * 25)
    mailjet = client(script, clock, limiter=InMemoryLimiter(10, clock))
    for _ in range(25):
        mailjet.count_recipients(7)
    # 26 requests: the first refused, then 6 a minute, which is the fewest, and one more each minute.
    assert timedelta(minutes=2) <= clock.now() - START <= timedelta(minutes=4)


@pytest.mark.parametrize(
    "failure",
    [
        refusal(429),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("full"),
        httpx.ProxyError("403 Forbidden"),
        httpx.UnsupportedProtocol("no scheme"),
    ],
)
def test_a_job_is_submitted_again_when_it_certainly_did_not_arrive(failure: httpx.Response | Exception) -> None:
    script = Script(failure, envelope([{"JobID": 35_800}], status=201))
    assert submit(client(script)) == 35_800
    assert script.body(0) == script.body(1)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        refusal(500),
        refusal(503, headers={"Retry-After": "1"}),
        refusal(408),
        httpx.Response(201, text="<html>"),
        httpx.Response(201, content=b'{"Count": 1, "Da'),
        httpx.Response(201),
        httpx.Response(204),
        httpx.Response(304),
        envelope([], status=201),
        envelope([{"JobID": None}], status=201),
        envelope([{"JobID": 1.5e18}], status=201),
    ],
)
def test_a_job_whose_answer_was_lost_is_never_submitted_twice(failure: httpx.Response | Exception) -> None:
    script = Script(failure)
    with pytest.raises(OutcomeUnknownError, match="Read back") as caught:
        submit(client(script))
    assert caught.value.may_have_arrived
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(400, "Object properties invalid"), PermanentError),
        (httpx.Response(401), AuthenticationError),
        (refusal(404, "Object not found"), RemoteNotFoundError),
        (refusal(429), RateLimitedError),
        (httpx.ConnectError("refused"), TransientError),
    ],
)
def test_a_job_that_was_not_accepted_does_not_look_as_if_it_may_have_arrived(
    answer: httpx.Response | Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        submit(client(Script(answer, answer, answer), limited_for_s=0.0))
    assert not getattr(caught.value, "may_have_arrived", False)


def test_a_put_that_changes_nothing_is_no_error() -> None:
    clock = VirtualClock(START)
    script = Script(httpx.Response(304), envelope([list_row()]))
    transport = Transport(
        base_url="https://mailjet.example",
        api_key=API_KEY,
        secret_key=SECRET_KEY,
        limiter=InMemoryLimiter(10, clock),
        clock=clock,
        timeout_s=1,
        attempts=3,
        limited_for_s=0.0,
        transport=httpx.MockTransport(script),
        before_mutation=None,
        answer_times=AnswerTimes(),
    )
    resource = Resource.rest("contactslist", 5776)
    assert transport.change("PUT", resource, {"Name": "Master"}) is None
    changed = transport.change("PUT", resource, {"Name": "Another"})
    assert changed is not None
    assert changed.count == 1


class Cut(httpx.SyncByteStream):
    """A body of which the connection lets only a part through."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"Err'
        raise httpx.RemoteProtocolError("peer closed connection")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, PermanentError),
        (400, PermanentError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (413, PermanentError),
        (200, OutcomeUnknownError),
        (304, OutcomeUnknownError),
        (408, OutcomeUnknownError),
        (500, OutcomeUnknownError),
    ],
)
def test_a_refusal_is_one_also_when_its_body_cannot_be_read(status: int, expected: type[Exception]) -> None:
    script = Script(httpx.Response(status, headers={"Content-Length": "99"}, stream=Cut()))
    with pytest.raises(expected) as caught:
        submit(client(script))
    assert type(caught.value) in (expected, TooLargeError)
    assert len(script.requests) == 1


def test_a_reading_whose_body_breaks_off_is_repeated_whatever_its_status() -> None:
    script = Script(httpx.Response(404, stream=Cut()), envelope([list_row()]))
    assert client(script).contact_list(5776).list_id == 5776


# The check before a change


def test_the_check_runs_before_each_attempt_of_a_change_and_never_before_a_read() -> None:
    checks: list[int] = []
    script = Script(envelope([list_row()]), refusal(429), envelope([{"JobID": 1}], status=201))
    mailjet = client(script, before_mutation=lambda: checks.append(len(script.requests)))
    mailjet.contact_list(5776)
    submit(mailjet)
    assert checks == [1, 2]


def test_the_check_comes_after_the_wait_for_an_allowance() -> None:
    order: list[str] = []

    class Slow(RecordingLimiter):
        def acquire(self) -> datetime:
            order.append("allowance")
            return super().acquire()

    script = Script(envelope([{"JobID": 1}], status=201))
    submit(client(script, limiter=Slow(), before_mutation=lambda: order.append("check")))
    assert order == ["allowance", "check"]


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("Changing a list", "LIST_MANAGEMENT_ENABLED is off", "Switch it on"),
        TransientError("Checking the lock", "the database is gone", "Run it again"),
        LockHeldError("Changing a list", "another process holds the lock", "Wait"),
    ],
)
def test_what_the_check_raises_reaches_the_caller_and_nothing_is_sent(error: Exception) -> None:
    def refuse() -> None:
        raise error

    script = Script()
    with pytest.raises(type(error)) as caught:
        submit(client(script, before_mutation=refuse))
    assert caught.value is error
    assert script.requests == []


# The circuit


def test_a_service_that_keeps_failing_is_left_alone_for_thirty_seconds() -> None:
    clock, limiter = VirtualClock(START), RecordingLimiter()
    script = Script(*[refusal(503)] * 5, envelope([list_row()]))
    mailjet = client(script, clock, limiter=limiter)
    for _ in range(2):
        with pytest.raises(TransientError, match="503") as caught:
            mailjet.contact_list(5776)
        # The fifth failure opens the circuit in the middle of a request: what happened says more than "not tried".
        assert type(caught.value) is UnavailableError
    assert len(script.requests) == 5
    with pytest.raises(CircuitOpenError, match="status 503"):
        mailjet.contact_list(5776)
    assert limiter.acquired == 5
    assert mailjet.requests_made == 5
    clock.advance(timedelta(seconds=30))
    assert mailjet.contact_list(5776).list_id == 5776


@pytest.mark.parametrize("answer", [refusal(404, "Object not found"), refusal(400), refusal(429), refusal(401)])
def test_a_service_that_answers_is_not_taken_for_down(answer: httpx.Response) -> None:
    mailjet = client(Script(*[answer] * 8), attempts=1, limited_for_s=0.0)
    for _ in range(8):
        with pytest.raises((PermanentError, RateLimitedError)):
            mailjet.contact_list(5776)


def test_a_refusal_of_the_check_leaves_the_probe_to_the_next_request() -> None:
    clock = VirtualClock(START)
    script = Script(*[refusal(503)] * 5, envelope([list_row()]))
    refusing = True

    def check() -> None:
        if refusing:
            raise RefusedError("Changing a list", "it is off", "Switch it on")

    mailjet = client(script, clock, before_mutation=check, attempts=1)
    for _ in range(5):
        with pytest.raises(TransientError):
            mailjet.contact_list(5776)
    clock.advance(timedelta(seconds=30))
    with pytest.raises(RefusedError):
        submit(mailjet)
    assert mailjet.contact_list(5776).list_id == 5776
