"""The run is told to end, or another one begins: SIGTERM, the flag, the mode, two runs at once.

Belongs here: ends and starts on purpose. Does not belong here: kills, and servers that are gone (``outages``).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.storage import safety
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Child, Scene

POST = {"path": "contact/managemanycontacts$", "method": "POST"}
LOOK = {"path": r"contact/managemanycontacts/\d+$", "method": "GET"}


@dataclass(frozen=True)
class Terminated(Case):
    """SIGTERM around the ``nth`` submission of a job, the process being left to end as it likes; a new one goes on."""

    family: ClassVar[str] = "stops"
    nth: int
    when: str

    @property
    def name(self) -> str:
        return f"sigterm-{self.nth}-{self.when}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        victim: list[Child] = []
        trigger = scene.at(lambda: victim[0].signal(signal.SIGTERM), nth=self.nth, when=self.when, **POST)
        victim.append(scene.start("tend"))
        victim[0].join()
        if not trigger.fired:
            return ["the signal was never sent"]
        scene.pass_time(minutes=65)
        scene.until_quiet()
        return broken(scene, reference, Expectation(messages=None))


@dataclass(frozen=True)
class ModeIsReadOnly(Case):
    """A person says ``list-pipeline mode read_only`` around a job; an hour later the mode is given back."""

    family: ClassVar[str] = "stops"
    nth: int
    when: str

    @property
    def name(self) -> str:
        return f"read_only-{self.nth}-{self.when}"

    def stop(self, scene: Scene) -> None:
        """Say stop."""
        with scene.services.database.begin() as connection:
            safety.set_mode(connection, "read_only", "A. Person", scene.clock.now())

    def go_on(self, scene: Scene) -> None:
        """Lift it."""
        with scene.services.database.begin() as connection:
            safety.set_mode(connection, None, "a person", scene.clock.now())

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        trigger = scene.at(lambda: self.stop(scene), nth=self.nth, when=self.when, **POST)
        scene.run("tend")
        if not trigger.fired:
            return ["the stop was never said"]
        posted, begun = self._posted(scene), scene.lists()
        stopped = Expectation(status="read_only", same_end=False, same_plans=False, open_steps=True, messages=None)
        found = [f"while stopped: {one}" for one in broken(scene, reference, stopped)]
        if posted != self.nth:
            found.append(f"{posted} jobs were posted although changes were stopped at job {self.nth}")
        scene.pass_time(minutes=65)
        scene.run("tend", **self.while_stopped)
        if self._posted(scene) != posted or scene.lists() != begun:
            found.append("something was changed while changes were stopped")
        scene.pass_time(minutes=65)
        self.go_on(scene)
        scene.until_quiet()
        return [*found, *broken(scene, reference, Expectation(messages=None))]

    @property
    def while_stopped(self) -> dict[str, bool]:
        """Settings of a process that starts meanwhile."""
        return {}

    @staticmethod
    def _posted(scene: Scene) -> int:
        return sum(1 for one in scene.tap.seen if one.startswith("POST") and one.endswith("managemanycontacts"))


@dataclass(frozen=True)
class FlagIsOff(ModeIsReadOnly):
    """LIST_MANAGEMENT_ENABLED is off for whatever starts from a job on; the run in progress hears of it."""

    @property
    def name(self) -> str:
        return f"flag-off-{self.nth}-{self.when}"

    def stop(self, scene: Scene) -> None:
        note_flag(scene.another(list_management_enabled=False), by="sensor")

    def go_on(self, scene: Scene) -> None:
        """Whatever starts next has it on again."""

    @property
    def while_stopped(self) -> dict[str, bool]:
        return {"list_management_enabled": False}


@dataclass(frozen=True)
class TwoAtOnce(Case):
    """Two runs of one maintenance start together, on a clock that runs: they share plan, journal and message."""

    family: ClassVar[str] = "stops"
    pace: ClassVar[float] = 20.0
    number: int

    @property
    def name(self) -> str:
        return f"two-at-once-{self.number}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        both = [scene.start("by_hand" if self.number % 2 else "tend") for _ in range(2)]
        ended = [one.join() for one in both]
        found = [f"one of two runs at once: {one.result}" for one in ended if one.status != 0]
        # Each may ask everything before the other one has written down what it was answered.
        twice = Expectation(model_asked_again=reference.model_requests, runs_at_once=2)
        return [*found, *broken(scene, reference, twice)]


def cases() -> Iterator[Case]:
    """All of them."""
    for nth in (1, 2, 3, 4, 5):
        for when in ("before", "after"):
            yield Terminated(nth, when)
    for nth in (1, 2, 3, 4):
        yield ModeIsReadOnly(nth, "after")
        yield FlagIsOff(nth, "after")
    for number in range(4):
        yield TwoAtOnce(number)
