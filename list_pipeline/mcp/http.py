"""The MCP server over streamable HTTP, as one endpoint of the HTTP service.

Each request stands alone and is answered with JSON: no session is kept, so that it does not matter which process answers, and
a revoked token ends with the next request. Who asks was found out before (``api.guard``), also how often, and how much they
send.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import Receive, Scope, Send

from list_pipeline.core.tokens import Principal
from list_pipeline.mcp.server import create_server
from list_pipeline.operations.monitoring.latest_look import LatestLook
from list_pipeline.operations.services import Services

PATH = "/mcp"


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
        await self._manager.handle_request(scope, receive, send)


def _of_request(request: Any, _: bool) -> Principal:
    principal: Principal = request.state.principal
    return principal
