"""What happens between the product and the services it asks: somebody acts, an answer is another one, the process dies.

Belongs here: the one place where tests stand between the product and the wire. Does not belong here: what a test lets
happen there.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

Send = Callable[[], httpx.Response]
"""Lets the request through, and returns its real answer."""


def intercept(monkeypatch: pytest.MonkeyPatch, handle: Callable[[httpx.Request, Send], httpx.Response]) -> None:
    """Let every request of this process go through ``handle``, the sandbox's own controls excepted."""
    real: Callable[..., httpx.Response] = httpx.HTTPTransport.handle_request

    def handled(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if "_sandbox" in request.url.path:
            return real(transport, request)
        return handle(request, lambda: real(transport, request))

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handled)


def before(
    monkeypatch: pytest.MonkeyPatch,
    is_counted: Callable[[httpx.Request], bool],
    act: Callable[[], object],
    *,
    nth: int = 1,
) -> list[str]:
    """Somebody acts right before the ``nth`` counted request; returns method and path of the counted ones as they come."""
    seen: list[str] = []

    def handle(request: httpx.Request, send: Send) -> httpx.Response:
        if is_counted(request):
            seen.append(named(request))
            if len(seen) == nth:
                act()
        return send()

    intercept(monkeypatch, handle)
    return seen


def named(request: httpx.Request) -> str:
    """Method and path of a request: ``POST /v3/REST/contact/managemanycontacts``."""
    return f"{request.method} {request.url.path}"


def is_job(request: httpx.Request) -> bool:
    """Whether a request hands a bulk job in."""
    return request.method == "POST" and request.url.path.endswith("/contact/managemanycontacts")
