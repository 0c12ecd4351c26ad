"""Only pages of the UI itself may ask the webserver to do something.

Dagster's webserver takes mutations as GET, as a form and over a websocket from any page that a browser has open, under any
name, and lets anybody report materializations. A browser sends a form or a GET with a query to this machine without asking;
``application/json`` and another ``Origin`` it does not send on behalf of another page unasked.
https://owasp.org/www-community/attacks/csrf, https://en.wikipedia.org/wiki/DNS_rebinding

A pure ASGI middleware. Does not belong here: Dagster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from list_pipeline.core.urls import is_loopback

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_READING = frozenset({"GET", "HEAD"})
_REPORTS = "/report_asset"


class SameOriginOnly:
    """Passes on what the UI's own pages send, and answers everything else with 4xx.

    Args:
        app: what is guarded.
        public_url: where people open the UI, such as ``https://dagster.example.com``; None: only on this machine.
    """

    def __init__(self, app: App, public_url: str | None = None) -> None:
        self._app = app
        parts = urlsplit(public_url or "")
        self._public_origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None
        self._public_host = (parts.hostname or "").lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if (refused := self._refused(scope)) is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            status, words = refused
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": f"{words}\n".encode()})

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Status and words where it is not passed on."""
        headers = _headers(scope)
        host = headers.get("host", "")
        if not self._is_known(host):
            return 421, "This name is not one of this server: open it by its own, or set DAGSTER_URL"
        path = str(scope["path"])
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
        if scope.get("query_string"):
            return 400, "GraphQL is asked without a query string"
        return None if self._is_own(headers.get("origin"), host) else (403, "Not from this page")

    def _is_known(self, host: str) -> bool:
        """A page of another name that resolves to this machine is another page."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name is not None and (is_loopback(name) or name == self._public_host)

    def _is_own(self, origin: str | None, host: str) -> bool:
        if origin is None:
            return False
        return origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower(), self._public_origin}


def _headers(scope: Scope) -> dict[str, str]:
    """Names in lower case. Where one comes twice, both: that is no value that is expected."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
