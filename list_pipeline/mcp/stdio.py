"""The MCP server over standard input and output, for a client on the same machine.

``MCP_TOKEN`` says who calls. Without it everything can be read and nothing decided: whoever starts this has the database's URL
in the settings anyway. Nothing but messages of the protocol reaches standard output; logs go to standard error.
"""

from __future__ import annotations

from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from list_pipeline.core.errors import ConfigurationError, RefusedError
from list_pipeline.core.tokens import Principal, Role
from list_pipeline.mcp.errors import CallerUnknownError
from list_pipeline.mcp.server import Admit, create_server
from list_pipeline.operations.monitoring.latest_look import LatestLook
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import principal_of, wait_before_next
from list_pipeline.storage.server_clock import ServerClock

LOCAL = Principal("whoever started this", Role.READER, "stdio", None)
"""Who calls where no token says it."""


def serve_stdio(services: Services) -> Principal:
    """Serve until the client closes standard input.

    Returns:
        Who was served.

    Raises:
        ConfigurationError: MCP_TOKEN is no token that is known.
    """
    admit = admitting(services)
    who = admit(None, False)
    # As for the HTTP service: its clock may guess, and must not be the one by which anything is written.
    watching = Services(services.settings, None if isinstance(services.clock, ServerClock) else services.clock)
    try:
        anyio.run(_serve, create_server(services, LatestLook(watching), admit))
    finally:
        watching.close()
    return who


def admitting(services: Services) -> Admit:
    """Who calls on this machine: the person of MCP_TOKEN, looked up at each call, so that a token that is revoked ends at once.

    Raises:
        ConfigurationError: MCP_TOKEN is no token that is known.
    """
    secret = services.settings.mcp_token
    if secret is None:
        return lambda _, __: LOCAL
    token = secret.get_secret_value()
    if principal_of(services, token) is None:
        raise ConfigurationError(
            "Reading MCP_TOKEN",
            "it is no token that is known: mistyped, expired or revoked",
            "`list-pipeline tokens create` makes one; without the variable everything can be read",
        )

    def admit(_: Any, is_counted: bool) -> Principal:
        who = principal_of(services, token)
        if who is None:
            raise CallerUnknownError(
                "Calling a tool", "the token expired or was revoked", "Ask the person for another MCP_TOKEN"
            )
        wait = wait_before_next(services, who) if is_counted else None
        if wait is not None:
            raise RefusedError("Calling a tool", "this token asked too often", f"Wait {wait} s")
        return who

    return admit


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
