"""Gemini's generateContent in its real wire format, with a stand-in for the model and faults on request.

Belongs here: requests, answers and refusals of the service. Does not belong here: what the stand-in says
(``answers``) and how it can answer otherwise (``behaviours``). Field names of a request are accepted in
camel and in snake case, since SDKs send a mix.

Paths: ``/(v1|v1beta)/models/<model>:generateContent``, ``:countTokens``, ``GET .../models[/<model>]``, and

    GET  /_sandbox/gemini/messages    requests that arrived, oldest first, and how each was answered
    POST /_sandbox/gemini/clear       forget them and the scenarios
    GET  /_sandbox/gemini/scenarios   what is chosen for the next questions, and the behaviours there are
    POST /_sandbox/gemini/scenarios   {"behaviour": ..., "times": 1 or null for "from now on", ...}; see Scenario

Scenarios for a number of questions act in the order in which they were chosen, each on the questions it is meant for;
after them the newest that holds from now on. One that holds from now on for all questions replaces those before it; so
``well_behaved`` from now on ends everything. The header ``x-sandbox-scenario: slow; seconds=2`` of a request goes
before all of them.
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

from list_pipeline.sandbox.gemini.answers import advisor_of
from list_pipeline.sandbox.gemini.behaviours import BEHAVIOURS, Scenario, answer_text
from list_pipeline.sandbox.http import Request, Response

__all__ = ["BEHAVIOURS", "MODELS", "THINKING_LEVELS", "GeminiService"]

THINKING_LEVELS = {
    "gemini-3.5-flash-lite": ("MINIMAL", "LOW", "MEDIUM", "HIGH"),
    "gemini-3.8-flash": ("LOW", "MEDIUM", "HIGH"),
    "gemini-3.5-flash": ("MINIMAL", "LOW", "MEDIUM", "HIGH"),
    "gemini-3.1-flash-lite": ("MINIMAL", "LOW", "MEDIUM", "HIGH"),
    "gemini-2.5-flash-lite": (),
}
"""Models that answer, with the thinking levels that each takes; any other is unknown or retired, like
gemini-2.0-flash-exp."""
MODELS = tuple(THINKING_LEVELS)

_PATH = re.compile(r"^/(v1|v1beta)/models(?:/(?P<model>[^/:]+)(?::(?P<verb>\w+))?)?$")

_SCHEMA = """
create table if not exists asked (
    id integer primary key, at text not null, model text not null, agent text not null, behaviour text not null,
    status integer not null, request text not null);
