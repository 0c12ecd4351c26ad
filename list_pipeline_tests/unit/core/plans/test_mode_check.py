"""Whether a plan is judged at all, and the check of the mode, which both gates share."""

from __future__ import annotations

import pytest

from list_pipeline.core.plans.gate import is_decided, mode_check
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.safety.modes import Mode


@pytest.mark.parametrize(
    ("mode", "has_items", "passed"),
    [
        (Mode.AUTO, True, True),
        (Mode.AUTO, False, True),
        (Mode.APPROVAL_REQUIRED, True, False),
        (Mode.APPROVAL_REQUIRED, False, True),
        (Mode.READ_ONLY, True, False),
        (Mode.READ_ONLY, False, False),
    ],
)
def test_what_changes_nothing_needs_no_approval_and_in_read_only_nothing_passes(
    mode: Mode, has_items: bool, passed: bool
) -> None:
    assert mode_check(mode, None, has_items).passed is passed


@pytest.mark.parametrize("status", PlanStatus)
def test_only_what_nobody_decided_on_and_nobody_is_asked_about_is_judged(status: PlanStatus) -> None:
    judged = {PlanStatus.PLANNED, PlanStatus.APPROVED, PlanStatus.SUPERSEDED}
    assert is_decided(status, "gate", is_under_way=False) is (status not in judged)


def test_what_the_gate_left_as_it_is_and_nobody_decided_on_is_judged_again() -> None:
    assert not is_decided(PlanStatus.PLANNED, None, is_under_way=False)


def test_what_a_person_approved_is_not_judged_again() -> None:
    assert is_decided(PlanStatus.APPROVED, "ada", is_under_way=False)


def test_what_is_half_done_is_not_judged_again() -> None:
    assert is_decided(PlanStatus.APPROVED, "gate", is_under_way=True)
    assert is_decided(PlanStatus.PLANNED, None, is_under_way=True)
