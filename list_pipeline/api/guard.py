"""What every request below ``/api``, and one for a monitor's figures, passes before a route: size, kind, token, allowance.

Belongs here: who asks, as a ``Principal``. Does not belong here: what tokens are (``operations.tokens``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from list_pipeline.api.problems import ProblemError, problem
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.tokens import FEED_PATH, Principal, Role
from list_pipeline.core.urls import is_loopback
from list_pipeline.mcp.http import PATH as MCP_PATH
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import principal_of, wait_before_next

GUARDED = ("/api/", "/metrics", MCP_PATH)
"""Beginnings of paths for which a token is needed."""
LONGEST_BODY = 64 * 1024
"""Bytes; the longest body is a few numbers and a reason."""
_LONGEST_TOKEN = 200
_SAFE = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


class Guard:
    """Middleware: nothing of a body is read before its sender is known, and no more than is allowed."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    # The pages have their own.
                    headers.setdefault(name, value)
            await send(message)

        if not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, safely)
            return
        try:
            if scope["path"].startswith(MCP_PATH):
                _refuse_other_pages(Headers(scope=scope))
            scope.setdefault("state", {})["principal"] = await self._known(scope)
            body = await _body(scope, receive)
        except ClientDisconnect:
            # Nobody is there to be answered, and half a request asks for nothing.
            return
        except ProblemError as refused:
            await problem(refused.status, refused.detail, refused.headers)(scope, receive, safely)
            return
        except ListPipelineError:
            await problem(503, "Not available now; send it again")(scope, receive, safely)
            return
        await self._app(scope, _replayed(body, receive), safely)

    async def _known(self, scope: Scope) -> Principal:
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" and len(token) <= _LONGEST_TOKEN else ""
        in_address = "" if token or scope["path"] != FEED_PATH else QueryParams(scope["query_string"]).get("token", "")
        if len(in_address) > _LONGEST_TOKEN:
            in_address = ""
        principal = await run_in_threadpool(principal_of, self._services, token or in_address)
        if in_address and principal is not None and principal.role is not Role.CALENDAR:
            principal = None
        wait = await run_in_threadpool(wait_before_next, self._services, principal)
        if wait is not None:
            raise ProblemError(429, f"Too many requests; ask again in {wait} s", {"Retry-After": str(wait)})
        if principal is None:
            raise ProblemError(401, "A token that is known is needed", {"WWW-Authenticate": 'Bearer realm="api"'})
        return principal


def allowed(needed: Role) -> Callable[[Request], Principal]:
    """A dependency: who asks, where the role is enough.

    Raises:
        ProblemError: 403.
    """

    def ask(request: Request) -> Principal:
        principal: Principal = request.state.principal
        if not principal.role.may(needed):
            raise ProblemError(403, f"This needs a token with the role {needed.value} or more")
        return principal

    return ask


def _refuse_other_pages(headers: Headers) -> None:
    """Only pages of this machine may talk to the MCP server: a page elsewhere that reaches it by a name of its own (DNS
    rebinding) says so in ``Origin``, and programs send none.
    https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning

    Raises:
        ProblemError: 403.
    """
    for origin in headers.getlist("origin"):
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            host = None
        if not is_loopback(host):
            raise ProblemError(403, "Pages of other machines may not call this")


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body.

    Raises:
        ProblemError: it is too long, or no JSON.
        ClientDisconnect: it broke off.
    """
    headers = Headers(scope=scope)
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > LONGEST_BODY:
        raise ProblemError(413, f"At most {LONGEST_BODY} bytes")
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LONGEST_BODY:
            raise ProblemError(413, f"At most {LONGEST_BODY} bytes")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise ProblemError(415, "Send JSON, as application/json")
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
