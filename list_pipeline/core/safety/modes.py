"""The operating modes: when each one holds, and what of it is left for a campaign outside its age.

Does not belong here: a gate's check of the mode (``core.plans.gate``).
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


GRADUATION = GraduationFigures()


def graduate(state: ModeState, now: datetime, figures: GraduationFigures = GRADUATION) -> Mode:
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


def chosen_mode(by_setting: Mode | None, by_person: Mode | None, *, must_wait: bool) -> Mode | None:
    """The mode that is fixed, whatever the age; None where the product graduates by itself.

    A person who says stop is heard whatever the setting says: this is how a run in progress is stopped.

    Args:
        must_wait: a person has to accept what Mailjet shows, or to confirm the five lists. Until then plans are made and
            reported, and taken up again by themselves afterwards.
    """
    if must_wait or by_person is Mode.READ_ONLY:
        return Mode.READ_ONLY
    return by_setting or by_person


def mode_at_age(mode: Mode, *, is_timely: bool) -> Mode:
    """The mode for one campaign: automatic only at the age at which it is maintained by itself, not before and not later.

    Before, late bounces may be missing; later, the lists may long have moved on.
    """
    return mode if is_timely or mode is not Mode.AUTO else Mode.APPROVAL_REQUIRED
