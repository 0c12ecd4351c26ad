"""When a rebalancing is taken back by itself: for one contact that is nowhere or in two lists, or for many that failed."""

from __future__ import annotations

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.corrections import ContactNow, DoneChange
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.plans.rollback import added_to, count_astray, why_left_to_a_person, why_roll_back

ONE, TWO, THREE = CAMPAIGN_LISTS
ADD, REMOVE = StepAction.ADD, StepAction.REMOVE
MOVED = DoneChange(2, 7, ItemAction.MOVE, frozenset({(ADD, TWO), (REMOVE, ONE)}), frozenset({ONE}), False)


def on(*roles: ListRole) -> dict[int, ContactNow]:
    return {7: ContactNow(frozenset({ListRole.MASTER, *roles}))}


@pytest.mark.parametrize(
    ("planned", "failed", "astray", "rolled_back"),
    [(0, 0, 0, False), (100, 10, 0, False), (100, 11, 0, True), (100, 0, 1, True), (5, 1, 0, True)],
)
def test_a_rebalancing_is_rolled_back_above_a_tenth_of_failures_or_when_somebody_is_astray(
    planned: int, failed: int, astray: int, rolled_back: bool
) -> None:
    assert (why_roll_back(planned, failed, astray) is not None) is rolled_back


@pytest.mark.parametrize(("roles", "astray"), [((), 1), ((ONE,), 0), ((TWO,), 0), ((ONE, TWO), 1)])
def test_whoever_was_moved_is_astray_in_no_list_and_in_two(roles: tuple[ListRole, ...], astray: int) -> None:
    assert count_astray([MOVED], on(*roles), unfinished=()) == astray


def test_who_failed_or_waits_in_the_middle_of_a_move_is_not_astray() -> None:
    assert count_astray([MOVED], on(ONE, TWO), unfinished={MOVED.change_id}) == 0


def test_who_was_erased_is_not_astray() -> None:
    assert count_astray([MOVED], {7: ContactNow(frozenset(), is_gone=True)}, unfinished=()) == 0


def test_going_back_to_a_list_with_automations_is_left_to_a_person() -> None:
    assert "List 1" in why_left_to_a_person([MOVED], Automations(frozenset({ONE})))
    assert why_left_to_a_person([MOVED], Automations(frozenset({TWO}))) == ""
    assert why_left_to_a_person([MOVED], Automations(frozenset({ONE}), may_start=True)) == ""


def test_those_who_were_put_on_a_list_are_looked_for_there() -> None:
    assert (added_to([MOVED], TWO), added_to([MOVED], ONE)) == ([7], [])
