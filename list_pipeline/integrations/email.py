"""Plain e-mails through Mailjet's Send API v3.1, for messages that Slack does not take.

Belongs here: the request and its typed errors. Does not belong here: which message deserves an e-mail
(``operations.messages.outbox``). The addresses are the company's own and stand in no log, error or repr.

Mailjet knows no idempotency key: after a lost answer it is unknown whether an e-mail went out. It is then sent again, because
an alert twice is better than none; the ``CustomID`` tells that the two are one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from list_pipeline.core.errors import (
    AuthenticationError,
    PermanentError,
    RateLimitedError,
    TransientError,
)
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.tls import tls_context

TIMEOUT_S = 10.0
MOST_RECIPIENTS = 50
_SUBJECT_LENGTH = 200
_TRIED = "Sending an e-mail through Mailjet"


class EmailSender:
    """One sender and its recipients. Opens a connection for each e-mail: there are few."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        secret_key: str,
        sender: str,
        recipients: Sequence[str],
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not 1 <= len(recipients) <= MOST_RECIPIENTS:
            raise ValueError(f"an e-mail has 1 to {MOST_RECIPIENTS} recipients")
        self._base_url = base_url.rstrip("/").removesuffix("/v3")
        self._auth = httpx.BasicAuth(api_key, secret_key)
        self._sender = sender
        self._recipients = tuple(recipients)
        self._transport = transport

    def __repr__(self) -> str:
        return f"EmailSender({len(self._recipients)} recipients)"

    def send(self, subject: str, text: str, key: str) -> None:
        """Hand an e-mail to Mailjet, which delivers it.

        Args:
            subject: one line. ``text``: the body, plain.
            key: our name of the message; Mailjet keeps it as ``CustomID``.

        Raises:
            AuthenticationError, PermanentError, RateLimitedError: it was not taken.
            TransientError: it was not taken, or the answer was lost.
        """
        message = {
            "From": {"Email": self._sender, "Name": "List pipeline"},
            "To": [{"Email": recipient} for recipient in self._recipients],
            "Subject": " ".join(subject.split())[:_SUBJECT_LENGTH],
            "TextPart": text,
            "CustomID": key[:64],
        }
        answer, failure = self._request({"Messages": [message]})
        if answer is None:
            # Not raised from the failure: httpx's errors hold the request, and with it the addresses.
            raise TransientError(_TRIED, f"no answer ({failure})", "It is tried again")
        _judge(answer)

    def _request(self, body: dict[str, object]) -> tuple[httpx.Response | None, str]:
        host = urlsplit(self._base_url).hostname
        with httpx.Client(
            base_url=self._base_url,
            auth=self._auth,
            timeout=TIMEOUT_S,
            trust_env=not is_loopback(host),
            verify=tls_context(),
            transport=self._transport,
        ) as http:
            try:
                return http.post("/v3.1/send", json=body), ""
            except httpx.HTTPError as error:
                return None, type(error).__name__


def _judge(answer: httpx.Response) -> None:
    status = answer.status_code
    codes = _codes(answer)
    if status == 200 and not codes and _is_success(answer):
        return
    happened = f"status {status}" + (f", {', '.join(codes)}" if codes else "")
    if status in (401, 403):
        raise AuthenticationError(
            _TRIED, happened, "Check the Mailjet keys and that ALERT_EMAIL_FROM is validated there"
        )
    if status == 429:
        raise RateLimitedError(_TRIED, happened, "It is tried again")
    if status >= 500 or status in (200, 408, 425):
        # A page in place of an answer, also with status 200: a proxy or an outage.
        raise TransientError(_TRIED, happened, "It is tried again")
    raise PermanentError(_TRIED, happened, "Check ALERT_EMAIL_TO and ALERT_EMAIL_FROM")


def _body(answer: httpx.Response) -> dict[str, object]:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _is_success(answer: httpx.Response) -> bool:
    messages = _body(answer).get("Messages")
    return isinstance(messages, list) and messages[:1] != [] and _part(messages[0], "Status") == "success"


def _part(message: object, name: str) -> object:
    return message.get(name) if isinstance(message, dict) else None


def _errors(message: object) -> list[object]:
    found = _part(message, "Errors")
    return found if isinstance(found, list) else []


def _codes(answer: httpx.Response) -> list[str]:
    """Mailjet's error codes; its sentences are left out, because they can quote an address."""
    body = _body(answer)
    messages = body.get("Messages")
    errors = [error for each in messages for error in _errors(each)] if isinstance(messages, list) else [body]
    return [str(error["ErrorCode"])[:20] for error in errors if isinstance(error, dict) and error.get("ErrorCode")]
