"""Every unknown of Mailjet the other way: each switch of the sandbox in each position that is not its default.

Belongs here: the other positions, and what those that cannot end as usual lead to. Does not belong here: what the switches
mean (the sandbox says so).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from list_pipeline.sandbox.switches import SWITCHES, SwitchValue
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.jobs import given_up
from list_pipeline_tests.chaos.scene import Scene

NUMBERS: Mapping[str, tuple[SwitchValue, ...]] = {
    "date_ahead_seconds": (600.0,),
    "unknown_state_every": (1, 3),
    "event_lost_every": (3,),
    "event_broken_every": (3,),
    "event_delay_seconds": (900.0,),
    "stats_lag_seconds": (900.0, 90_000.0),
    "largest_page": (12,),
    "bounce_lag_seconds": (900.0, 90_000.0),
    "bounce_log_lag_seconds": (900.0,),
    "campaign_status_when_sent": (2,),
    "job_latency_seconds": (0.0, 90.0, 1_200.0),
    "job_latency_per_1000_seconds": (5_000.0,),
    "job_visible_after_seconds": (20.0,),
    "job_status_code": (200,),
    "job_max_contacts": (2,),
    "contact_limit": (1,),
    "rate_limit_per_minute": (45, 0),
    "contact_list_counts_lag_seconds": (30.0,),
}
"""Other values of the switches that are numbers."""

WITH: Mapping[str, Mapping[str, SwitchValue]] = {
    "job_above_max": {"job_max_contacts": 2},
    "rate_limit_retry_after": {"rate_limit_per_minute": 45},
    "rate_limit_body": {"rate_limit_per_minute": 45},
}
"""Switches that say something only beside another one."""


NEVER = ("jobs_without_effect", "contact_limit")
"""Switches with which no job ever has an effect."""

TOO_SLOW = {("job_latency_seconds", 1_200.0)}
"""Positions in which every job takes longer than the product waits for one."""

NOT_YET = {("bounce_lag_seconds", 90_000.0)}
"""Positions in which Mailjet's counters show what its logs do not for longer than the attempts last."""


@dataclass(frozen=True)
class Otherwise(Case):
    """One switch in one other position."""

    family: ClassVar[str] = "switches"
    switch: str
    value: SwitchValue

    @property
    def name(self) -> str:
        return f"{self.switch}-{self.value}"

    @property
    def settings(self) -> Mapping[str, Any]:
        if "job_max" in self.switch or "above_max" in self.switch:
            # Where jobs are limited the product is told so.
            return {"mailjet_job_contacts": 2}
        # An allowance above Mailjet's limit, whose half is below: that is how far the product can adapt.
        return {"mailjet_requests_per_minute": 60} if "rate_limit" in self.switch else {}

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.set_switches(**{**WITH.get(self.switch, {}), self.switch: self.value})
        if self.switch in NEVER:
            return given_up(scene, reference)
        if (self.switch, self.value) in NOT_YET:
            return self._play_later(scene, reference)
        scene.until_quiet()
        for _ in range(4 if (self.switch, self.value) in TOO_SLOW else 0):
            # Each job outlasts an attempt, so the attempts are used up with half of it done: a person goes on.
            scene.run("by_hand")
            scene.pass_time(minutes=65)
        return broken(scene, reference, Expectation(messages=None))

    def _play_later(self, scene: Scene, reference: Reference) -> list[str]:
        """Nothing is decided on half a reading; when it is whole, a person starts the maintenance again."""
        for _ in range(4):
            scene.run("tend_until_quiet")
            scene.pass_time(minutes=65)
        expected = Expectation(status="failed", same_end=False, same_plans=False, messages=None)
        found = [f"while the reading is not whole: {one}" for one in broken(scene, reference, expected)]
        if scene.lists() != scene.before:
            found.append("lists were changed on half a reading")
        scene.pass_time(hours=26)
        if (ended := scene.run("by_hand")).status != 0:
            found.append(f"it was not taken up again: {ended.result}")
        return [*found, *broken(scene, reference, Expectation(messages=None))]


def cases() -> Iterator[Case]:
    """Every other position."""
    for name, switch in SWITCHES.items():
        kind = type(switch.default)
        values: tuple[SwitchValue, ...]
        if kind is bool:
            values = (not switch.default,)
        elif kind is str:
            values = tuple(value for value in switch.allowed if value != switch.default)
        else:
            values = NUMBERS[name]
        for value in values:
            yield Otherwise(name, value)
