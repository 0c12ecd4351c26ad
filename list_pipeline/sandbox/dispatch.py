"""The way of a request through the sandbox: counted, hit by faults, and answered by the service that knows its path."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from list_pipeline.sandbox.clock import Clock
from list_pipeline.sandbox.faults import TRANSPORT_EFFECTS, FaultRule, Faults
from list_pipeline.sandbox.http import Request, Response, Service
from list_pipeline.sandbox.mailjet.service import too_many, unauthorised, web_page

CONTROL_PREFIX = "/_sandbox"
_NUMBER = re.compile(r"^\d+$")


class RequestLog:
    """The number of requests by method and resource since the last reset. Safe to share between threads."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, method: str, path: str) -> None:
        """Count one request under its resource: ids and addresses in the path become ``{id}``."""
        parts = [part for part in path.strip("/").split("/") if part]
        if len(parts) > 1 and parts[0].lower() in ("v3", "v4"):
            parts = parts[2:] if parts[1].lower() == "rest" else parts[1:]
        shown = ["{id}" if _NUMBER.match(part) or "@" in part or part.startswith("mj.nl=") else part for part in parts]
        key = f"{method} {'/'.join(shown).lower()}"
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1

    def reset(self) -> None:
        """Begin again."""
        with self._lock:
            self._counts.clear()

    def counts(self) -> dict[str, int]:
        """Requests by method and resource."""
        with self._lock:
            return dict(sorted(self._counts.items()))


class Dispatcher:
    """All services behind one port. The control API is neither counted nor hit by faults."""

    def __init__(
        self, services: Sequence[Service], control: Service, faults: Faults, log: RequestLog, clock: Clock
    ) -> None:
        self._services = tuple(services)
        self._control = control
        self._faults = faults
        self._log = log
        self._clock = clock

    def handle(self, request: Request) -> Response:
        """One answer; an unknown path is a 404."""
        if request.path == CONTROL_PREFIX or request.path.startswith(CONTROL_PREFIX + "/"):
            # The other services have controls of their own under the same prefix.
            return self._from_services(request) or self._control.handle(request) or Response(404)
        self._log.add(request.method, request.path)
        rules = self._faults.take(request.method, request.path, TRANSPORT_EFFECTS)
        for rule in rules:
            if rule.effect == "delay":
                self._clock.sleep(rule.seconds)
        for rule in rules:
            instead = _INSTEAD.get(rule.effect)
            if instead is not None:
                return instead(rule)
        answer = self._answer(request)
        for rule in rules:
            spoil = _AFTERWARDS.get(rule.effect)
            if spoil is not None:
                answer = spoil(rule, answer)
        return answer

    def _answer(self, request: Request) -> Response:
        return self._from_services(request) or Response(404, b"", {"Content-Type": "text/html"})

    def _from_services(self, request: Request) -> Response | None:
        for service in self._services:
            answer = service.handle(request)
            if answer is not None:
                return answer
        return None


def _error(rule: FaultRule) -> Response:
    if rule.status == 401:
        return unauthorised()
    body = {"ErrorInfo": "", "ErrorMessage": "Internal server error", "StatusCode": rule.status}
    return Response.of_json(body, rule.status)


def _without_last_rows(rule: FaultRule, answer: Response) -> Response:
    try:
        payload = json.loads(answer.body)
    except ValueError:
        return answer
    if not isinstance(payload, dict) or not isinstance(payload.get("Data"), list) or not payload["Data"]:
        return answer
    kept = payload["Data"][: -rule.rows]
    return replace(
        answer, body=Response.of_json({**payload, "Data": kept, "Count": len(kept), "Total": len(kept)}).body
    )


def _with_poison(rule: FaultRule, answer: Response) -> Response:
    try:
        payload = json.loads(answer.body)
    except ValueError:
        return answer
    if not isinstance(payload, dict) or not isinstance(payload.get("Data"), list):
        return answer
    rows = payload["Data"]
    wanted = [(name, number) for name, number in (("ID", rule.row), ("ContactID", rule.contact)) if number is not None]
    poisoned = [row for row in rows if any(row.get(name) == number for name, number in wanted)]
    for row in poisoned if wanted else rows[:1]:
        row[rule.field] = rule.value
    return replace(answer, body=Response.of_json(payload).body)


def _half(_: FaultRule, answer: Response) -> Response:
    return replace(answer, body=answer.body[: max(len(answer.body) // 2, 1)] if answer.body else b"")


_INSTEAD: dict[str, Callable[[FaultRule], Response]] = {
    "rate_limited": lambda rule: too_many(rule.body, rule.retry_after),
    "status": _error,
    "web_page": lambda rule: web_page(
        rule.status, {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after:g}"}
    ),
    "drop_before": lambda rule: Response(drop=True),
    "hang_before": lambda rule: Response(hang=True),
}
_AFTERWARDS: dict[str, Callable[[FaultRule, Response], Response]] = {
    "drop_after": lambda rule, answer: Response(drop=True),
    "hang_after": lambda rule, answer: Response(hang=True),
    "truncated_json": _half,
    "broken_body": lambda rule, answer: replace(answer, cut_after=len(answer.body) // 2),
    "wrong_json": lambda rule, answer: replace(answer, body=b'{"unexpected": true}'),
    "short_page": _without_last_rows,
    "poisoned_row": _with_poison,
}
