"""Gemini's generateContent in its real wire format, with a stand-in for the model and faults on request.

Belongs here: requests, answers, refusals and behaviours of the service. Does not belong here: what the stand-in says
(``gemini_answers``). Field names of a request are accepted in camel and in snake case, since SDKs send a mix.

Paths: ``/(v1|v1beta)/models/<model>:generateContent``, ``:countTokens``, ``GET .../models[/<model>]``, and

    GET  /_sandbox/gemini/messages    requests that arrived, oldest first, and how each was answered
    POST /_sandbox/gemini/clear       forget them and the scenarios
    POST /_sandbox/gemini/scenarios   {"behaviour": ..., "times": 1 or null for "from now on", ...}; see BEHAVIOURS
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from list_pipeline.sandbox.gemini_answers import compose_answer, with_invented_references
from list_pipeline.sandbox.http import Request, Response

BEHAVIOURS = {
    "well_behaved": "answers the schema from what the prompt offers",
    "sloppy": "the same, with prose and a code fence around the JSON",
    "truncated": "stops in the middle of the JSON (MAX_TOKENS)",
    "thought_away": "all of the budget went into thinking: no text (MAX_TOKENS)",
    "invented_references": "speaks about items that nobody offered",
    "wrong_shape": "JSON that has nothing to do with the schema",
    "empty": "no candidates",
    "blocked": "the prompt is refused (promptFeedback.blockReason)",
    "safety": "the answer is withheld (finishReason SAFETY)",
    "rate_limited": "429 with RetryInfo (retry_delay, e.g. 2s; none when null; daily: true for the daily quota)",
    "unavailable": "503",
    "html": "200 with a web page instead of JSON",
    "retired": "404 as for a model that was shut down",
    "slow": "the answer takes a while (seconds)",
    "off": "the connection is dropped",
}

MODELS = ("gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-3.1-flash-lite", "gemini-2.5-flash-lite")
"""Models that answer; any other is unknown or retired, like gemini-2.0-flash-exp."""

_PATH = re.compile(r"^/(v1|v1beta)/models(?:/(?P<model>[^/:]+)(?::(?P<verb>\w+))?)?$")

_SCHEMA = """
create table if not exists exchange (
    id integer primary key, at text not null, model text not null, behaviour text not null, status integer not null,
    request text not null);
