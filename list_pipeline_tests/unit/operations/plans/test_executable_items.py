"""Whom a suppression plan may be carried out for: what was let through, whoever let it through, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.gate import GateOutcome, GateRecord
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, Sweep
from list_pipeline.operations.suppression.plan_and_execute import executable_items
from list_pipeline.storage.plans.plan_rows import StoredPlan

CERTAIN, DOUBTFUL, HELD, WATCHED = 1, 2, 3, 4
ITEMS = (
    *(
        PlanItem(
            contact, ItemAction.SUPPRESS, rule="hard_bounce", to_role=ListRole.SUPPRESSION, is_held=contact == HELD
        )
        for contact in (CERTAIN, DOUBTFUL, HELD)
    ),
    PlanItem(WATCHED, ItemAction.MONITOR, rule="soft_streak"),
)


def plan(status: PlanStatus, outcome: GateOutcome | None = GateOutcome.APPROVED, by: str | None = "gate") -> StoredPlan:
    gate = GateRecord(outcome, alert=False, may_run=1, waiting=(DOUBTFUL, HELD), checks=()) if outcome else None
    now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    # The figures of a summary decide nothing.
    return StoredPlan(
        plan_id=1,
        campaign_id=1,
        kind=PlanKind.SUPPRESSION,
        sweep=Sweep.H24,
        revision=1,
        content_hash="hash",
        policy_version="version",
        status=status,
        summary=CorrectionSummary(),
        gate=gate,
        created_at=now,
        decided_at=now,
        decided_by=by,
        executed_at=None,
        requested_by=None,
        note=None,
        withdrawn_at=None,
        withdrawn_by=None,
    )


def may_be_done(stored: StoredPlan) -> set[int]:
    return {item.contact_id for item in executable_items(stored, ITEMS)}


def test_what_the_gate_let_through_leaves_out_who_waits_and_who_is_held() -> None:
    assert may_be_done(plan(PlanStatus.APPROVED)) == {CERTAIN}


def test_a_person_who_approves_the_whole_plan_approves_nobody_who_is_held() -> None:
    assert may_be_done(plan(PlanStatus.APPROVED, GateOutcome.NEEDS_REVIEW, "ada")) == {CERTAIN, DOUBTFUL}


def test_while_a_plan_waits_only_what_the_gate_let_run_at_once_is_done() -> None:
    assert may_be_done(plan(PlanStatus.PENDING_REVIEW, GateOutcome.NEEDS_REVIEW, None)) == {CERTAIN}


@pytest.mark.parametrize("status", [PlanStatus.REJECTED, PlanStatus.EXPIRED])
@pytest.mark.parametrize("by", ["ada", "gate", "nobody"])
def test_of_what_was_turned_down_or_lapsed_nothing_is_done(status: PlanStatus, by: str) -> None:
    assert may_be_done(plan(status, GateOutcome.NEEDS_REVIEW, by)) == set()


@pytest.mark.parametrize("outcome", [None, GateOutcome.REFUSED, GateOutcome.READ_ONLY])
def test_without_a_gate_that_let_it_through_nothing_is_done(outcome: GateOutcome | None) -> None:
    assert may_be_done(plan(PlanStatus.PLANNED, outcome, None)) == set()
