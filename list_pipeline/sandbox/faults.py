"""Faults on purpose: rules that match some requests and what they do to them.

Belongs here: matching, counting and the catalogue of effects. Does not belong here: carrying out an effect on the wire
(``server``) or on a bulk job (``sandbox.mailjet.jobs``).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

TRANSPORT_EFFECTS = frozenset(
    {
        "delay",
        "rate_limited",
        "status",
        "drop_before",
        "drop_after",
        "hang_before",
        "hang_after",
        "truncated_json",
        "broken_body",
        "wrong_json",
        "short_page",
        "web_page",
        "poisoned_row",
    }
)
JOB_EFFECTS = frozenset({"job_without_effect", "job_half_applied", "job_never_ends", "job_error", "job_abort"})

EFFECTS: dict[str, str] = {
    "delay": "Wait `seconds` on the clock, then answer as usual.",
    "rate_limited": "429, with Retry-After when `retry_after` (seconds) is given; `body` is json, empty or html.",
    "status": "Answer with `status` (for example 500, 503 or 401) and do nothing.",
    "drop_before": "Close the connection and do nothing.",
    "drop_after": "Do it, then close the connection: the answer is lost.",
    "hang_before": "Do nothing and do not answer until the client gives up.",
    "hang_after": "Do it and do not answer until the client gives up.",
    "truncated_json": "Do it; the JSON of the answer stops in the middle.",
    "broken_body": "Do it; the connection closes in the middle of the body.",
    "wrong_json": "Do it; the answer is JSON of another shape.",
    "short_page": "A page lacks its last `rows` rows, and its counts agree with that.",
    "web_page": "Do nothing and answer with `status`, a web page, and Retry-After when `retry_after` is given.",
    "poisoned_row": "Rows with `row` as ID or `contact` as ContactID, else the first, have `value` as their `field`.",
    "job_without_effect": "The bulk job ends Completed and has changed nothing.",
    "job_half_applied": "The bulk job ends Completed; only the first half of its contacts changed.",
    "job_never_ends": "The bulk job stays Importing for ever.",
    "job_error": "The bulk job ends in Error with an error file and has changed nothing.",
    "job_abort": "The bulk job ends in Abort and has changed nothing.",
}


@dataclass(slots=True)
class FaultRule:
    """One rule.

    It acts on requests whose method equals ``method`` (None: any) and whose path contains a match of the regular
    expression ``path`` (case is ignored), from the ``nth`` such request on (1 is the first), ``count`` times (None:
    always).
    """

    effect: str
    method: str | None = None
    path: str = ""
    nth: int = 1
    count: int | None = 1
    seconds: float = 0.0
    status: int = 500
    retry_after: float | None = None
    body: str = "json"
    rows: int = 1
    field: str = ""
    value: Any = None
    row: int | None = None
    contact: int | None = None
    rule_id: int = 0
    seen: int = dataclass_field(default=0, compare=False)
    acted: int = dataclass_field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            raise ValueError(f"no such effect: {self.effect}; there are {', '.join(EFFECTS)}")
        if self.nth < 1 or (self.count is not None and self.count < 1) or self.rows < 1 or self.seconds < 0:
            raise ValueError("nth, count and rows are at least 1, seconds at least 0")
        if self.body not in ("json", "empty", "html"):
            raise ValueError("body is json, empty or html")
        if not (200 if self.effect == "web_page" else 400) <= self.status <= 599:
            raise ValueError("status is an error status, 400 to 599; that of a web page from 200 on")
        if (self.effect == "poisoned_row") != bool(self.field):
            raise ValueError("a poisoned row has a field, and nothing else has")
        re.compile(self.path)

    def as_json(self) -> dict[str, Any]:
        """The rule and how often it matched and acted."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Faults:
    """The rules in force. Safe to share between threads."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._lock = threading.Lock()
        self._next = 1

    def add(self, rule: FaultRule) -> int:
        """Put a rule in force; its number."""
        with self._lock:
            rule.rule_id = self._next
            self._next += 1
            self._rules.append(rule)
            return rule.rule_id

    def clear(self) -> None:
        """Take all rules out of force."""
        with self._lock:
            self._rules.clear()

    def table(self) -> list[dict[str, Any]]:
        """All rules with their counts."""
        with self._lock:
            return [rule.as_json() for rule in self._rules]

    def take(self, method: str, path: str, effects: frozenset[str]) -> list[FaultRule]:
        """The rules of these kinds that act on this request; their counters move."""
        acting: list[FaultRule] = []
        with self._lock:
            for rule in self._rules:
                if rule.effect not in effects or (rule.method is not None and rule.method.upper() != method):
                    continue
                if re.search(rule.path, path, re.IGNORECASE) is None:
                    continue
                rule.seen += 1
                if rule.seen >= rule.nth and (rule.count is None or rule.acted < rule.count):
                    rule.acted += 1
                    acting.append(rule)
        return acting
