"""Only pages of the UI itself may ask the webserver to do something.

Dagster's webserver takes mutations as GET, as a form and over a websocket from any page that a browser has open, under any
name, and lets anybody report materializations. A browser sends a form or a GET with a query to this machine without asking;
``application/json`` and another ``Origin`` it does not send on behalf of another page unasked. Nor may another page show the UI
within itself and have people click on what they do not see.
https://owasp.org/www-community/attacks/csrf, https://en.wikipedia.org/wiki/DNS_rebinding,
https://owasp.org/www-community/attacks/Clickjacking

A pure ASGI middleware. Does not belong here: Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from list_pipeline.core.urls import is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_READING = frozenset({"GET", "HEAD"})
_REPORTS = "/report_asset"
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
"""A name or an address and perhaps a port, and nothing of which others could take a part for the name."""
_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f]")
"""No page of the UI has a control character in its path, and a route matches a path that ends in a line feed (``%0A``) as if it
ended before it."""
_OPERATION = re.compile(rb"(?:op=\w{0,100})?")
"""The query string of the UI's own requests: the name of the operation, for whoever reads the log. What is asked stands in the
body, and nothing of it is taken from here."""
_NOT_FRAMED = ((b"x-frame-options", b"DENY"), (b"content-security-policy", b"frame-ancestors 'none'"))
"""Beside a policy that Dagster sends itself: of two, both hold."""
_USUAL_PORTS = {"http": 80, "https": 443}


class SameOriginOnly:
    """Passes on what the UI's own pages send, and answers everything else with 4xx.

    Args:
        app: what is guarded.
        public_url: where people open the UI, such as ``https://dagster.example.com``; None: only on this machine.
    """

    def __init__(self, app: App, public_url: str | None = None) -> None:
        self._app = app
        parts = urlsplit(public_url or "")
        self._public_origin = _origin(parts) if parts.netloc else None
        self._public_host = (parts.hostname or "").lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if (refused := self._refused(scope)) is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            status, words = refused
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *_NOT_FRAMED]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": f"{words}\n".encode()})

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Status and words where it is not passed on."""
        headers = _headers(scope)
        host = headers.get("host", "")
        if not self._is_known(host):
            return 421, "This name is not one of this server: open it by its own, or set DAGSTER_URL"
        path = str(scope["path"])
        if _NOT_IN_PATHS.search(path):
            return 400, "No control characters in a path"
        if _REPORTS in path:
            return 403, "Events are not reported over HTTP here"
        is_graphql = path.rstrip("/").endswith("/graphql")
        if scope["type"] == "websocket":
            return None if is_graphql and self._is_own(headers.get("origin"), host) else (403, "Not from this page")
        if not is_graphql:
            return None if scope["method"] in _READING else (405, "Only GET and HEAD here")
        if scope["method"] != "POST":
            return 405, "GraphQL is asked with POST"
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, "GraphQL is asked with application/json"
        if not _OPERATION.fullmatch(scope.get("query_string", b"")):
            return 400, "GraphQL is asked with the name of its operation alone in the query string"
        return None if self._is_own(headers.get("origin"), host) else (403, "Not from this page")

    def _is_known(self, host: str) -> bool:
        """A page of another name that resolves to this machine is another page."""
        if not _HOST.fullmatch(host):
            return False
        name = _name(host)
        return name is not None and (is_loopback(name) or name == self._public_host)

    def _is_own(self, origin: str | None, host: str) -> bool:
        """Under its public name the UI is the page at DAGSTER_URL alone: one of the same name without TLS may be anybody's."""
        if origin is None:
            return False
        if self._public_origin is not None and _name(host) == self._public_host:
            return origin.lower() == self._public_origin
        return origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower(), self._public_origin}


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _origin(parts: SplitResult) -> str:
    """As browsers write it: without the usual port."""
    netloc = parts.netloc.lower()
    return f"{parts.scheme}://{netloc.removesuffix(f':{_USUAL_PORTS.get(parts.scheme)}')}"


def _unframed(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_NOT_FRAMED]
        await send(message)

    return sent


def _headers(scope: Scope) -> dict[str, str]:
    """Names in lower case. Where one comes twice, both: that is no value that is expected."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
