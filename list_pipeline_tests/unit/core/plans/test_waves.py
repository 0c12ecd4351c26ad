"""The order of the waves: nobody is taken off a list before the new one has them, and nobody suppressed becomes mailable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.plans.waves import (
    FIRST_WAVE,
    SECOND_WAVE,
    THIRD_WAVE,
    WAVES,
    jobs_of_wave,
    not_posted_any_more,
)

ONE, TWO, THREE = CAMPAIGN_LISTS
SUPPRESSION = ListRole.SUPPRESSION
ADD, REMOVE, EXCLUDE, INCLUDE, UNSUB = StepAction
PLANNED, CONFIRMED, FAILED, SKIPPED = StepState.PLANNED, StepState.CONFIRMED, StepState.FAILED, StepState.SKIPPED


@dataclass(frozen=True)
class Step:
    change_id: int
    kind: ItemAction
    action: StepAction
    list_role: ListRole | None = None
    state: StepState = PLANNED
    attempts: int = 0


def move(change_id: int, added: StepState = PLANNED, removed: StepState = PLANNED, to: ListRole = TWO) -> list[Step]:
    return [
        Step(change_id, ItemAction.MOVE, ADD, to, added),
        Step(change_id, ItemAction.MOVE, REMOVE, ONE, removed),
    ]


def suppression(change_id: int, begun: StepState = PLANNED, *removals: StepState) -> list[Step]:
    removed = zip(CAMPAIGN_LISTS, removals or (PLANNED,) * 3, strict=True)
    return [
        Step(change_id, ItemAction.SUPPRESS, ADD, SUPPRESSION, begun),
        Step(change_id, ItemAction.SUPPRESS, EXCLUDE, None, begun),
        *(Step(change_id, ItemAction.SUPPRESS, REMOVE, role, state) for role, state in removed),
    ]


def reinstatement(change_id: int, added: StepState = PLANNED, removed: StepState = PLANNED) -> list[Step]:
    return [
        Step(change_id, ItemAction.RESTORE, ADD, ONE, added),
        Step(change_id, ItemAction.RESTORE, REMOVE, SUPPRESSION, removed),
        Step(change_id, ItemAction.RESTORE, INCLUDE),
    ]


def jobs(steps: Sequence[Step], wave: Sequence[StepAction], most: int = 1_000) -> list[list[Step]]:
    return jobs_of_wave(steps, wave, most, lambda _: True)


def test_each_action_is_posted_in_one_wave() -> None:
    assert sorted(action for wave in WAVES for action in wave) == sorted(StepAction)
    assert (FIRST_WAVE, SECOND_WAVE, THIRD_WAVE) == ((ADD, EXCLUDE), (REMOVE,), (INCLUDE, UNSUB))


@pytest.mark.parametrize("added", [state for state in StepState if state is not CONFIRMED])
def test_nobody_leaves_a_list_before_it_is_confirmed_that_they_are_on_the_other(added: StepState) -> None:
    assert jobs(move(1, added), SECOND_WAVE) == []


def test_who_is_confirmed_on_the_new_list_leaves_the_old_one() -> None:
    waiting, gone_on = move(1), move(2, CONFIRMED)
    assert jobs([*waiting, *gone_on], FIRST_WAVE) == [waiting[:1]]
    assert jobs([*waiting, *gone_on], SECOND_WAVE) == [gone_on[1:]]
    assert jobs([*waiting, *gone_on], THIRD_WAVE) == []


def test_one_of_two_first_steps_is_not_enough() -> None:
    added, excluded, *_ = steps = suppression(1, CONFIRMED)
    for late in (added, excluded):
        assert jobs([replace(s, state=PLANNED) if s is late else s for s in steps], SECOND_WAVE) == []
    assert jobs(steps, SECOND_WAVE) == [steps[2:]]


@pytest.mark.parametrize("removed", [state for state in StepState if state not in (CONFIRMED, SKIPPED)])
def test_an_exclusion_is_not_lifted_before_the_contact_is_off_the_suppression_list(removed: StepState) -> None:
    assert jobs(reinstatement(1, CONFIRMED, removed), THIRD_WAVE) == []


@pytest.mark.parametrize("removed", [CONFIRMED, SKIPPED])
def test_an_exclusion_is_lifted_of_who_left_the_suppression_list_or_was_not_on_it(removed: StepState) -> None:
    steps = reinstatement(1, CONFIRMED, removed)
    assert jobs(steps, THIRD_WAVE) == [steps[2:]]


def test_an_addition_that_was_left_out_keeps_the_exclusion() -> None:
    assert jobs(reinstatement(1, SKIPPED, CONFIRMED), THIRD_WAVE) == []


def test_what_comes_later_holds_nothing_back() -> None:
    steps = reinstatement(1, CONFIRMED)
    assert jobs(steps, SECOND_WAVE) == [steps[1:2]]
    assert jobs(reinstatement(1), FIRST_WAVE) == [reinstatement(1)[:1]]


@pytest.mark.parametrize("state", [state for state in StepState if state is not PLANNED])
def test_only_what_is_planned_is_posted(state: StepState) -> None:
    assert jobs(move(1, state, state), FIRST_WAVE) == []
    assert jobs(move(1, CONFIRMED, state), SECOND_WAVE) == []


def test_nothing_is_posted_of_a_change_that_may_not_go_on() -> None:
    steps = [*move(1), *move(2)]
    assert jobs_of_wave(steps, FIRST_WAVE, 1_000, lambda step: step.change_id == 2) == [steps[2:3]]


def test_one_job_does_the_same_with_all_of_its_contacts() -> None:
    to_two, to_three, again = move(1), move(2, to=THREE), move(3)
    again[0] = replace(again[0], attempts=1)
    twice = move(4)
    twice[0] = replace(twice[0], attempts=2)
    late = move(5)
    found = jobs([*to_two, *to_three, *again, *twice, *late], FIRST_WAVE)
    assert found == [[to_two[0], late[0]], [to_three[0]], [again[0], twice[0]]]


def test_who_is_suppressed_leaves_whatever_lists_they_are_on_in_one_job() -> None:
    first = suppression(1, CONFIRMED, PLANNED, SKIPPED, SKIPPED)
    second = suppression(2, CONFIRMED, SKIPPED, PLANNED, PLANNED)
    moved = move(3, CONFIRMED)
    assert jobs([*first, *second, *moved], SECOND_WAVE) == [[first[2], second[3], second[4]], [moved[1]]]


def test_who_was_added_to_the_suppression_list_before_is_not_excluded_together_with_who_was_not() -> None:
    whole, half = suppression(1), suppression(2)
    half[0] = replace(half[0], state=CONFIRMED)
    assert jobs([*whole, *half], FIRST_WAVE) == [whole[:2], [half[1]]]


def test_a_job_has_no_more_changes_than_it_may_and_each_of_them_whole() -> None:
    changes = [suppression(number) for number in range(5)]
    found = jobs([step for change in changes for step in change], FIRST_WAVE, most=2)
    assert found == [
        [*changes[0][:2], *changes[1][:2]],
        [*changes[2][:2], *changes[3][:2]],
        changes[4][:2],
    ]


@pytest.mark.parametrize("state", [FAILED, SKIPPED])
def test_who_was_not_added_is_not_removed_either(state: StepState) -> None:
    other = move(2, CONFIRMED)
    steps = move(1, state)
    assert not_posted_any_more([*steps, *other]) == steps[1:]


def test_what_failed_or_was_done_itself_is_not_left_out_once_more() -> None:
    assert not_posted_any_more([*move(1, FAILED, CONFIRMED), *move(2, CONFIRMED), *move(3, PLANNED)]) == []


def test_who_could_not_leave_the_suppression_list_stays_excluded() -> None:
    steps = reinstatement(1, CONFIRMED, FAILED)
    assert not_posted_any_more(steps) == steps[2:]
    assert not_posted_any_more(reinstatement(1, CONFIRMED, SKIPPED)) == []
    unsubscribed = Step(1, ItemAction.RESTORE, UNSUB, ONE, FAILED)
    assert not_posted_any_more([*reinstatement(1, CONFIRMED, CONFIRMED), unsubscribed]) == []


def test_a_removal_that_failed_says_nothing_about_the_other_lists() -> None:
    assert not_posted_any_more(suppression(1, CONFIRMED, FAILED, PLANNED, PLANNED)) == []


_states = st.sampled_from(StepState)


@given(st.lists(st.tuples(st.sampled_from([move, reinstatement]), _states, _states), max_size=6), st.integers(1, 3))
def test_at_no_moment_is_anybody_on_no_list_or_mailable_and_suppressed(
    made: list[tuple[type, StepState, StepState]], most: int
) -> None:
    steps = [step for number, (kind, *states) in enumerate(made) for step in kind(number, *states)]
    of = {(step.change_id, step.action): step.state for step in steps}
    for wave in WAVES:
        for job in jobs(steps, wave, most):
            assert len({step.change_id for step in job}) <= most
            for step in job:
                assert step.state is PLANNED
                if step.action is not ADD:
                    assert of[step.change_id, ADD] is CONFIRMED
                if step.action is INCLUDE:
                    assert of[step.change_id, REMOVE] in (CONFIRMED, SKIPPED)
