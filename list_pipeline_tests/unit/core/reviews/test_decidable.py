"""A decision is about exactly what was shown, and single contacts follow their plan."""

from __future__ import annotations

import pytest

from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, PlanKind, PlanStatus
from list_pipeline.core.reviews.decidable import is_as_shown, why_not_approvable

SHOWN = "0123456789abcdef" * 4
SUPPRESSION, REBALANCING = PlanKind.SUPPRESSION, PlanKind.REBALANCING


def why(kind: PlanKind, status: PlanStatus = PlanStatus.EXECUTED, *, was_rolled_back: bool = False) -> str:
    return (why_not_approvable(kind, status, 5, was_rolled_back=was_rolled_back) or ("",))[0]


@pytest.mark.parametrize("shown", [SHOWN, SHOWN[:8]])
def test_the_hash_that_was_shown_or_its_first_eight_characters_name_a_plan(shown: str) -> None:
    assert is_as_shown(SHOWN, shown)


@pytest.mark.parametrize("shown", ["", SHOWN[:7], SHOWN[1:], "0" * 64, SHOWN[:8] + "x"])
def test_another_hash_and_one_that_is_too_short_name_none(shown: str) -> None:
    assert not is_as_shown(SHOWN, shown)


@pytest.mark.parametrize("kind", MAINTENANCE_PLANS)
@pytest.mark.parametrize("status", [PlanStatus.APPROVED, PlanStatus.EXECUTED])
def test_single_contacts_of_a_plan_that_was_let_through_may_be_approved(kind: PlanKind, status: PlanStatus) -> None:
    assert why(kind, status) == ""


@pytest.mark.parametrize("status", [one for one in PlanStatus if one not in (PlanStatus.APPROVED, PlanStatus.EXECUTED)])
def test_single_contacts_of_a_plan_that_was_not_let_through_may_not(status: PlanStatus) -> None:
    assert why(SUPPRESSION, status) == f"its plan 5 is {status.value}"


@pytest.mark.parametrize("kind", [one for one in PlanKind if one not in MAINTENANCE_PLANS])
def test_a_correction_is_asked_for_again_as_a_whole(kind: PlanKind) -> None:
    assert "correction" in why(kind)


def test_nobody_is_moved_singly_after_a_rebalancing_that_was_rolled_back() -> None:
    assert "rolled back" in why(REBALANCING, was_rolled_back=True)
    assert why(SUPPRESSION, was_rolled_back=True) == ""