create table if not exists scenario (id integer primary key, times integer, details text not null);
"""


_IN_FORCE = "order by times is null, case when times is null then -id else id end"


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
            return self._generate(request, model, body)
        return _error(404, "NOT_FOUND", f"Method {verb} is not served here.")

    def _generate(self, request: Request, model: str, body: dict[str, Any]) -> Response:
        agent, prompt = advisor_of(_schema_of(body)), "\n".join(_texts(body.get("contents")))
        chosen = request.headers.get("x-sandbox-scenario")
        try:
            scenario = self._next_scenario(agent, prompt) if chosen is None else Scenario.of_header(chosen)
        except ValueError as error:
            return _error(400, "INVALID_ARGUMENT", f"x-sandbox-scenario: {error}")
        if scenario.behaviour == "slow":
            # Real seconds, also under a virtual clock: what is rehearsed is a socket that stays silent.
            time.sleep(scenario.seconds)
        response = _answer(model, body, prompt, scenario)
        status = 0 if response.drop else response.status
        with self._lock:
            self._database.execute(
                "insert into asked (at, model, agent, behaviour, status, request) values (?, ?, ?, ?, ?, ?)",
                (self._clock.now().isoformat(), model, agent, scenario.behaviour, status, json.dumps(body)),
            )
        return response

    def _next_scenario(self, agent: str, prompt: str) -> Scenario:
        """The first of those chosen that is meant for this question; it is used up by one."""
        with self._lock:
            rows = self._database.execute(f"select id, times, details from scenario {_IN_FORCE}").fetchall()
            for identity, times, details in rows:
                scenario = Scenario.of(json.loads(details))
                if not scenario.concerns(agent, prompt):
                    continue
                if times is not None and times <= 1:
                    self._database.execute("delete from scenario where id = ?", (identity,))
                elif times is not None:
                    self._database.execute("update scenario set times = times - 1 where id = ?", (identity,))
                return scenario
            return Scenario()

    def _control(self, request: Request, what: str) -> Response:
        with self._lock:
            if what == "messages" and request.method == "GET":
                names = ("at", "model", "agent", "behaviour", "status", "request")
                rows = self._database.execute(f"select {', '.join(names)} from asked order by id")
                listed = [dict(zip(names, row, strict=True)) for row in rows]
                return Response.of_json([{**each, "request": json.loads(each["request"])} for each in listed])
            if what == "clear" and request.method == "POST":
                self._database.execute("delete from asked")
                self._database.execute("delete from scenario")
                return Response.of_json({"ok": True})
            if what == "scenarios" and request.method == "POST":
                return self._add_scenario(request)
            if what == "scenarios" and request.method == "GET":
                rows = self._database.execute(f"select times, details from scenario {_IN_FORCE}")
                chosen = [{**json.loads(details), "times": times} for times, details in rows]
                return Response.of_json({"chosen": chosen, "behaviours": BEHAVIOURS})
        return Response.of_json({"ok": False, "error": "unknown control", "behaviours": BEHAVIOURS}, 404)

    def _add_scenario(self, request: Request) -> Response:
        try:
            wanted = request.json()
            scenario = Scenario.of(wanted)
        except (ValueError, TypeError) as error:
            return Response.of_json({"ok": False, "error": str(error), "behaviours": BEHAVIOURS}, 400)
        if scenario.times is None and not (scenario.agent or scenario.contains):
            kept = "0" if scenario.behaviour == "well_behaved" else "times is not null"
            self._database.execute(f"delete from scenario where not ({kept})")
        self._database.execute(
            "insert into scenario (times, details) values (?, ?)", (scenario.times, json.dumps(wanted))
        )
        return Response.of_json({"ok": True})


def _answer(model: str, body: dict[str, Any], prompt: str, scenario: Scenario) -> Response:
    match scenario.behaviour:
        case "off":
            return Response(drop=True)
        case "html":
            return Response(200, b"<html>captive portal</html>", {"Content-Type": "text/html"})
        case "unavailable":
            return _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        case "rate_limited":
            return _rate_limited(model, scenario)
        case "retired":
            return _unknown_model(model)
    if model not in MODELS:
        return _unknown_model(model)
    return _request_refusal(model, body) or _generated(model, body, prompt, scenario.behaviour)


_WITHHELD = {"safety": "SAFETY", "recitation": "RECITATION"}


def _generated(model: str, body: dict[str, Any], prompt: str, behaviour: str) -> Response:
    """A 200 answer: candidates, token usage, model version."""
    config = body.get("generationConfig") or {}
    text, finish, thoughts = answer_text(prompt, _schema_of(body), behaviour), "STOP", 24
    limit = config.get("maxOutputTokens")
    if behaviour == "truncated":
        finish = "MAX_TOKENS"
    elif behaviour == "unknown_finish":
        finish = "SOMETHING_NEWER"
    elif limit is not None and _tokens(text) > int(limit):
        text, finish = text[: int(limit) * 4], "MAX_TOKENS"
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "finishReason": finish,
        "index": 0,
    }
    if behaviour == "thought_away":
        candidate = {"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
        thoughts = int(limit or 2048)
    elif behaviour in _WITHHELD:
        candidate = {"finishReason": _WITHHELD[behaviour], "index": 0}
    asked = _tokens(prompt + "\n".join(_texts([body.get("systemInstruction")])) + json.dumps(_schema_of(body) or ""))
    usage: dict[str, Any] = {
        "promptTokenCount": asked,
        "candidatesTokenCount": _tokens(text),
        "thoughtsTokenCount": thoughts,
        "promptTokensDetails": [_modality(asked)],
        "totalTokenCount": asked + _tokens(text) + thoughts,
    }
    payload: dict[str, Any] = {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": f"sandbox-{zlib.crc32(prompt.encode()):08x}",
    }
    if not text:
        del usage["candidatesTokenCount"]
    if behaviour in ("empty", "blocked"):
        del payload["candidates"]
    if behaviour == "blocked":
        payload["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    if behaviour == "retiring":
        payload["modelStatus"] = {
            "modelStage": "DEPRECATED",
            "retirementTime": "2027-03-01T00:00:00Z",
            "message": "This model will be shut down.",
        }
    return Response.of_json(payload)


def _schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    config = body.get("generationConfig") or {}
    found = config.get("responseJsonSchema") or config.get("responseSchema")
    return found if isinstance(found, dict) else None


def _unknown_model(model: str) -> Response:
    return _error(
        404,
        "NOT_FOUND",
        f"models/{model} is not found for API version v1, or is not supported for generateContent. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def _request_refusal(model: str, body: dict[str, Any]) -> Response | None:
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
    thinking = config.get("thinkingConfig") or {}
    level = str(thinking.get("thinkingLevel", "")).upper()
    if level and level not in THINKING_LEVELS[model]:
        return _error(400, "INVALID_ARGUMENT", f"Thinking level {level} is not supported for this model.")
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


def _rate_limited(model: str, scenario: Scenario) -> Response:
    delay, per = scenario.retry_delay, "Day" if scenario.daily else "Minute"
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
