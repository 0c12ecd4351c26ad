"""Mailjet's Send API v3.1 as far as the product speaks it: plain e-mails, kept instead of sent.

Belongs here: what the API takes and refuses, and showing what arrived. Does not belong here: campaigns (``campaigns``).

    GET  /_sandbox/email/messages    what was sent, oldest first
    POST /_sandbox/email/clear       forget it
"""

from __future__ import annotations

import base64
import binascii
import threading
import uuid
from datetime import datetime
from typing import Any, Protocol

from list_pipeline.sandbox.http import Request, Response

_MOST_MESSAGES = 50
_MOST_RECIPIENTS = 50


class _Clock(Protocol):
    def now(self) -> datetime: ...


class EmailService:
    """The service; safe to call from many threads. What arrived is forgotten with the process."""

    def __init__(self, clock: _Clock, api_key: str, api_secret: str) -> None:
        self._clock = clock
        self._credentials = f"{api_key}:{api_secret}"
        self._lock = threading.Lock()
        self._sent: list[dict[str, Any]] = []

    def handle(self, request: Request) -> Response | None:
        """Answer a request for the Send API; None for any other path."""
        path = request.path.rstrip("/").lower()
        if path.startswith("/_sandbox/email"):
            return self._control(request, path.removeprefix("/_sandbox/email").strip("/"))
        if path != "/v3.1/send":
            return None
        if request.method != "POST":
            return _refused(405, "mj-0001", "Method not allowed")
        if not self._authorised(request):
            return _refused(
                401,
                "mj-0002",
                "API key authentication/authorization failure. You may be unauthorized to access the API",
            )
        try:
            body = request.json()
        except ValueError:
            return _refused(400, "mj-0031", "Malformed JSON, please review the syntax and properties types.")
        messages = body.get("Messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not 1 <= len(messages) <= _MOST_MESSAGES:
            return _refused(400, "mj-0003", "Missing mandatory property.", ["Messages"])
        answers = [self._take(message) for message in messages]
        failed = any(answer["Status"] == "error" for answer in answers)
        return Response.of_json({"Messages": answers}, 400 if failed else 200)

    def _take(self, message: Any) -> dict[str, Any]:
        errors = _errors(message)
        if errors:
            return {"Status": "error", "Errors": errors}
        identity = uuid.uuid4()
        with self._lock:
            self._sent.append({**message, "SentAt": self._clock.now().isoformat(), "MessageUUID": str(identity)})
        given = [
            {
                "Email": each["Email"],
                "MessageUUID": str(identity),
                "MessageID": identity.int >> 80,
                "MessageHref": f"https://api.mailjet.com/v3/REST/message/{identity.int >> 80}",
            }
            for each in message["To"]
        ]
        return {"Status": "success", "CustomID": message.get("CustomID", ""), "To": given, "Cc": [], "Bcc": []}

    def _authorised(self, request: Request) -> bool:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            return scheme.lower() == "basic" and base64.b64decode(encoded, validate=True).decode() == self._credentials
        except (binascii.Error, UnicodeDecodeError):
            return False

    def _control(self, request: Request, what: str) -> Response:
        with self._lock:
            if what == "messages" and request.method == "GET":
                return Response.of_json(self._sent)
            if what == "clear" and request.method == "POST":
                self._sent.clear()
                return Response.of_json({"ok": True})
        return Response.of_json({"error": f"no such control: {request.method} email/{what}"}, 404)


def _errors(message: Any) -> list[dict[str, Any]]:
    if not isinstance(message, dict):
        return [_error(400, "mj-0003", "Type mismatch.", ["Messages"])]
    found = []
    sender = message.get("From")
    if not isinstance(sender, dict) or not _is_address(sender.get("Email")):
        found.append(_error(400, "mj-0003", "Missing mandatory property.", ["From"]))
    recipients = message.get("To")
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= _MOST_RECIPIENTS:
        found.append(_error(400, "mj-0003", "Missing mandatory property.", ["To"]))
    else:
        for position, each in enumerate(recipients):
            if not isinstance(each, dict) or not _is_address(each.get("Email")):
                shown = each.get("Email") if isinstance(each, dict) else each
                words = f'"{shown}" is an invalid email address.'
                found.append(_error(400, "mj-0013", words, [f"To[{position}].Email"]))
    if not (message.get("TextPart") or message.get("HTMLPart") or message.get("TemplateID")):
        found.append(_error(400, "send-0003", "At least one part must be provided.", ["TextPart", "HTMLPart"]))
    if len(str(message.get("Subject", ""))) > 255:
        found.append(_error(400, "mj-0014", "Subject is too long.", ["Subject"]))
    return found


def _is_address(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    local, at, domain = value.rpartition("@")
    return bool(at and local and "." in domain and not any(character.isspace() for character in value))


def _error(status: int, code: str, words: str, related: list[str] | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {
        "ErrorIdentifier": str(uuid.uuid4()),
        "ErrorCode": code,
        "StatusCode": status,
        "ErrorMessage": words,
    }
    return {**error, "ErrorRelatedTo": related} if related else error


def _refused(status: int, code: str, words: str, related: list[str] | None = None) -> Response:
    return Response.of_json(_error(status, code, words, related), status)
