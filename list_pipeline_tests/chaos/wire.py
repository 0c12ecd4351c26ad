"""Requests that fail: late, refused, cut off, answered with nonsense; once, or for as long as a real outage lasts.

Belongs here: faults of single requests at Mailjet, Slack and the model. Does not belong here: jobs that do something else
than they say (``jobs``), servers that are gone (``outages``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from list_pipeline.core.runs.status import TAKEN_BACK
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Scene

_TIMEOUT_S = 0.4

PLACES: Mapping[str, tuple[str | None, str]] = {
    "job": ("POST", "contact/managemanycontacts$"),
    "job-state": ("GET", r"contact/managemanycontacts/\d+$"),
    "lists": ("GET", "REST/(contactslist|listrecipient|contact)$"),
    "figures": ("GET", "REST/(statcounters|bouncestatistics|message|campaign)$"),
}
WORDS = "words"
_PATHS: Mapping[str, tuple[str | None, str]] = {**PLACES, WORDS: ("GET", r"messagehistory/\d+$")}
EFFECTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "no-answer": ("hang_before", {}),
    "no-answer-but-done": ("hang_after", {}),
    "429": ("rate_limited", {}),
    "429-empty": ("rate_limited", {"body": "empty"}),
    "429-page": ("rate_limited", {"body": "html"}),
    "429-page-retry-after": ("web_page", {"status": 429, "retry_after": 7}),
    "page": ("web_page", {"status": 200}),
    "503-page": ("web_page", {"status": 503, "retry_after": 3}),
    "429-retry-after": ("rate_limited", {"retry_after": 7}),
    "429-retry-after-an-hour": ("rate_limited", {"retry_after": 3600}),
    "500": ("status", {"status": 500}),
    "503": ("status", {"status": 503}),
    "401": ("status", {"status": 401}),
    "dropped": ("drop_before", {}),
    "dropped-but-done": ("drop_after", {}),
    "half-json": ("truncated_json", {}),
    "half-body": ("broken_body", {}),
    "other-json": ("wrong_json", {}),
    "late": ("delay", {"seconds": 20}),
}
AT_READS: Mapping[str, Sequence[str]] = {
    "job-state": ("no-answer", "429-page", "page", "429-retry-after", "500", "dropped", "half-json"),
    "lists": (
        "no-answer",
        "429",
        "429-page-retry-after",
        "page",
        "429-retry-after",
        "500",
        "401",
        "dropped",
        "half-json",
        "half-body",
        "other-json",
    ),
    "figures": ("no-answer", "429", "429-page", "page", "500", "dropped", "half-body", "other-json"),
}
LASTING = ("429", "500", "dropped-but-done")
MISBEHAVIOURS = ("hostile", "off", "slow", "contradictory")
AT_WORDS = ("no-answer", "401", "half-body", "other-json")


@dataclass(frozen=True)
class RequestFails(Case):
    """An effect on ``count`` requests of a place from the ``nth`` on."""

    family: ClassVar[str] = "requests"
    place: str
    effect: str
    nth: int
    count: int

    @property
    def name(self) -> str:
        return f"{self.place}-{self.effect}-{'once' if self.count == 1 else 'lasting'}"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"mailjet_timeout_seconds": _TIMEOUT_S}

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        effect, parts = EFFECTS[self.effect]
        method, path = _PATHS[self.place]
        scene.control.add_fault(effect, path=path, method=method, nth=self.nth, count=self.count, **parts)
        scene.until_quiet()
        found = self._broken(scene, reference)
        (rule,) = scene.control.faults()
        return found if rule["acted"] else [*found, "the fault never acted"]

    def _broken(self, scene: Scene, reference: Reference) -> list[str]:
        (row,) = scene.query("select status from list_maintenance_log order by id desc limit 1")
        if self.place != "job" or self.count == 1 or row["status"] not in TAKEN_BACK | {"partial_success"}:
            return broken(scene, reference, Expectation(messages=None))
        # Jobs were refused so often that changes were given up, and said so: everybody is where they were or where they go.
        given_up = Expectation(status=row["status"], same_end=False, same_plans=False, messages=None)
        found = broken(scene, reference, given_up)
        for contact_id, roles in scene.lists().places.items():
            if roles not in (scene.before.places[contact_id], reference.end.places[contact_id]):
                found.append(f"{contact_id} was left half way, on {sorted(roles)}")
        return found


@dataclass(frozen=True)
class WordsFail(RequestFails):
    """The same where receivers' words are read, on the larger account: whom they concern is watched with them or without."""

    template: ClassVar[str] = "larger"

    def _broken(self, scene: Scene, reference: Reference) -> list[str]:
        found = broken(scene, reference, Expectation(same_plans=False, messages=None))
        if scene.query("select 1 from list_maintenance_log where attempt > 1"):
            found.append("words that could not be read used up an attempt")
        return found


@dataclass(frozen=True)
class ServiceFails(Case):
    """Slack or the model does not do what it should; the lists are maintained all the same."""

    family: ClassVar[str] = "services"
    service: str
    effect: str
    count: int

    @property
    def name(self) -> str:
        return f"{self.service}-{self.effect}-{'once' if self.count == 1 else 'lasting'}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        effect, parts = EFFECTS[self.effect]
        path = "chat.postMessage" if self.service == "slack" else "generateContent"
        scene.control.add_fault(effect, path=path, count=self.count, **parts)
        scene.until_quiet()
        return broken(scene, reference, Expectation(model_asked_again=20 if self.service == "model" else 0))


@dataclass(frozen=True)
class ModelMisbehaves(Case):
    """The model answers each question in a way that is of no use or of harm; the lists are maintained by the rules."""

    family: ClassVar[str] = "services"
    behaviour: str

    @property
    def name(self) -> str:
        return f"model-{self.behaviour}-always"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.gemini_behaviour(self.behaviour, times=None)
        scene.until_quiet()
        return broken(scene, reference, Expectation(model_asked_again=30))


def cases(seed: int, reference: Reference, with_larger: bool = True) -> Iterator[Case]:
    """Every effect at the submission of a job, those that differ for reads elsewhere; some for long.

    ``with_larger``: also what needs the larger account.

    The seed chooses which request of a place it is.
    """
    for place, (method, path) in PLACES.items():
        times = _matching(reference, method, path)
        for effect in AT_READS.get(place, EFFECTS):
            nth = random.Random(f"{seed} {place} {effect}").randint(1, times)
            yield RequestFails(place, effect, nth, 1)
        for effect in LASTING:
            # Longer than the client repeats a request, shorter than the sensor's attempts.
            yield RequestFails(place, effect, random.Random(f"{seed} {place}").randint(1, times), 6)
    if with_larger:
        for effect in AT_WORDS:
            yield WordsFail(WORDS, effect, 1, 1)
        yield WordsFail(WORDS, "500", 1, 6)
    for effect in ("429-retry-after", "500", "dropped-but-done"):
        yield ServiceFails("slack", effect, 1)
        yield ServiceFails("model", effect, 1)
    yield ServiceFails("slack", "500", 6)
    yield ServiceFails("model", "500", 20)
    for behaviour in MISBEHAVIOURS:
        yield ModelMisbehaves(behaviour)


def _matching(reference: Reference, method: str | None, path: str) -> int:
    found = [request.partition(" ") for request in reference.requests]
    return sum(1 for verb, _, where in found if method in (None, verb) and re.search(path, where))
