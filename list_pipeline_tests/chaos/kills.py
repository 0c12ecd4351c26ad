"""The process is killed right before or right after a request, and a new one goes on.

Belongs here: the sweep over every request of a maintenance. Does not belong here: gentler ends (``stops``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Child, Scene


@dataclass(frozen=True)
class Kill(Case):
    """SIGKILL around the ``nth`` request; ``request`` names it for people."""

    family: ClassVar[str] = "kills"
    nth: int
    when: str
    request: str

    @property
    def name(self) -> str:
        return f"{self.nth:03}-{self.when}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        victim: list[Child] = []
        trigger = scene.at(lambda: victim[0].kill(), nth=self.nth, when=self.when, drops=True)
        victim.append(scene.start("tend"))
        ended = victim[0].join()
        if not (trigger.fired and ended.killed):
            return [f"the process was not killed at request {self.nth}: it ended with {ended.status} {ended.result}"]
        plans = scene.query("select plan_id, content_hash from plan order by 1")
        scene.pass_time(minutes=65)
        scene.until_quiet()
        asked_again = _asked_together(reference, self.nth)
        found = broken(scene, reference, Expectation(messages=None, model_asked_again=asked_again))
        kept = scene.query("select plan_id, content_hash from plan order by 1")[: len(plans)]
        if kept != plans:
            found.append("a plan that stood before the kill is another one after it")
        if scene.query("select 1 from list_maintenance_log where attempt > 2"):
            found.append("one kill used up more than one attempt")
        return found


def _asked_together(reference: Reference, nth: int) -> int:
    """Questions to the model around a request without another one between: they are asked at the same time, and a kill
    loses all of their answers that are not recorded yet."""
    last = nth
    while 0 < last <= len(reference.requests) and "generateContent" in reference.requests[last - 1]:
        last += 1
    first = nth
    while first > 0 and "generateContent" in reference.requests[first - 1]:
        first -= 1
    return max(last - first - 1, 0)


@dataclass(frozen=True)
class KillWithManyJobs(Kill):
    """The same on the larger account, whose lists are changed in many jobs."""

    family: ClassVar[str] = "kills-many-jobs"
    template: ClassVar[str] = "larger"


def sweep(reference: Reference) -> Iterator[Case]:
    """Before and after every request of the undisturbed run."""
    for nth, request in enumerate(reference.requests, start=1):
        for when in ("before", "after"):
            yield Kill(nth, when, request)


def around_jobs(reference: Reference, every: int) -> Iterator[Case]:
    """Around every ``every``-th submission of a job, and around the look after it."""
    posts = [nth for nth, request in enumerate(reference.requests, start=1)
             if re.match("POST .*managemanycontacts", request)]  # fmt: skip
    for nth in posts[::every]:
        yield KillWithManyJobs(nth, "before", reference.requests[nth - 1])
        yield KillWithManyJobs(nth, "after", reference.requests[nth - 1])
        yield KillWithManyJobs(nth + 1, "after", reference.requests[nth])
