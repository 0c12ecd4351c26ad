"""How many people have to approve a plan, who did, and when two names are one person.

Belongs here: the count, and the ways by which people decide. Does not belong here: who may decide (``operations.people``), and
writing an approval down (``storage.approvals``).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.plans.gate import CAP_CHECK, GateRecord


class Way(StrEnum):
    """How a person decided: with a command, over HTTP, with a job in Dagster, with a button in Slack, on a page of the
    service, or by a language model that acts for them (MCP)."""

    COMMAND = "command"
    HTTP = "http"
    DAGSTER = "dagster"
    SLACK = "slack"
    PAGE = "page"
    MCP = "mcp"

    @property
    def words(self) -> str:
        """The way as the end of a sentence about what somebody did."""
        return {
            Way.COMMAND: "on the command line",
            Way.HTTP: "over HTTP",
            Way.DAGSTER: "in Dagster",
            Way.SLACK: "in Slack",
            Way.PAGE: "on a page",
            Way.MCP: "over MCP",
        }[self]


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's approval of a plan that may need more. ``at`` is UTC; ``way`` is None where it is not known."""

    person: str
    at: datetime
    way: Way | None = None


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals of a plan, oldest first, and how many different people have to give one."""

    given: tuple[Approval, ...]
    needed: int

    @property
    def missing(self) -> int:
        """How many people more have to approve."""
        return max(self.needed - len(self.given), 0)

    @property
    def words(self) -> str:
        """Who approved and how many are missing, as a sentence; empty where one person is enough."""
        if self.needed < 2:
            return ""
        if not self.given:
            return f"Over the cap: {self.needed} people have to approve."
        people = " and ".join(one.person for one in self.given)
        if not self.missing:
            return f"Approved by {people}."
        more = "one person more has" if self.missing == 1 else f"{self.missing} people more have"
        return f"Approved by {people}; {more} to approve."


def approvals_needed(gate: GateRecord | None, over_cap: int) -> int:
    """How many different people have to approve a plan: one, and more where its gate found it over the cap.

    Args:
        gate: what the gate saw; None: no gate judged the plan. over_cap: LIST_APPROVALS_OVER_CAP.
    """
    is_over = gate is not None and any(check.name == CAP_CHECK and not check.passed for check in gate.checks)
    return max(over_cap, 1) if is_over else 1


def person_key(name: str) -> str:
    """A person's name as two of them are compared: neither case nor width nor spaces make another person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
