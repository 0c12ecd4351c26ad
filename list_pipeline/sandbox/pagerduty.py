"""PagerDuty's Events API v2 as far as the product speaks it, and a webhook: events, and the incidents that they make.

Belongs here: what is taken and refused, de-duplication by ``dedup_key``, faults on request. Does not belong here: people,
schedules and escalation.

    POST /v2/enqueue                    an event; 202, or 400 for one that is not as it should be
    POST /webhook/alarms                any JSON document; 200
    GET  /_sandbox/pagerduty/incidents  incidents, the first one first, each with the events that it got
    GET  /_sandbox/pagerduty/webhook    what was posted to the webhook, with its Idempotency-Key
    POST /_sandbox/pagerduty/fail       {"status": ..., "times": ...}: the next answers; status 0 drops the connection after the
                                        event was taken
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any, Protocol

from list_pipeline.sandbox.http import Request, Response

ROUTING_KEY = "sandbox-routing-key-of-32-letters"
"""The key that it accepts; it opens nothing else."""
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_LONGEST_KEY, _LONGEST_SUMMARY = 255, 1024


class _Clock(Protocol):
    def now(self) -> datetime: ...


class PagerDutyService:
    """The service; safe to call from many threads. What arrived is forgotten with the process."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._incidents: list[dict[str, Any]] = []
        self._posted: list[dict[str, Any]] = []
        self._failing: list[int] = []

    def handle(self, request: Request) -> Response | None:
        """Answer a request for PagerDuty or the webhook; None for any other path."""
        path = request.path.rstrip("/")
        with self._lock:
            if path.startswith("/_sandbox/pagerduty"):
                return self._control(request, path.removeprefix("/_sandbox/pagerduty").strip("/"))
            if path not in ("/v2/enqueue", "/webhook/alarms") or request.method != "POST":
                return None
            fault = self._failing.pop(0) if self._failing else None
            if fault:
                return Response.of_json({"status": "fault", "message": "on request"}, fault)
            answer = self._enqueue(request) if path == "/v2/enqueue" else self._webhook(request)
            return Response(drop=True) if fault == 0 else answer

    def _enqueue(self, request: Request) -> Response:
        try:
            event = request.json()
        except ValueError:
            event = None
        problem = _problem(event)
        if problem:
            return Response.of_json(
                {"status": "invalid event", "message": "Event object is invalid", "errors": [problem]}, 400
            )
        key = event["dedup_key"]
        current = next(
            (one for one in self._incidents if one["dedup_key"] == key and one["status"] != "resolved"), None
        )
        if current is None and event["event_action"] == "trigger":
            current = {"dedup_key": key, "status": "triggered", "events": [], **event["payload"]}
            self._incidents.append(current)
        if current is not None:
            current["events"].append(event["event_action"])
            if event["event_action"] == "resolve":
                current["status"] = "resolved"
        return Response.of_json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _webhook(self, request: Request) -> Response:
        self._posted.append({"key": request.headers.get("idempotency-key"), "body": request.json()})
        return Response.of_json({"ok": True})

    def _control(self, request: Request, what: str) -> Response:
        if what == "incidents":
            return Response.of_json(self._incidents)
        if what == "webhook":
            return Response.of_json(self._posted)
        if what == "fail" and request.method == "POST":
            asked = request.json()
            self._failing += [int(asked["status"])] * int(asked.get("times", 1))
            return Response.of_json({"ok": True})
        return Response(404)


def _problem(event: Any) -> str:
    """What is wrong with an event; empty for nothing."""
    if not isinstance(event, dict):
        return "the body is no JSON object"
    if event.get("routing_key") != ROUTING_KEY:
        return "'routing_key' is invalid"
    if event.get("event_action") not in _ACTIONS:
        return "'event_action' is invalid"
    key = event.get("dedup_key")
    if not isinstance(key, str) or not 1 <= len(key) <= _LONGEST_KEY:
        return "'dedup_key' is invalid"
    if event["event_action"] != "trigger":
        return ""
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return "'payload' is missing or blank"
    summary = payload.get("summary")
    if not isinstance(summary, str) or not 1 <= len(summary) <= _LONGEST_SUMMARY:
        return "'payload.summary' is missing, blank or too long"
    if not payload.get("source") or payload.get("severity") not in _SEVERITIES:
        return "'payload.source' or 'payload.severity' is invalid"
    return ""
