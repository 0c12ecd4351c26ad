"""What a person approved contact by contact: these contacts, their own part of the plan, and nobody else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.reviews.approved_contacts import (
    approved_of_plan,
    count_for_cap,
    failed_once_more,
    not_to_be_removed,
    tried_again,
)
from list_pipeline.core.reviews.questions import ReviewKind

ONE, TWO, THREE = CAMPAIGN_LISTS
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Question:
    kind: ReviewKind
    contact_ids: tuple[int, ...]
    decided_at: datetime | None = NOW


@dataclass(frozen=True)
class Step:
    contact_id: int
    action: StepAction
    list_role: ListRole | None
    state: StepState = StepState.PLANNED
    change_id: int = 1
    kind: ItemAction = ItemAction.MOVE
    attempts: int = 0


def suppress(contact_id: int, reason: str = "hard_bounce") -> PlanItem:
    return PlanItem(contact_id, ItemAction.SUPPRESS, rule=reason, to_role=ListRole.SUPPRESSION, reason=reason)


MOVE = PlanItem(2, ItemAction.MOVE, rule="fifo_move", from_role=ONE, to_role=TWO)
ENROL = PlanItem(3, ItemAction.ENROL, rule="oldest_newcomer", to_role=TWO)
INCIDENT, FAILED = Question(ReviewKind.INCIDENT, (1, 2)), Question(ReviewKind.FAILED_ITEM, (3, 4))


def test_nothing_but_the_contacts_that_were_approved_is_carried_out() -> None:
    assert approved_of_plan([suppress(1), MOVE, ENROL, suppress(9)], [INCIDENT, FAILED]) == [suppress(1), MOVE, ENROL]
    assert approved_of_plan([suppress(1)], []) == []


@pytest.mark.parametrize("action", [ItemAction.MONITOR, ItemAction.KEEP])
def test_an_approval_does_not_make_a_change_of_what_the_plan_only_shows(action: ItemAction) -> None:
    assert approved_of_plan([PlanItem(1, action, rule="soft_streak")], [INCIDENT]) == []


def test_only_what_failed_is_tried_again_and_only_from_the_decision_on() -> None:
    assert tried_again([INCIDENT, FAILED]) == {3: NOW, 4: NOW}
    assert tried_again([replace(FAILED, decided_at=None)]) == {}


def test_what_failed_once_more_is_asked_about_anew() -> None:
    assert failed_once_more(FAILED, {4, 9}) == [4]
    assert failed_once_more(INCIDENT, {1}) == []


def dropped(*steps: Step, again: Collection[int] = (7,), on: Collection[ListRole] = ()) -> list[Step]:
    return not_to_be_removed(steps, again, {7: on})


ADDED = Step(7, StepAction.ADD, TWO, StepState.CONFIRMED)
REMOVAL = Step(7, StepAction.REMOVE, ONE)


def test_whom_others_took_off_the_new_list_is_not_taken_off_the_old_one() -> None:
    assert dropped(ADDED, REMOVAL) == [REMOVAL]
    assert dropped(ADDED, REMOVAL, on=[ONE]) == [REMOVAL]
    assert not_to_be_removed([ADDED, REMOVAL], [7], {}) == [REMOVAL]


def test_who_stands_on_the_new_list_is_taken_off_the_old_one() -> None:
    assert dropped(ADDED, REMOVAL, on=[ONE, TWO]) == []


def test_an_addition_that_is_not_confirmed_says_nothing() -> None:
    assert dropped(replace(ADDED, state=StepState.PLANNED), REMOVAL) == []


def test_a_confirmed_removal_says_nothing_about_where_the_contact_is_to_be() -> None:
    assert dropped(replace(REMOVAL, state=StepState.CONFIRMED), Step(7, StepAction.REMOVE, TWO)) == []


def test_what_is_settled_stays_and_so_do_all_who_are_not_tried_again() -> None:
    assert dropped(ADDED, replace(REMOVAL, state=StepState.FAILED)) == []
    assert dropped(ADDED, REMOVAL, again=()) == []
    assert dropped(ADDED, replace(REMOVAL, contact_id=8)) == []


def test_the_cap_counts_who_is_approved_and_not_suppressed_yet_but_no_complaint() -> None:
    items = [*map(suppress, (1, 2, 3, 5)), suppress(4, "complaint")]
    assert count_for_cap(items, wanted={1, 2, 4, 5}, done={2}) == 2
