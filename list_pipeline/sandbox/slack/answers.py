"""Answers of Slack's Web API, how its requests carry arguments, and the channels that there are."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.slack.limits import content_error

CHANNELS = {"C0TRACTION": "_traction", "C0DEMO": "demo"}
_REFUSING_CHANNELS = {"C0PRIVATE": "not_in_channel", "C0ARCHIVE": "is_archived"}


def fine(**values: Any) -> Response:
    return Response.of_json({"ok": True, **values})


def refusal(error: str, **values: Any) -> Response:
    """Slack says no with HTTP 200."""
    return Response.of_json({"ok": False, "error": error, **values})


def charts_refused(method: str) -> Response:
    if method == "webhook":
        return Response(400, b"invalid_blocks", {"Content-Type": "text/plain"})
    detail = {"messages": ["[ERROR] unsupported type: data_visualization [json-pointer:/blocks]"]}
    return refusal("invalid_blocks", response_metadata=detail)


def is_true(value: Any) -> bool:
    return str(value).casefold() in ("true", "1")


def arguments_of(request: Request) -> dict[str, Any]:
    """Arguments from query, form or JSON body; SDKs use all three."""
    found: dict[str, Any] = dict(request.parameters())
    if "json" in request.headers.get("content-type", ""):
        body = request.json()
        if body is not None and not isinstance(body, dict):
            raise ValueError("a JSON object is needed")
        found |= body or {}
    else:
        found |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    for name in ("blocks", "metadata", "view"):
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    return found


def channel_id(channel: Any) -> Any:
    """chat.postMessage also takes a name."""
    name = str(channel).removeprefix("#")
    return next((key for key, known in CHANNELS.items() if known == name), channel)


def channel_refusal(channel: Any) -> Response | None:
    if channel in _REFUSING_CHANNELS:
        return refusal(_REFUSING_CHANNELS[channel])
    return None if channel in CHANNELS else refusal("channel_not_found")


def content_refusal(arguments: dict[str, Any]) -> Response | None:
    code, errors = content_error(arguments)
    if not errors:
        return refusal(code) if code else None
    return refusal(code, errors=errors, response_metadata={"messages": [f"[ERROR] {error}" for error in errors]})