create table if not exists scenario (id integer primary key, times integer, details text not null);
"""


class _Clock(Protocol):
    def now(self) -> datetime: ...


class GeminiService:
    """The service; safe to call from many threads."""

    def __init__(self, state_dir: Path, clock: _Clock) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._lock = threading.RLock()
        self._database = sqlite3.connect(state_dir / "gemini.sqlite", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the state file."""
        with self._lock:
            self._database.close()

    def handle(self, request: Request) -> Response | None:
        """Answer a request for Gemini; None for any other path."""
        if request.path.startswith("/_sandbox/gemini/"):
            return self._control(request, request.path.removeprefix("/_sandbox/gemini/"))
        found = _PATH.match(request.path)
        if found is None:
            return None
        refused = _key_refusal(request)
        if refused is not None:
            return refused
        model, verb = found["model"], found["verb"]
        if verb is None and request.method == "GET":
            return _models(model)
        try:
            body = _camel(request.json())
        except ValueError:
            return _error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        if verb == "countTokens":
            count = _tokens(json.dumps(body.get("contents", []), ensure_ascii=False))
            return Response.of_json({"totalTokens": count, "promptTokensDetails": [_modality(count)]})
        if verb == "generateContent":
            return self._generate(model, body)
        return _error(404, "NOT_FOUND", f"Method {verb} is not served here.")

    def _generate(self, model: str, body: dict[str, Any]) -> Response:
        scenario = self._next_scenario()
        behaviour = str(scenario.get("behaviour", "well_behaved"))
        if behaviour == "slow":
            # Real seconds, also under a virtual clock: what is rehearsed is a socket that stays silent.
            time.sleep(float(scenario.get("seconds", 1.0)))
        response = self._answer(model, body, behaviour, scenario)
        with self._lock:
            self._database.execute(
                "insert into exchange (at, model, behaviour, status, request) values (?, ?, ?, ?, ?)",
                (
                    self._clock.now().isoformat(),
                    model,
                    behaviour,
                    0 if response.drop else response.status,
                    json.dumps(body),
                ),
            )
        return response

    def _answer(self, model: str, body: dict[str, Any], behaviour: str, scenario: dict[str, Any]) -> Response:
        if behaviour == "off":
            return Response(drop=True)
        if behaviour == "html":
            return Response(200, b"<html>captive portal</html>", {"Content-Type": "text/html"})
        if behaviour == "unavailable":
            return _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        if behaviour == "rate_limited":
            return _rate_limited(model, scenario)
        if behaviour == "retired" or model not in MODELS:
            return _error(
                404,
                "NOT_FOUND",
                f"models/{model} is not found for API version v1, or is not supported for generateContent. "
                "Call ListModels to see the list of available models and their supported methods.",
            )
        refused = _request_refusal(body)
        if refused is not None:
            return refused
        return _generated(model, body, behaviour)

    def _next_scenario(self) -> dict[str, Any]:
        with self._lock:
            row = self._database.execute("select id, times, details from scenario order by id limit 1").fetchone()
            if row is None:
                return {}
            identity, times, details = row
            if times is not None and times <= 1:
                self._database.execute("delete from scenario where id = ?", (identity,))
            elif times is not None:
                self._database.execute("update scenario set times = times - 1 where id = ?", (identity,))
            return dict(json.loads(details))

    def _control(self, request: Request, what: str) -> Response:
        with self._lock:
            if what == "messages" and request.method == "GET":
                rows = self._database.execute("select at, model, behaviour, status, request from exchange order by id")
                names = ("at", "model", "behaviour", "status", "request")
                listed = [dict(zip(names, row, strict=True)) for row in rows]
                return Response.of_json([{**each, "request": json.loads(each["request"])} for each in listed])
            if what == "clear" and request.method == "POST":
                self._database.execute("delete from exchange")
                self._database.execute("delete from scenario")
                return Response.of_json({"ok": True})
            if what == "scenarios" and request.method == "POST":
                return self._add_scenario(request)
        return Response.of_json({"ok": False, "error": "unknown control", "behaviours": BEHAVIOURS}, 404)

    def _add_scenario(self, request: Request) -> Response:
        try:
            wanted = request.json()
            behaviour, times = wanted["behaviour"], wanted.get("times", 1)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Response.of_json({"ok": False, "error": "a JSON object with a behaviour is needed"}, 400)
        if behaviour not in BEHAVIOURS or not (times is None or (isinstance(times, int) and times > 0)):
            return Response.of_json({"ok": False, "error": "unknown behaviour or times", "behaviours": BEHAVIOURS}, 400)
        self._database.execute("insert into scenario (times, details) values (?, ?)", (times, json.dumps(wanted)))
        return Response.of_json({"ok": True})


