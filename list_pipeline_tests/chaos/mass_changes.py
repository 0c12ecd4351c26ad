"""Somebody changes much of a list in Mailjet: it is told once and frozen, and what a person answers is done.

Belongs here: the change, when it happens, and what has to be true of the list until a person decides, and after. Does not
belong here: edits of single contacts (``edits``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.reviews import mass_changes as answers
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.edits import BETWEEN, EARLY, JOB, PLANNED, at_moment, by_hand, movers
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken, mailable
from list_pipeline_tests.chaos.scene import Scene

BEFORE = "before"
ACCEPT, REPAIR = "accept", "repair"
TAKEN = 12
"""Of the twenty on each list of the small account."""


@dataclass(frozen=True)
class MuchIsTakenOff(Case):
    """A person takes more than half of a campaign list off it, and another one says that it was meant, or a mistake."""

    family: ClassVar[str] = "mass-changes"
    role: ListRole
    moment: str
    answer: str

    @property
    def name(self) -> str:
        return f"{self.role.value}-{self.moment}-{self.answer}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        taken = self._whom(scene, reference)

        def act() -> None:
            for contact_id in taken:
                by_hand(scene, contact_id, self.role, "remove")

        if self.moment == BEFORE:
            act()
        else:
            at_moment(scene, self.moment, act, reference, PlanKind.REBALANCING)
        scene.until_quiet()
        scene.run("live")
        found = [*self._is_told(scene), *self._is_left_alone(scene)]
        found += self._accepted(scene) if self.answer == ACCEPT else self._repaired(scene, taken)
        (row,) = scene.query("select status from list_maintenance_log order by id desc limit 1")
        expected = Expectation(
            status=row["status"], edited=frozenset(taken), messages=None, same_end=False, same_plans=False
        )
        return found + broken(scene, reference, expected)

    def _whom(self, scene: Scene, reference: Reference) -> list[int]:
        leave = {*scene.template.expected, *movers(scene, reference)}
        there = [one for one in sorted(scene.before.on(self.role)) if one not in leave and mailable(scene.before, one)]
        return there[:TAKEN]

    def _is_told(self, scene: Scene) -> Iterator[str]:
        rows = scene.query("select list_role, kind, contacts, status from mass_change")
        if [tuple(row.values()) for row in rows] != [(self.role.value, "left", TAKEN, "open")]:
            yield f"{TAKEN} were taken off {self.role.value}, and what was found is {rows}"
        told = [one for one in scene.control.slack_messages() if "at Large" in str(one["text"])]
        if len(told) != 1:
            yield f"people were told {len(told)} times"

    def _is_left_alone(self, scene: Scene) -> Iterator[str]:
        came = scene.lists().on(self.role) - scene.before.on(self.role)
        if came and self.moment in (BEFORE, *EARLY):
            yield f"the list was filled again with {sorted(came)}"

    def _accepted(self, scene: Scene) -> Iterator[str]:
        (row,) = scene.query("select matter from mass_change")
        answers.accept(scene.services, row["matter"], by="A. Person", note="it was meant")
        scene.pass_time(minutes=65)
        scene.run("live")
        if scene.query("select 1 from mass_change where status <> 'accepted'"):
            yield "it was accepted, and something of it is open"

    def _repaired(self, scene: Scene, taken: list[int]) -> Iterator[str]:
        (row,) = scene.query("select matter from mass_change")
        made = answers.repair(scene.services, row["matter"], by="A. Person", note="it was a mistake")
        reviews.approve(scene.services, made.plan_id, by="A. Person", content_hash=made.content_hash)
        for _ in range(3):
            scene.pass_time(minutes=65)
            scene.run("live")
        now = scene.lists()
        if away := [one for one in taken if not now.places[one] & set(CAMPAIGN_LISTS)]:
            yield f"{away} were to be put back, and are on no campaign list"
        if scene.query("select 1 from mass_change where status <> 'repaired'"):
            yield "it was repaired, and something of it is open"


def cases() -> Iterator[Case]:
    """All of them."""
    for moment in (BEFORE, PLANNED, JOB, BETWEEN):
        yield MuchIsTakenOff(ListRole.CAMPAIGN_2, moment, REPAIR)
    yield MuchIsTakenOff(ListRole.CAMPAIGN_1, BEFORE, ACCEPT)
    yield MuchIsTakenOff(ListRole.CAMPAIGN_2, PLANNED, ACCEPT)
