"""The rehearsed Mailjet REST API v3: authentication, rate limit and the way from a path to a resource."""

from __future__ import annotations

import base64
import binascii
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet import campaigns, contacts, counters, events, jobs, lists, messages, senders
from list_pipeline.sandbox.mailjet.wire import ApiError

Handler = Callable[[Account, Request, list[str]], Response]

RESOURCES: dict[str, Handler] = {
    "batchjob": jobs.handle_batch,
    "bouncestatistics": messages.handle_bounces,
    "campaign": campaigns.handle_campaigns,
    "campaigndraft": campaigns.handle_drafts,
    "contact": contacts.handle,
    "contactslist": lists.handle_lists,
    "dns": senders.handle_dns,
    "eventcallbackurl": events.handle,
    "listrecipient": lists.handle_recipients,
    "message": messages.handle_messages,
    "messagehistory": messages.handle_history,
    "messagestate": messages.handle_states,
    "sender": senders.handle_senders,
    "statcounters": counters.handle,
}

_NGINX_404 = (
    b'<html>\r\n<head><title>404 Not Found</title></head>\r\n<body bgcolor="white">\r\n'
    b"<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def unauthorised() -> Response:
    """The 401 of v3 REST: HTML by its header, and empty."""
    headers = {"Content-Type": "text/html", "Www-Authenticate": 'Basic realm="Provide an apiKey and secretKey"'}
    return Response(401, b"", headers)


def web_page(status: int, headers: Mapping[str, str]) -> Response:
    """What a gateway in front of the API answers: a page for people."""
    try:
        title = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        title = str(status)
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><hr>gateway</body></html>\n"
    )
    return Response(status, page.encode(), {"Content-Type": "text/html; charset=utf-8", **headers})


def too_many(body: str, retry_after: float | None) -> Response:
    """A 429. None was ever recorded: whether it has a body and a Retry-After is up to the caller."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    if body == "empty":
        return Response(429, b"", headers)
    if body == "html":
        return web_page(429, headers)
    payload = {"ErrorIdentifier": str(uuid.uuid4()), "StatusCode": 429, "ErrorMessage": "Too many requests"}
    return Response.of_json(payload, 429, **headers)


class MailjetService:
    """Answers everything under ``/v3``, ``/v3.1`` and ``/v4``."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._recent: deque[float] = deque()
        self._recent_lock = threading.Lock()
        account.settlers.extend((jobs.settle, campaigns.settle))

    def handle(self, request: Request) -> Response | None:
        """One answer, or None for a path of another service."""
        parts = request.path.strip("/").split("/")
        version = parts[0].lower()
        if version not in ("v3", "v3.1", "v4"):
            return None
        if version == "v3.1":
            return Response(404, _NGINX_404, {"Content-Type": "text/html"})
        if not self._authorised(request):
            return unauthorised()
        limited = self._rate_limited()
        if limited is not None:
            return limited
        try:
            return self._route(request, version, parts[1:])
        except ApiError as error:
            return error.response()

    def _route(self, request: Request, version: str, parts: list[str]) -> Response:
        account = self.account
        kind = parts[0].lower() if parts else ""
        with account.store.lock:
            account.settle()
            with account.store.transaction():
                if version == "v4" and kind == "contacts":
                    return contacts.handle_v4(account, request, parts[1:])
                if version == "v3" and kind == "data":
                    return jobs.handle_data(account, request, parts[1:])
                if version == "v3" and kind == "rest" and len(parts) > 1:
                    handler = RESOURCES.get(parts[1].lower())
                    if handler is None:
                        raise ApiError(400, f'Unknown resource: "{parts[1]}"', "Bad Request")
                    return handler(account, request, [part for part in parts[2:] if part])
        if version == "v4":
            return Response(404, _NGINX_404, {"Content-Type": "text/html"})
        named = parts[0] if parts else ""
        raise ApiError(500, f'Could not determine HTTP module for request "{named}"', "EFPWebError")

    def _authorised(self, request: Request) -> bool:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return given == f"{self.account.api_key}:{self.account.api_secret}"

    def _rate_limited(self) -> Response | None:
        limit = self.account.switches.count("rate_limit_per_minute")
        if not limit:
            return None
        moment = self.account.moment()
        with self._recent_lock:
            while self._recent and self._recent[0] <= moment - 60:
                self._recent.popleft()
            if len(self._recent) >= limit:
                wait = max(self._recent[0] + 60 - moment, 1)
                with_header = self.account.switches.flag("rate_limit_retry_after")
                return too_many(
                    self.account.switches.word("rate_limit_body"), int(wait + 0.999) if with_header else None
                )
            self._recent.append(moment)
        return None
