"""Bulk jobs that do something else than they say: half of it, nothing, never an end, an error.

Belongs here: faults of jobs, with exactly what each has to lead to. Does not belong here: requests that fail (``wire``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Scene

POST = {"path": "contact/managemanycontacts$", "method": "POST"}
ONCE = ("job_half_applied", "job_without_effect", "job_error", "job_abort")


@dataclass(frozen=True)
class JobDoesLess(Case):
    """The ``nth`` job does less than it says, once: it is repeated, and the end is the undisturbed one."""

    family: ClassVar[str] = "jobs"
    effect: str
    nth: int

    @property
    def name(self) -> str:
        return f"{self.effect.removeprefix('job_')}-{self.nth}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.add_fault(self.effect, nth=self.nth, **POST)
        scene.until_quiet()
        return broken(scene, reference)


@dataclass(frozen=True)
class JobsNeverDoAnything(Case):
    """No job has any effect for ever: given up after three attempts, said truthfully, queued for people, nothing moved."""

    family: ClassVar[str] = "jobs"
    effect: str

    @property
    def name(self) -> str:
        return f"{self.effect.removeprefix('job_')}-always"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.add_fault(self.effect, count=None, **POST)
        return given_up(scene, reference)


def given_up(scene: Scene, reference: Reference) -> list[str]:
    """What has to come of jobs that have no effect, however often they are posted."""
    scene.until_quiet()
    found = broken(scene, reference, Expectation(status="failed", same_end=False, same_plans=False, messages=None))
    now = scene.lists()
    if now != scene.before:
        found.append("something changed although no job had an effect")
    queued = scene.query(
        "select distinct coalesce(r.contact_id, cast(g.contact_id as bigint)) as contact_id from review_item r"
        " left join lateral jsonb_array_elements_text(r.details -> 'contact_ids') as g (contact_id) on true"
        " where r.kind = 'failed_item' and r.status = 'open'"
    )
    planned = scene.query("select distinct contact_id from change")
    if not planned or {r["contact_id"] for r in queued} != {r["contact_id"] for r in planned}:
        found.append(f"{len(queued)} of {len(planned)} contacts that could not be changed are queued for people")
    return found


@dataclass(frozen=True)
class JobNeverEnds(Case):
    """The ``nth`` job stays Importing for hours: it is waited for and uses up no attempt; once ended, it is taken up."""

    family: ClassVar[str] = "jobs"
    nth: int

    @property
    def name(self) -> str:
        return f"never_ends-{self.nth}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.add_fault("job_never_ends", nth=self.nth, **POST)
        for _ in range(4):
            scene.run("tend_until_quiet")
            scene.pass_time(minutes=65)
        waiting = Expectation(status="failed", same_end=False, same_plans=False, open_steps=True, messages=None)
        found = [f"while it runs: {one}" for one in broken(scene, reference, waiting)]
        if not scene.query("select 1 from mailjet_job where state = 'submitted'"):
            found.append("the job that never ended is not open in the journal")
        store = scene.server.account.store
        posted = store.number("SELECT count(*) FROM job WHERE kind = 'manage'")
        if posted != self.nth:
            found.append(f"{posted} jobs were posted although job {self.nth} has not ended")
        store.execute("UPDATE job SET fault = NULL WHERE fault = 'job_never_ends'")
        ended = scene.run("by_hand")
        if ended.status != 0:
            found.append(f"it was not taken up again: {ended.result}")
        return [*found, *broken(scene, reference, Expectation(messages=None))]


@dataclass(frozen=True)
class CountsAreStale(Case):
    """Sizes of the lists follow the jobs late; only the lists themselves tell."""

    family: ClassVar[str] = "jobs"
    seconds: int

    @property
    def name(self) -> str:
        return f"stale-counts-{self.seconds}s"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.set_switches(contact_list_counts_lag_seconds=self.seconds)
        scene.until_quiet()
        return broken(scene, reference, Expectation(messages=None))


def cases() -> Iterator[Case]:
    """Every effect at each of the five jobs of the small account, and always."""
    for nth in range(1, 6):
        for effect in ONCE:
            yield JobDoesLess(effect, nth)
    for effect in ("job_without_effect", "job_error", "job_abort"):
        yield JobsNeverDoAnything(effect)
    for nth in (1, 2, 3, 4):
        yield JobNeverEnds(nth)
    for seconds in (5, 45, 600):
        yield CountsAreStale(seconds)
