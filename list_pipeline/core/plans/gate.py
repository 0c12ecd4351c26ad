"""The vocabulary of every gate: the checks, and the decision on a plan.

Belongs here: what both gates share. Does not belong here: the checks of one kind of plan (``core.suppression.gate``,
``core.rebalancing.gate``), and the operating mode (``core.safety.modes``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.plans.plan import TURNED_DOWN, PlanStatus
from list_pipeline.core.safety.modes import Mode, mode_at_age
from list_pipeline.core.wording import WAITS

DECIDED_BY_GATE = "gate"
"""Who decided on a plan, where no person did."""

CAP_CHECK = "cap"
"""The check of how many contacts one campaign, or one file, may suppress or keep from mail without a person."""


class CheckSeverity(StrEnum):
    """The consequence of a check that did not pass: ``error`` refuses, ``warning`` makes something wait, ``info`` is news."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One safety rule and what it saw, in a sentence with figures. ``name`` is stable; people read ``words``."""

    name: str
    passed: bool
    severity: CheckSeverity
    words: str


class GateOutcome(StrEnum):
    """The outcome of a gate for the plan as a whole."""

    APPROVED = "approved"
    NEEDS_REVIEW = "needs_review"
    REFUSED = "refused"
    READ_ONLY = "read_only"


@dataclass(frozen=True, slots=True)
class GateRecord:
    """What a gate saw and decided, as it is stored with the plan: no address is in it.

    ``may_run``: how many contacts need no person; ``waiting``: those that do. ``alert``: somebody should look soon.
    """

    outcome: GateOutcome
    alert: bool
    may_run: int
    waiting: tuple[int, ...]
    checks: tuple[GateCheck, ...]


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The gate's answer.

    ``may_run``: contacts whose items need no person now, in every outcome. ``waiting``: contacts whose items need one.
    In outcome ``approved`` some items may still wait; in ``needs_review`` the plan waits, complaints excepted.
    ``alert``: somebody should look soon.
    """

    outcome: GateOutcome
    checks: tuple[GateCheck, ...]
    may_run: tuple[int, ...]
    waiting: tuple[int, ...]
    alert: bool

    @property
    def approved(self) -> bool:
        """Whether what ``may_run`` lists is the plan's approved part."""
        return self.outcome is GateOutcome.APPROVED

    @property
    def refused(self) -> bool:
        """Whether nothing of this plan may be executed, whoever approves it."""
        return self.outcome in (GateOutcome.REFUSED, GateOutcome.READ_ONLY)

    @property
    def failed_checks(self) -> tuple[GateCheck, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def record(self) -> GateRecord:
        """The decision as it is stored."""
        return GateRecord(self.outcome, self.alert, len(self.may_run), self.waiting, self.checks)


def is_decided(status: PlanStatus, decided_by: str | None, *, is_under_way: bool) -> bool:
    """Whether a plan is not judged any more, whatever mode and figures say by now: people decided on it or are asked, or it was
    carried out. What is half done is brought to its end as it was let through.

    Args:
        is_under_way: the journal of the plan has steps that are not settled.
    """
    if status in TURNED_DOWN or status in (PlanStatus.EXECUTED, PlanStatus.PENDING_REVIEW):
        return True
    return is_under_way or (status is PlanStatus.APPROVED and decided_by != DECIDED_BY_GATE)


def flag_check(enabled: bool) -> GateCheck:
    """The switch that stops everything."""
    words = "List management is on." if enabled else "List management is switched off (LIST_MANAGEMENT_ENABLED)."
    return GateCheck("flag", enabled, CheckSeverity.ERROR, words)


def mode_check(mode: Mode, untimely: str | None, has_items: bool) -> GateCheck:
    """The check of the mode. A plan that would change nothing needs nobody's approval.

    Args:
        mode: the operating mode.
        untimely: why the campaign is outside the age at which it is maintained by itself, in words; None: it is at that age.
        has_items: whether the plan would change anything.
    """
    words = {
        Mode.READ_ONLY: "Read-only: plans are shown, nothing is executed.",
        Mode.APPROVAL_REQUIRED: f"Every plan that changes something {WAITS}.",
        Mode.AUTO: "Plans that pass every check run by themselves.",
    }[mode]
    here = mode_at_age(mode, is_timely=untimely is None)
    if here is not mode:
        words = f"The campaign is not at the age at which plans run by themselves, so a person decides: {untimely}."
    passed = here is Mode.AUTO or (here is Mode.APPROVAL_REQUIRED and not has_items)
    return GateCheck("mode", passed, CheckSeverity.WARNING, words)
