"""The five lists by role. Mailjet's list ids are configuration and never appear in a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ListRole(StrEnum):
    """The role of a Mailjet contact list."""

    MASTER = "master"
    CAMPAIGN_1 = "campaign_1"
    CAMPAIGN_2 = "campaign_2"
    CAMPAIGN_3 = "campaign_3"
    SUPPRESSION = "suppression"

    @property
    def round_number(self) -> int:
        """The round of a cycle that is sent to this list (1, 2 or 3).

        Raises:
            ValueError: for the master and the suppression list, which are never sent to.
        """
        if self not in CAMPAIGN_LISTS:
            raise ValueError(f"{self.value} is not a campaign list")
        return CAMPAIGN_LISTS.index(self) + 1

    @property
    def label(self) -> str:
        """The name of the list for people, e.g. ``List 1``."""
        if self in CAMPAIGN_LISTS:
            return f"List {self.round_number}"
        return {"master": "Master list", "suppression": "Suppression list"}[self.value]

    @property
    def reference(self) -> str:
        """The list as an advisor's statements call it, e.g. ``list_1``; never the role."""
        return self.label.casefold().replace(" ", "_")


CAMPAIGN_LISTS: tuple[ListRole, ListRole, ListRole] = (
    ListRole.CAMPAIGN_1,
    ListRole.CAMPAIGN_2,
    ListRole.CAMPAIGN_3,
)
"""The campaign lists in the order of the rotation: round 1 goes to the first."""

ALL_LISTS: tuple[ListRole, ...] = tuple(ListRole)


@dataclass(frozen=True, slots=True)
class ListIds:
    """Mailjet's id of each of the five lists."""

    master: int
    campaign_1: int
    campaign_2: int
    campaign_3: int
    suppression: int

    def __post_init__(self) -> None:
        ids = self.by_role().values()
        if len(set(ids)) != len(ALL_LISTS):
            raise ValueError("the five Mailjet list ids must differ from each other")

    def by_role(self) -> Mapping[ListRole, int]:
        """Role to Mailjet list id."""
        return {role: int(getattr(self, role.value)) for role in ALL_LISTS}

    def __getitem__(self, role: ListRole) -> int:
        return int(getattr(self, role.value))

    def role_of(self, list_id: int) -> ListRole | None:
        """The role of a Mailjet list id, or None when the list is none of ours."""
        return next((role for role, known in self.by_role().items() if known == list_id), None)
