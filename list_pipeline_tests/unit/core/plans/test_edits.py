"""Edits of a waiting plan: who is left out, what cannot be edited, and that a person decides on what is left."""

from __future__ import annotations

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.edits import EDITABLE, PlanEdit, decision_after_edit, why_not_editable
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateDecision, GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind


def suppress(contact_id: int, *, held: bool = False) -> PlanItem:
    return PlanItem(contact_id, ItemAction.SUPPRESS, rule="hard_bounce", to_role=ListRole.SUPPRESSION, is_held=held)


ITEMS = (suppress(1), suppress(2), suppress(3, held=True), PlanItem(4, ItemAction.MONITOR, rule="second_hit"))


def without(*ids: int) -> PlanEdit:
    return PlanEdit(without=frozenset(ids))


def keep(*ids: int) -> PlanEdit:
    return PlanEdit(keep=frozenset(ids))


def test_only_whom_the_plan_would_change_is_left_out_and_all_others_stay_as_they_were() -> None:
    assert without(1, 3).taken_out(ITEMS) == {1, 3}
    assert without(1, 3).left(ITEMS) == (ITEMS[1], ITEMS[3])
    assert without(4, 99).taken_out(ITEMS) == set()
    assert without(4).left(ITEMS) == ITEMS


def test_to_keep_some_leaves_the_others_out_but_whoever_was_begun() -> None:
    assert keep(2).taken_out(ITEMS) == {1, 3}
    assert keep(2).left(iter(ITEMS)) == (ITEMS[1], ITEMS[3])
    assert keep(2).taken_out(ITEMS, begun={1}) == {3}
    assert keep(2).left(ITEMS, begun={1}) == (ITEMS[0], ITEMS[1], ITEMS[3])


@pytest.mark.parametrize(
    ("edit", "begun", "words"),
    [
        (PlanEdit(), (), "not said who is left out"),
        (PlanEdit(frozenset({1}), frozenset({2})), (), "not said who is left out"),
        (without(1, 99), (), "changes nothing about 99"),
        (keep(4), (), "changes nothing about 4"),
        (keep(1, 2, 3), (), "nobody would be left out"),
        (without(1), (1,), "carried out already for 1"),
        (without(1, 2, 3), (), "nobody would be left in it"),
    ],
)
def test_an_edit_that_makes_no_plan_is_told_with_what_to_do_instead(
    edit: PlanEdit, begun: tuple[int, ...], words: str
) -> None:
    reason = why_not_editable(edit, ITEMS, begun)
    assert reason is not None
    assert words in reason[0]
    assert reason[1]


def test_an_edit_that_leaves_some_out_and_some_in_makes_a_plan() -> None:
    assert why_not_editable(without(1), ITEMS, ()) is None
    assert why_not_editable(without(1), ITEMS, (2,)) is None
    assert why_not_editable(keep(1), ITEMS, ()) is None
    assert why_not_editable(keep(2), ITEMS, (1,)) is None


FINE = GateCheck("cap", True, CheckSeverity.WARNING, "fine")


@pytest.mark.parametrize(
    ("outcome", "may_run", "waiting", "at_once", "left"),
    [
        # What the gate would let through by itself a person decides on now, complaints excepted.
        (GateOutcome.APPROVED, (1, 2, 5), (3,), (5,), (1, 2, 3)),
        (GateOutcome.NEEDS_REVIEW, (5,), (1, 2, 3), (5,), (1, 2, 3)),
        # In a mode in which everything waits a complaint waits too.
        (GateOutcome.NEEDS_REVIEW, (), (1, 2, 5), (), (1, 2, 5)),
        (GateOutcome.READ_ONLY, (), (), (), ()),
    ],
)
def test_a_person_decides_on_what_is_left_whatever_the_gate_lets_through(
    outcome: GateOutcome,
    may_run: tuple[int, ...],
    waiting: tuple[int, ...],
    at_once: tuple[int, ...],
    left: tuple[int, ...],
) -> None:
    found = decision_after_edit(
        GateDecision(outcome, (FINE,), may_run, waiting, alert=True), {5}, by="Ada", plan_id=7, taken_out=2
    )
    assert (found.outcome, found.may_run, found.waiting, found.alert) == (GateOutcome.NEEDS_REVIEW, at_once, left, True)
    assert found.checks[0] is FINE
    (said,) = found.failed_checks
    assert (said.name, said.severity) == ("edited", CheckSeverity.WARNING)
    assert said.words == "Ada left 2 contacts out of plan 7; a person decides on the others."


def test_plans_of_which_each_contact_stands_for_itself_can_be_edited() -> None:
    assert set(EDITABLE) == {PlanKind.SUPPRESSION, PlanKind.REBALANCING, PlanKind.IMPORT, PlanKind.SPLIT}
