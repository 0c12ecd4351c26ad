"""The vocabulary of every gate: the operating mode, the checks, and the decision on a plan.

Belongs here: what both gates share, and when the mode allows more. Does not belong here: the checks of one kind of plan
(``core.suppression.gate``, ``core.rebalancing.gate``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Mode(StrEnum):
    """The operating mode: how much the product does by itself."""

    READ_ONLY = "read_only"
    APPROVAL_REQUIRED = "approval_required"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ModeState:
    """The facts that the mode follows from. ``set_mode``: fixed by a person or a setting."""

    first_started_at: datetime
    approved_operations: int
    set_mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class GraduationFigures:
    """The figures of graduation: how long the product only watches, and when it may act by itself."""

    read_only_hours: int = 24
    """Hours after the first start in which not one request changes anything."""
    approved_operations: int = 5
    """Operations that people must have approved before the automatic mode ..."""
    approval_days: int = 14
    """... and days since the first start; both are needed."""


_GRADUATION = GraduationFigures()


def graduate(state: ModeState, now: datetime, figures: GraduationFigures = _GRADUATION) -> Mode:
    """The mode at ``now`` (UTC): reading only, then with approvals, then automatic once people have seen enough.

    Only approved operations count; how many were rejected makes no difference.
    """
    if state.set_mode is not None:
        return state.set_mode
    age = now - state.first_started_at
    if age < timedelta(hours=figures.read_only_hours):
        return Mode.READ_ONLY
    seen_enough = state.approved_operations >= figures.approved_operations
    return Mode.AUTO if seen_enough and age >= timedelta(days=figures.approval_days) else Mode.APPROVAL_REQUIRED


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


def flag_check(enabled: bool) -> GateCheck:
    """The switch that stops everything."""
    words = "List management is on." if enabled else "List management is switched off (LIST_MANAGEMENT_ENABLED)."
    return GateCheck("flag", enabled, CheckSeverity.ERROR, words)


def mode_check(mode: Mode, has_items: bool) -> GateCheck:
    """The check of the mode. A plan that would change nothing needs nobody's approval."""
    words = {
        Mode.READ_ONLY: "Read-only: plans are shown, nothing is executed.",
        Mode.APPROVAL_REQUIRED: "Every plan that changes something waits for a person.",
        Mode.AUTO: "Plans that pass every check run by themselves.",
    }[mode]
    passed = mode is Mode.AUTO or (mode is Mode.APPROVAL_REQUIRED and not has_items)
    return GateCheck("mode", passed, CheckSeverity.WARNING, words)
