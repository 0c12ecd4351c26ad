"""One request to Mailjet, made carefully: allowance, circuit, retries, typed errors, a log line.

Belongs here: HTTP. Does not belong here: what is asked for and what the rows mean.

What is repeated: reads after anything that may pass; requests that change something only after a 429, and when the
connection was never made, because then Mailjet certainly did not carry them out. An ``Idempotency-Key`` would not help:
there is no evidence that Mailjet honours one.

A 429 is no failed attempt. The limiter learns a lower rate from it, so the request is repeated at that rate until it is
answered; only a service that answers nothing else for a quarter of an hour is given up.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import structlog
from tenacity import RetryCallState, Retrying, retry_if_result, wait_random_exponential

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import (
    AuthenticationError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    RemoteNotFoundError,
    UnavailableError,
)
from list_pipeline.core.request_rate import LONGEST_WAIT
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.answer_times import AnswerTimes, Service
from list_pipeline.integrations.circuit import CircuitBreaker
from list_pipeline.integrations.limits import RequestLimiter
from list_pipeline.integrations.mailjet.answers import (
    Envelope,
    error_text,
    is_mailjets_refusal,
    read_envelope,
    says_too_large,
    unreadable,
)
from list_pipeline.integrations.mailjet.errors import OutcomeUnknownError, TooLargeError
from list_pipeline.integrations.tls import tls_context

log = structlog.get_logger(__name__)

LONGEST_WAIT_S = LONGEST_WAIT.total_seconds()
"""A longer Retry-After is not waited for: the caller gets the error at once, with the number of seconds in it."""

_FIRST_PAUSE_S = 1.0
_FIRST_PAUSE_AFTER_429_S = 8.0
_LONGEST_PAUSE_S = 30.0
_WHOLE_ANSWER = 10
"""Times the longest wait for a piece of an answer, within which the whole has to be there."""
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # a proxy that refuses to connect
    httpx.UnsupportedProtocol,
)
_PASSING = frozenset({408, 425})
_CREDENTIALS = "Check MAILJET_API_KEY and MAILJET_SECRET_KEY"
_REPORT = "Report it with this text: the request itself has to change"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource: its path as sent, and its name in logs, counts and errors, with ids replaced by ``{id}``."""

    path: str
    name: str

    @classmethod
    def rest(cls, *parts: str | int) -> Resource:
        """``/v3/REST/…``; numbers are ids."""
        return cls("/v3/REST/" + "/".join(map(str, parts)), _named(parts))

    @classmethod
    def by_address(cls, collection: str, address: str) -> Resource:
        """``/v3/REST/{collection}/{address}``, named without the address."""
        return cls(f"/v3/REST/{collection}/{quote(address, safe='')}", f"{collection}/{{address}}")

    @classmethod
    def erasable(cls, contact_id: int) -> Resource:
        """``/v4/contacts/{id}``, the one resource of that version."""
        return cls(f"/v4/contacts/{contact_id}", "v4/contacts/{id}")

    @classmethod
    def data(cls, *parts: str | int) -> Resource:
        """``/v3/DATA/…``; numbers are ids."""
        return cls("/v3/DATA/" + "/".join(map(str, parts)), "DATA/" + _named(parts))


def _named(parts: tuple[str | int, ...]) -> str:
    return "/".join("{id}" if isinstance(part, int) else part for part in parts)


