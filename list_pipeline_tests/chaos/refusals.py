"""Mailjet refuses bulk jobs: nothing of them was accepted, the run stops, and after the repair everything is done.

Belongs here: refusals of every kind. Does not belong here: answers that say nothing about what became of a job (``wire``), and
jobs that do something else than they say (``jobs``).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from list_pipeline.sandbox.http import Response
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Scene
from list_pipeline_tests.chaos.stops import POST

_PAGE = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"
_REASON = {"ErrorMessage": "refused"}


def _json(status: int) -> Response:
    return Response.of_json(_REASON, status)


def _elsewhere(status: int) -> Response:
    return Response(status, headers={"Location": "https://elsewhere.example.com/"})


REFUSALS: Mapping[str, Response] = {
    **{str(status): _json(status) for status in (400, 401, 403, 404, 405, 413, 415, 422)},
    **{str(status): _elsewhere(status) for status in (301, 302, 303, 307, 308)},
    "401-page": Response(401, _PAGE, {"Content-Type": "text/html"}),
    "403-empty": Response(403),
    "404-page": Response(404, _PAGE, {"Content-Type": "text/html"}),
    "400-half-of-a-json": Response(400, b'{"ErrorMessage": "ref'),
    "403-other-json": Response.of_json(["refused"], 403),
    "401-cut": Response(401, b'{"ErrorMessage": "refused"}', cut_after=9),
}
LASTING = ("401", "302", "404-page")


@dataclass(frozen=True)
class JobIsRefused(Case):
    """The ``nth`` bulk job and those after it are refused until somebody repairs the cause; ``lasting``: until the sensor has
    used up its attempts."""

    family: ClassVar[str] = "refused"
    refusal: str
    nth: int
    lasting: bool

    @property
    def name(self) -> str:
        return f"{self.refusal}-{'lasting' if self.lasting else 'once'}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        trigger = scene.at(lambda: None, nth=self.nth, answer=REFUSALS[self.refusal], lasts=True, **POST)
        found = []
        for _ in range(4 if self.lasting else 1):
            before = trigger.seen
            ended = scene.run("tend")
            if trigger.seen == before:
                continue
            status = self.refusal[:3]
            if not ended.said_no or status not in str(ended.result.get("error")):
                found.append(f"the refusal was not named: {ended.result}")
            # A job that is too large is halved until it has one contact.
            if status != "413" and trigger.seen - before != (self.nth if before == 0 else 1):
                found.append(f"{trigger.seen - before} jobs were posted by a run whose job {self.nth} was refused")
            if scene.query("select 1 from change_step where state in ('submitting', 'submitted')"):
                found.append("something that was refused is waited for")
            if scene.query("select 1 from mailjet_job where state = 'lost'"):
                found.append("something that was refused counts as lost")
            scene.pass_time(minutes=65)
        if not trigger.fired:
            return ["nothing was refused"]
        trigger.answer = None
        ended = scene.run("by_hand")
        if ended.status != 0:
            found.append(f"it did not go on after the repair: {ended.result}")
        scene.until_quiet()
        return [*found, *broken(scene, reference, Expectation(messages=None))]


def cases(seed: int) -> Iterator[Case]:
    """Every kind once, at a job that the seed chooses; some until nothing is tried any more."""
    for refusal in REFUSALS:
        yield JobIsRefused(refusal, random.Random(f"{seed} {refusal}").randint(1, 5), lasting=False)
    for refusal in LASTING:
        yield JobIsRefused(refusal, random.Random(f"{seed} {refusal} lasting").randint(1, 5), lasting=True)
