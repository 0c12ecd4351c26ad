"""Rows at Mailjet that cannot be read: in campaigns, contacts, entries of lists, the bounce log, messages.

Belongs here: one spoilt row, for as long as the run takes. Does not belong here: answers that are no answers (``wire``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from list_pipeline.operations.membership.sync import sync
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import AS_UNDISTURBED, Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Scene
from list_pipeline_tests.integration.accounts import HARD

VALUES: Mapping[str, Any] = {
    "nul": "a\x00b@example.com",
    "half-surrogate": "\ud83d@example.com",
    "too-large": 2**80,
    "nested": {"a": [{"b": None}]},
    "out-of-range": "9999-12-31T23:59:59Z",
    "nothing": None,
}
OF_A_CONTACT = (
    ("contact", "Email", "nul"),
    ("contact", "Email", "half-surrogate"),
    ("contact", "IsExcludedFromCampaigns", "nested"),
    ("listrecipient", "IsUnsubscribed", "nothing"),
    ("listrecipient", "SubscribedAt", "out-of-range"),
    ("bouncestatistics", "StateID", "too-large"),
    ("bouncestatistics", "BouncedAt", "nul"),
    ("message", "Status", "nested"),
    ("message", "ArrivedAt", "out-of-range"),
)
OF_A_CAMPAIGN = (("Subject", "nul"), ("Subject", "half-surrogate"), ("SendEndAt", "out-of-range"), ("ListID", "nested"))


@dataclass(frozen=True)
class RowOfAContact(Case):
    """A row about somebody whom the undisturbed run suppresses: left alone, named, and everybody else is treated as ever."""

    family: ClassVar[str] = "poisoned"
    resource: str
    part: str
    value: str

    @property
    def name(self) -> str:
        return f"{self.resource}-{self.part.lower()}-{self.value}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        spoilt = scene.template.account.people[HARD[0]]
        which = {"row": spoilt} if self.resource == "contact" else {"contact": spoilt}
        for path in (f"/{self.resource}$", f"/{self.resource}/{spoilt}$"):
            scene.control.add_fault(
                "poisoned_row", path=path, field=self.part, value=VALUES[self.value], count=None, **which
            )
        if self.resource in ("contact", "listrecipient"):
            # As the weekly reading does: rows that we know are read again then.
            sync(scene.services, full=True)
        scene.until_quiet()
        found = broken(scene, reference, Expectation(same_end=False, same_plans=False, messages=None))
        now = scene.lists()
        if now.places[spoilt] != scene.before.places[spoilt] or spoilt in now.excluded:
            found.append(f"{spoilt} cannot be read and was changed")
        if missed := (scene.template.expected - {spoilt}) - now.excluded:
            found.append(f"not suppressed because of somebody else's row: {sorted(missed)}")
        if not scene.query(f"select 1 from unreadable_row where contact_id = {spoilt} and ended_at is null"):
            found.append("the row is not named anywhere")
        told = scene.query("select 1 from review_item where details ->> 'about' = 'unreadable_rows'")
        if len(told) != 1:
            found.append(f"people were told {len(told)} times")
        return found


@dataclass(frozen=True)
class RowOfACampaign(Case):
    """The row of the campaign that is maintained: it is known, so it is maintained to its undisturbed end."""

    family: ClassVar[str] = "poisoned"
    part: str
    value: str

    @property
    def name(self) -> str:
        return f"campaign-{self.part.lower()}-{self.value}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        scene.control.add_fault(
            "poisoned_row", path="/campaign$", field=self.part, value=VALUES[self.value], count=None,
            row=scene.template.account.campaigns[-1],
        )  # fmt: skip
        scene.until_quiet()
        expected = AS_UNDISTURBED if self.part == "Subject" else Expectation(messages=None)
        return broken(scene, reference, expected)


def cases() -> Iterator[Case]:
    """One of each kind of row, with different poisons."""
    for resource, part, value in OF_A_CONTACT:
        yield RowOfAContact(resource, part, value)
    for part, value in OF_A_CAMPAIGN:
        yield RowOfACampaign(part, value)