def _generated(model: str, body: dict[str, Any], behaviour: str) -> Response:
    """A 200 answer: candidates, token usage, model version."""
    config = body.get("generationConfig") or {}
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    prompt = "\n".join(_texts(body.get("contents")))
    answer = compose_answer(prompt, schema)
    if behaviour == "invented_references":
        answer = with_invented_references(answer)
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    finish = "STOP"
    if behaviour == "wrong_shape":
        text = '{"unexpected": 1}'
    elif behaviour == "sloppy":
        text = f"Sure, here is the assessment you asked for:\n```json\n{text}\n```\nLet me know if you need more."
    limit = config.get("maxOutputTokens")
    if behaviour == "truncated":
        text, finish = text[: max(len(text) // 2, 1)], "MAX_TOKENS"
    elif limit is not None and _tokens(text) > int(limit):
        text, finish = text[: int(limit) * 4], "MAX_TOKENS"

    thoughts = 24
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "finishReason": finish,
        "index": 0,
    }
    if behaviour == "thought_away":
        candidate = {"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
        text, thoughts = "", int(limit or 2048)
    elif behaviour == "safety":
        candidate = {"finishReason": "SAFETY", "index": 0}
        text = ""
    asked = _tokens(prompt + "\n".join(_texts([body.get("systemInstruction")])))
    payload: dict[str, Any] = {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": asked,
            "candidatesTokenCount": _tokens(text),
            "thoughtsTokenCount": thoughts,
            "promptTokensDetails": [_modality(asked)],
            "totalTokenCount": asked + _tokens(text) + thoughts,
        },
        "modelVersion": model,
        "responseId": f"sandbox-{zlib.crc32(prompt.encode()):08x}",
    }
    if not text:
        del payload["usageMetadata"]["candidatesTokenCount"]
    if behaviour in ("empty", "blocked"):
        del payload["candidates"]
    if behaviour == "blocked":
        payload["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    return Response.of_json(payload)


def _request_refusal(body: dict[str, Any]) -> Response | None:
    """The refusals of a request that are known from the documentation and recordings."""
    config = body.get("generationConfig") or {}
    if not body.get("contents"):
        return _error(400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified")
    if "responseJsonSchema" in config and "responseSchema" in config:
        return _error(400, "INVALID_ARGUMENT", "Only one of response_schema and response_json_schema may be set.")
    if ("responseJsonSchema" in config or "responseSchema" in config) and (
        config.get("responseMimeType") != "application/json"
    ):
        return _error(400, "INVALID_ARGUMENT", "A response schema needs response_mime_type application/json.")
    if body["contents"][-1].get("role") == "model":
        return _error(400, "INVALID_ARGUMENT", "The last turn must come from the user.")
    return None


def _key_refusal(request: Request) -> Response | None:
    key = request.headers.get("x-goog-api-key") or request.parameters().get("key")
    if key and key != "bad":
        return None
    if not key:
        return _error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", detail)


def _rate_limited(model: str, scenario: dict[str, Any]) -> Response:
    delay = scenario.get("retry_delay", "2s")
    per = "Day" if scenario.get("daily") else "Minute"
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
        "quotaId": f"GenerateRequestsPer{per}PerProjectPerModel",
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": "10",
    }
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}
    ]
    if delay is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    return _error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", *details)


def _error(code: int, status: str, message: str, *details: dict[str, Any]) -> Response:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    return Response.of_json({"error": error}, code)


def _models(model: str | None) -> Response:
    described = {
        name: {
            "name": f"models/{name}",
            "displayName": name,
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "thinking": True,
        }
        for name in MODELS
    }
    if model is None:
        return Response.of_json({"models": list(described.values())})
    if model not in described:
        return _error(404, "NOT_FOUND", f"models/{model} is not found for API version v1.")
    return Response.of_json(described[model])


def _texts(contents: Any) -> list[str]:
    turns = contents if isinstance(contents, list) else []
    return [str(part["text"]) for turn in turns if turn for part in turn.get("parts", ()) if "text" in part]


def _tokens(text: str) -> int:
    """About four characters a token; the real count is the model's own."""
    return -(-len(text) // 4)


def _modality(count: int) -> dict[str, Any]:
    return {"modality": "TEXT", "tokenCount": count}


def _camel(value: Any, inside_schema: bool = False) -> Any:
    """Names in camel case, except inside a JSON schema, which is the caller's own text."""
    if isinstance(value, list):
        return [_camel(each, inside_schema) for each in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for name, each in value.items():
        camel = name if inside_schema else re.sub(r"_(\w)", lambda found: found.group(1).upper(), name)
        renamed[camel] = _camel(each, inside_schema or camel in ("responseJsonSchema", "responseSchema"))
    return renamed
