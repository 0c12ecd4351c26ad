"""The SDK's own client, over HTTP, with tokens of every role."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import anyio
import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Tool

from list_pipeline.core.tokens import Role
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import create_token

T = TypeVar("T")
MODES = ("auto", "legacy")
"""The present protocol, and that of older clients with their handshake."""


class Mcp:
    """Clients of the server at ``/mcp``; each session is made with the token of a role."""

    def __init__(self, services: Services, http: httpx.Client) -> None:
        self.url = f"{http.base_url}".rstrip("/") + "/mcp"
        self.http = http
        self.tokens = {role: create_token(services, role.value.title(), role, by="Grace")[0] for role in Role}

    def within(self, role: Role, work: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
        """Do something within one session."""

        async def run() -> T:
            headers = {"Authorization": f"Bearer {self.tokens[role]}"}
            async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http:
                transport = streamable_http_client(self.url, http_client=http)
                async with Client(transport, mode=mode) as client:
                    return await work(client)

        return anyio.run(run)

    def tools(self, role: Role, mode: str = "auto") -> dict[str, Tool]:
        """What a role is offered, by name."""

        async def listed(client: Client) -> dict[str, Tool]:
            return {one.name: one for one in (await client.list_tools()).tools}

        return self.within(role, listed, mode)

    def calls(
        self, role: Role, asked: Mapping[str, Mapping[str, Any]], mode: str = "auto"
    ) -> dict[str, CallToolResult]:
        """Several tools, one after the other, in one session."""

        async def called(client: Client) -> dict[str, CallToolResult]:
            return {name: await client.call_tool(name, dict(arguments)) for name, arguments in asked.items()}

        return self.within(role, called, mode)

    def call(self, role: Role, tool: str, **arguments: Any) -> CallToolResult:
        """One tool."""
        return self.calls(role, {tool: arguments})[tool]

    def found(self, role: Role, tool: str, **arguments: Any) -> Any:
        """The answer of one tool that has to be given."""
        return answer_of(self.call(role, tool, **arguments))

    def refused(self, role: Role, tool: str, **arguments: Any) -> str:
        """The words of one tool that has to refuse."""
        result = self.call(role, tool, **arguments)
        assert result.is_error, text_of(result)
        assert result.structured_content is None
        words = text_of(result)
        assert [line.partition(":")[0] for line in words.splitlines()] == ["Tried", "Happened", "Next"], words
        return words


def text_of(result: CallToolResult) -> str:
    """The one text of an answer."""
    (block,) = result.content
    assert block.type == "text"
    return block.text


def answer_of(result: CallToolResult) -> Any:
    """A good answer; its text is the same document."""
    assert not result.is_error, text_of(result)
    assert json.loads(text_of(result)) == result.structured_content
    return result.structured_content
