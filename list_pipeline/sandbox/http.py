"""The seam between the sandbox's HTTP server and the services behind it: one request in, one response out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from pydantic_core import PydanticSerializationError, to_json


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``path`` is decoded and has no query; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def parameters(self) -> dict[str, str]:
        """Query parameters; of a repeated one the first counts, as Mailjet documents."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(name, value)
        return found

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body or b"null")


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. ``reason`` replaces the standard phrase; ``drop`` closes the connection without an answer.

    ``cut_after`` closes the connection after so many bytes of the body, although its whole length was declared;
    ``hang`` answers nothing until the client gives up.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    drop: bool = False
    cut_after: int | None = None
    hang: bool = False

    @classmethod
    def of_json(cls, payload: Any, status: int = 200, **headers: str) -> Response:
        """A JSON answer. Integers keep all their digits, and half a surrogate pair is written as its escape."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            # A third of the time of json, for pages of a thousand rows.
            body = to_json(payload)
        except PydanticSerializationError:
            body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "backslashreplace")
        return cls(status=status, body=body, headers={"Content-Type": "application/json", **named})


class Service(Protocol):
    """A service of the sandbox: answers the paths it knows, and None for the others."""

    def handle(self, request: Request) -> Response | None: ...
