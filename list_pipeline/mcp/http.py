"""The MCP server over streamable HTTP, as one endpoint of the HTTP service.

Each request stands alone and is answered with JSON: no session is kept, so that it does not matter which process answers, and
a revoked token ends with the next request. Who asks was found out before (``api.guard``), also how often, and how much they
send.
"""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from list_pipeline.core.tokens import Principal
from list_pipeline.mcp.results import clean, text_of
from list_pipeline.mcp.server import create_server
from list_pipeline.operations.monitoring.latest_look import LatestLook
from list_pipeline.operations.services import Services

PATH = "/mcp"
_VALIDATION = "validation error"


class Endpoint:
    """An ASGI application for requests whose caller stands in ``request.state.principal``.

    Args:
        look: at what the services depend on.
    """

    def __init__(self, services: Services, look: LatestLook) -> None:
        self._manager = StreamableHTTPSessionManager(
            create_server(services, look, _of_request),
            json_response=True,
            stateless=True,
            # The guard looks at Origin; under which names people reach the service is their proxy's concern.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

    def running(self) -> AbstractAsyncContextManager[None]:
        """To be entered once, for as long as requests come."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        await self._manager.handle_request(scope, receive, _with_clean_errors(send))


def _with_clean_errors(send: Send) -> Send:
    """Hold an answer until it is whole, and send it without what its error repeats of the request. Errors of the protocol are
    the SDK's, and quote methods and arguments; our own answers are clean."""
    held: list[Message] = []

    async def sent(message: Message) -> None:
        held.append(message)
        if message["type"] != "http.response.body" or message.get("more_body", False):
            return
        begin, body = held[0], b"".join(part.get("body", b"") for part in held[1:])
        held.clear()
        body = _without_echo(body)
        headers = MutableHeaders(scope=begin)
        if "content-length" in headers:
            headers["content-length"] = str(len(body))
        await send(begin)
        await send({"type": "http.response.body", "body": body})

    return sent


def _without_echo(body: bytes) -> bytes:
    try:
        found = json.loads(body) if b'"error"' in body else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("error"), dict):
        return body
    error = found["error"]
    message = str(error.get("message", ""))
    if _VALIDATION in message.casefold():
        # The lines behind it quote what was sent.
        message = message.partition("\n")[0]
    found["error"] = {**_clean(error), "message": clean(message)}
    return text_of(found).encode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    return [_clean(part) for part in value] if isinstance(value, list) else value


def _of_request(request: Any, _: bool) -> Principal:
    principal: Principal = request.state.principal
    return principal