@dataclass(frozen=True, slots=True)
class _Answered:
    """An attempt that ended with an answer. ``envelope``: what was in it, None for a file and for a 304."""

    answer: httpx.Response
    envelope: Envelope | None = None


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt that ended with an error. ``repeatable``: another attempt may follow."""

    error: IntegrationError
    repeatable: bool = False
    retry_after_s: float | None = None


_Outcome = _Answered | _Failed


class Transport:
    """Requests to one account. Safe to share between threads; close it when done."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        secret_key: str,
        limiter: RequestLimiter,
        clock: Clock,
        timeout_s: float,
        attempts: int,
        limited_for_s: float,
        transport: httpx.BaseTransport | None,
        before_mutation: Callable[[], None] | None,
        answer_times: AnswerTimes,
    ) -> None:
        if attempts < 1:
            raise ValueError("there is at least one attempt")
        # The specification names the base with its version, the settings without: both are taken.
        base = httpx.URL(base_url.rstrip("/").removesuffix("/v3"))
        self.base_url = f"{base.scheme}://{urlsplit(str(base)).netloc.rpartition('@')[2]}"
        self._limiter = limiter
        self._clock = clock
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._limited_for = timedelta(seconds=limited_for_s)
        self._before_mutation = before_mutation
        self._answer_times = answer_times
        self._circuit = CircuitBreaker("Mailjet", clock)
        self._counts: Counter[str] = Counter()
        self.told_time: datetime | None = None
        """What the last answer's ``Date`` said (UTC); None where it said nothing."""
        self._lock = threading.Lock()
        self._http = httpx.Client(
            base_url=base,
            auth=httpx.BasicAuth(api_key, secret_key),
            timeout=httpx.Timeout(timeout_s),
            limits=httpx.Limits(max_connections=10, max_keepalive_connections=10),
            headers={"Accept": "application/json"},
            follow_redirects=False,
            # A proxy of the environment is for the world outside, not for a sandbox on this machine.
            trust_env=not is_loopback(base.host),
            verify=tls_context(),
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def counts(self) -> dict[str, int]:
        """Requests made so far, repeated ones included, by method and resource."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Count requests that another client of the same run made."""
        with self._lock:
            self._counts.update(counts)

    def read(self, resource: Resource, query: Mapping[str, str] | None = None) -> Envelope:
        """GET an envelope. Repeated while it may pass.

        Raises:
            AuthenticationError, RemoteNotFoundError, PermanentError, RateLimitedError, CircuitOpenError,
            UnreadableAnswerError, TransientError: as their names say.
        """
        outcome = self._request("GET", resource, query=query)
        if outcome.envelope is None:
            # 304: nothing was asked that could be unchanged, and no rows is not the same as no news.
            raise unreadable(_tried("GET", resource), "an answer without a body (304)")
        return outcome.envelope

    def read_file(self, resource: Resource) -> bytes:
        """GET a body that has no envelope. Raises as ``read``."""
        return self._request("GET", resource, enveloped=False).answer.content

    def change(self, method: str, resource: Resource, body: Mapping[str, Any]) -> Envelope | None:
        """POST or PUT. None when Mailjet says that nothing changed (304).

        Raises:
            OutcomeUnknownError: it may have been carried out.
            AuthenticationError, RemoteNotFoundError, PermanentError, RateLimitedError, CircuitOpenError,
            TransientError: it was not carried out.
        """
        return self._request(method, resource, body=body).envelope

    def delete(self, resource: Resource) -> None:
        """DELETE; Mailjet answers with an empty body (204). Raises as ``change``."""
        self._request("DELETE", resource, enveloped=False)

    def _request(
        self,
        method: str,
        resource: Resource,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        enveloped: bool = True,
    ) -> _Answered:
        number, counted = 0, 0
        limited_since: datetime | None = None

        def is_enough(_: RetryCallState) -> bool:
            if limited_since is not None:
                return self._clock.now() - limited_since >= self._limited_for
            return counted >= self._attempts

        retrying = Retrying(
            stop=is_enough,
            wait=_wait,
            # Once the circuit is open the last error says more than "not tried" would.
            retry=retry_if_result(self._may_repeat),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
            sleep=self._clock.sleep,
        )

        def attempt() -> _Outcome:
            nonlocal number, counted, limited_since
            number += 1
            outcome = self._attempt(method, resource, query, body, enveloped, number)
            if isinstance(outcome, _Failed) and isinstance(outcome.error, RateLimitedError):
                limited_since = limited_since or self._clock.now()
            else:
                counted, limited_since = counted + 1, None
            return outcome

        outcome: _Outcome = retrying(attempt)
        if isinstance(outcome, _Failed):
            raise outcome.error
        return outcome

    def _may_repeat(self, outcome: _Outcome) -> bool:
        return isinstance(outcome, _Failed) and outcome.repeatable and self._circuit.is_closed

    def _attempt(
        self,
        method: str,
        resource: Resource,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        enveloped: bool,
        number: int,
    ) -> _Outcome:
        tried, changes = _tried(method, resource), method != "GET"
        self._circuit.enter(tried)
        try:
            counted_at = self._limiter.acquire()
            if changes and self._before_mutation is not None:
                # After the wait for an allowance, which can be long: the lock may be gone by then.
                self._before_mutation()
        except BaseException:
            self._circuit.abandoned()
            raise
        with self._lock:
            self._counts[f"{method} {resource.name}"] += 1
        self._answer_times.requested(f"{method} {resource.name}")
        started, sent_at = self._clock.now(), time.monotonic()
        answer, failure = self._send(method, resource, query, body)
        self._answer_times.note(Service.MAILJET, time.monotonic() - sent_at, is_answered=answer is not None)
        duration_ms = round((self._clock.now() - started).total_seconds() * 1000)
        status = answer.status_code if answer is not None else None
        told = {"method": method, "resource": resource.name, "attempt": number, "duration_ms": duration_ms}
        if answer is None or failure is not None:
            log.warning("no answer from mailjet", failure=type(failure).__name__, **told)
            return self._lost(tried, failure, changes)
        self.told_time = _date(answer.headers)
        level = log.debug if status is not None and (status < 400 or status == 404) else log.warning
        level("mailjet answered", status=status, **told)
        return self._judged(tried, answer, changes, enveloped, counted_at)

    def _send(
        self, method: str, resource: Resource, query: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> tuple[httpx.Response | None, httpx.HTTPError | None]:
        # Returned, not raised: httpx's errors hold the request with its body, so they must not become anyone's context.
        answer: httpx.Response | None = None
        try:
            request = self._http.build_request(method, resource.path, params=query, json=body)
            answer = self._http.send(request, stream=True)
            return self._read(answer), None
        except httpx.HTTPError as error:
            if answer is not None and method != "GET" and _is_refusal(answer.status_code):
                # Its body was to say why. That nothing was accepted stands in the status, and is certain without it.
                return httpx.Response(answer.status_code, headers=_readable(answer.headers)), None
            return None, error
        except BaseException:
            self._circuit.abandoned()
            raise
        finally:
            if answer is not None:
                answer.close()

    def _read(self, answer: httpx.Response) -> httpx.Response:
        """An answer with its body. The client's timeout is for each piece of it: one that comes byte by byte never meets it.

        Raises:
            httpx.ReadTimeout: it is still coming after many times the longest wait for an answer.
        """
        pieces, until = [], time.monotonic() + _WHOLE_ANSWER * self._timeout_s
        for piece in answer.iter_bytes():
            pieces.append(piece)
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer does not end", request=answer.request)
        return httpx.Response(answer.status_code, headers=_readable(answer.headers), content=b"".join(pieces))

    def _lost(self, tried: str, failure: httpx.HTTPError | None, changes: bool) -> _Outcome:
        what = _in_words(failure)
        self._circuit.failed(what)
        if isinstance(failure, _NEVER_SENT):
            error: IntegrationError = UnavailableError(tried, what, "Check the network and run it again")
            return _Failed(error, repeatable=True)
        if changes:
            return _Failed(_unknown(tried, what))
        return _Failed(UnavailableError(tried, what, "Run it again"), repeatable=True)

    def _judged(
        self, tried: str, answer: httpx.Response, changes: bool, enveloped: bool, counted_at: datetime
    ) -> _Outcome:
        status = answer.status_code
        if status == 304:
            self._circuit.succeeded()
            return _Answered(answer) if enveloped else _Failed(unreadable(tried, "an empty body (304)"))
        if 200 <= status < 300:
            return self._success(tried, answer, changes, enveloped)
        said = error_text(status, answer.content)
        retry_after = _retry_after_s(answer.headers, self._clock)
        too_long = retry_after is not None and retry_after > LONGEST_WAIT_S
        if status >= 500 or status in _PASSING:
            self._circuit.failed(f"status {status}")
            if changes:
                return _Failed(_unknown(tried, said))
            return _Failed(
                UnavailableError(tried, said, "Run it again later"),
                repeatable=not too_long,
                retry_after_s=retry_after,
            )
        self._circuit.succeeded()
        if status == 429:
            self._limiter.slow_down(counted_at, retry_after)
            when = "later" if retry_after is None else f"in {retry_after:.0f} s"
            hint = f"Run it again {when}, or lower MAILJET_REQUESTS_PER_MINUTE"
            limited = RateLimitedError(tried, said, hint, retry_after)
            return _Failed(limited, repeatable=not too_long, retry_after_s=retry_after)
        if status in (401, 403):
            hint = f"{_CREDENTIALS}, and what stands between here and Mailjet" if _is_web_page(answer) else _CREDENTIALS
            return _Failed(AuthenticationError(tried, said, hint))
        if status == 404 and is_mailjets_refusal(answer.content):
            return _Failed(RemoteNotFoundError(tried, said, "Check the id; it may have been deleted"))
        if status == 404:
            # A gateway's words and not Mailjet's answer. Taken for the latter, a contact would count as gone.
            return _Failed(PermanentError(tried, f"{said}, and not from Mailjet's API", "Check MAILJET_BASE_URL"))
        if 300 <= status < 400:
            return _Failed(PermanentError(tried, f"a redirect ({status})", "Check MAILJET_BASE_URL"))
        if says_too_large(status, said):
            return _Failed(TooLargeError(tried, said, "Lower MAILJET_JOB_CONTACTS"))
        return _Failed(PermanentError(tried, said, _REPORT))

    def _success(self, tried: str, answer: httpx.Response, changes: bool, enveloped: bool) -> _Outcome:
        if not enveloped and not _is_web_page(answer):
            self._circuit.succeeded()
            return _Answered(answer)
        envelope = read_envelope(answer.content) if enveloped else "a web page"
        if isinstance(envelope, Envelope):
            self._circuit.succeeded()
            return _Answered(answer, envelope)
        what = f"status {answer.status_code} with {envelope}"
        self._circuit.failed("unreadable answers")
        if changes:
            return _Failed(_unknown(tried, what))
        return _Failed(unreadable(tried, what), repeatable=True)


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        found = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _is_web_page(answer: httpx.Response) -> bool:
    """Whether something in between answered with a page for people, where neither rows nor an envelope are expected."""
    return answer.content.lstrip()[:1] == b"<"


def _tried(method: str, resource: Resource) -> str:
    return f"Mailjet {method} {resource.name}"


def _is_refusal(status: int) -> bool:
    """Whether a status says that what was asked for was not accepted. 304 says that it is as asked for already."""
    return 300 <= status < 500 and status != 304 and status not in _PASSING


def _readable(headers: httpx.Headers) -> dict[str, str]:
    """Headers of an answer without its body."""
    return {name: value for name, value in headers.items() if not name.startswith(("content-", "transfer-"))}


def _unknown(tried: str, happened: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(tried, f"{happened}; it may have been carried out", "Read back before posting it again")


def _in_words(failure: httpx.HTTPError | None) -> str:
    # The type only: the text of a protocol error quotes what the server sent.
    if isinstance(failure, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(failure, httpx.DecodingError):
        return "a body that cannot be decompressed"
    return f"the connection failed ({type(failure).__name__})"


def _wait(state: RetryCallState) -> float:
    """Full jitter, doubling; what the service asks for is the least."""
    outcome = state.outcome.result() if state.outcome is not None else None
    first = _FIRST_PAUSE_S
    if isinstance(outcome, _Failed):
        if outcome.retry_after_s is not None:
            return float(outcome.retry_after_s) + random.uniform(0.0, 1.0)
        if isinstance(outcome.error, RateLimitedError):
            first = _FIRST_PAUSE_AFTER_429_S
    return float(wait_random_exponential(multiplier=first, max=_LONGEST_PAUSE_S)(state))


def _retry_after_s(headers: httpx.Headers, clock: Clock) -> float | None:
    """Seconds to wait; None without the header Retry-After and for one that says nothing.

    An instant is one of the service's clock, as the header Date of the same answer is.
    """
    text = headers.get("Retry-After", "").strip()
    if text.replace(".", "", 1).isdigit() and text.isascii():
        return float(text)
    if (until := _instant(text)) is None:
        return None
    return max((until - (_instant(headers.get("Date", "")) or clock.now())).total_seconds(), 0.0)


def _instant(header: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
