"""The lock is lost, or whoever holds one hangs: its connection is cut, its process is stopped, a session sits on it.

Belongs here: faults of the product's locks. Does not belong here: all connections cut at once, and servers that are gone
(``outages``).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import psycopg

from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.stuck_sessions import holders
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Child, Scene
from list_pipeline_tests.chaos.stops import POST

IMPATIENT_S = 1.0
"""Silence after which a holder counts as stuck in these cases, on the machine's clock."""
JOURNAL = "select change_id, ordinal, state, note, attempts, job_id from change_step order by 1, 2"


def cut_the_lock(url: str) -> None:
    """End the session of whoever holds the lock on changes; the other connections of that process live on."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and application_name like 'list_pipeline: %'"""
        )


@dataclass(frozen=True)
class LockIsCut(Case):
    """The connection of the lock is cut around the ``nth`` request."""

    family: ClassVar[str] = "locks"
    nth: int
    when: str

    @property
    def name(self) -> str:
        return f"cut-{self.nth:03}-{self.when}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        trigger = scene.at(lambda: cut_the_lock(scene.database_url), nth=self.nth, when=self.when)
        scene.run("tend")
        if not trigger.fired:
            return ["the lock was never cut"]
        scene.pass_time(minutes=65)
        scene.until_quiet()
        return broken(scene, reference, Expectation(messages=None, model_asked_again=1))


@dataclass(frozen=True)
class AnotherTakesOver(Case):
    """The lock is cut at a bulk job, and while that request is under way another process brings everything to its end."""

    family: ClassVar[str] = "locks"
    nth: int
    when: str

    @property
    def name(self) -> str:
        return f"taken-over-{self.nth}-{self.when}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        after: list[object] = []

        def take_over() -> None:
            cut_the_lock(scene.database_url)
            ended = scene.run("by_hand")
            if ended.status != 0:
                scene.tap.problems.append(f"the one who took over failed: {ended.result}")
            after.append(scene.query(JOURNAL))

        scene.at(take_over, nth=self.nth, when=self.when, **POST)
        first = scene.run("tend")
        found = [] if after else ["nobody took over"]
        if first.status not in (0, 3):
            found.append(f"the one who lost the lock ended with {first.status}: {first.result}")
        if after and scene.query(JOURNAL) != after[0]:
            found.append("the one who lost the lock wrote on")
        scene.pass_time(minutes=65)
        scene.until_quiet()
        return [*found, *broken(scene, reference, Expectation(messages=None, model_asked_again=1))]


@dataclass(frozen=True)
class HolderIsStopped(Case):
    """The process is stopped (SIGSTOP) around a bulk job, with the lock in its hand; the next one ends its session and goes on.
    Then it wakes up."""

    family: ClassVar[str] = "locks"
    nth: int
    when: str

    @property
    def name(self) -> str:
        return f"stopped-{self.nth}-{self.when}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        victim: list[Child] = []
        trigger = scene.at(lambda: victim[0].signal(signal.SIGSTOP), nth=self.nth, when=self.when, **POST)
        victim.append(scene.start("tend"))
        _until(lambda: trigger.fired, "the process was never stopped")
        _until(lambda: _silent_s(scene) > IMPATIENT_S, "the lock of the stopped process is not seen")
        scene.pass_time(minutes=65)
        second = scene.start("by_hand", silent_s=IMPATIENT_S).join()
        found = [] if second.status == 0 else [f"the next one did not go on: {second.result}"]
        after = scene.query(JOURNAL)
        victim[0].signal(signal.SIGCONT)
        first = victim[0].join()
        if not first.said_no:
            found.append(f"the one that woke up ended with {first.status}: {first.result}")
        if scene.query(JOURNAL) != after:
            found.append("the one that woke up wrote on")
        if scene.query("select lock_name, was_ended from stuck_session") != [
            {"lock_name": LockName.MUTATION.value, "was_ended": True}
        ]:
            found.append("it is not written down that a session hung")
        scene.pass_time(minutes=65)
        scene.until_quiet()
        return [*found, *broken(scene, reference, Expectation(messages=None, model_asked_again=1))]


@dataclass(frozen=True)
class SessionSitsOnTheLimiter(Case):
    """A session of somebody else takes the limiter's lock at the ``nth`` request, and does nothing."""

    family: ClassVar[str] = "locks"
    nth: int

    @property
    def name(self) -> str:
        return f"limiter-held-{self.nth}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        with closing(psycopg.connect(scene.database_url, application_name="somebody's psql")) as stuck:

            def sit() -> None:
                stuck.execute("select pg_advisory_xact_lock(%s)", [lock_numbers.LIMITER])

            trigger = scene.at(sit, nth=self.nth, when="after")
            ended = scene.start("tend", silent_s=IMPATIENT_S).join()
        found = [] if trigger.fired else ["the lock was never taken"]
        if not scene.query("select 1 from stuck_session where was_ended"):
            found.append("the session was not ended")
        if ended.status != 0:
            found.append(f"the run did not get past the session: {ended.result}")
        scene.until_quiet()
        return [*found, *broken(scene, reference, Expectation(messages=None))]


def _silent_s(scene: Scene) -> float:
    with scene.services.database.begin() as connection:
        return max((one.silent_s for one in holders(connection, LockName.MUTATION)), default=0.0)


def _until(is_so: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(otherwise)
        time.sleep(0.02)


def cases(reference: Reference) -> Iterator[Case]:
    """Around each bulk job and the looks after it, and at some of the readings under the lock."""
    posts = [n for n, one in enumerate(reference.requests, start=1) if one.endswith("managemanycontacts")]
    for nth in posts:
        yield LockIsCut(nth, "before")
        yield LockIsCut(nth, "after")
        yield LockIsCut(nth + 2, "after")
    for nth in range(1, len(posts) + 1):
        yield AnotherTakesOver(nth, "before" if nth % 2 else "after")
        yield HolderIsStopped(nth, "after" if nth % 2 else "before")
    for nth in (3, posts[0]):
        yield SessionSitsOnTheLimiter(nth)
