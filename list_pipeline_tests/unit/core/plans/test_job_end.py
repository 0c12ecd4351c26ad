"""What a job left undone: posted again for so long, then given to people, and never while a job may still change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.job_end import (
    left_undone,
    not_to_be_begun,
    pause_before_repeating,
    state_after_lost_answer,
)
from list_pipeline.core.plans.journal import JobState, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction


@dataclass(frozen=True)
class Step:
    change_id: int
    attempts: int = 0
    state: StepState = StepState.PLANNED
    kind: ItemAction = ItemAction.MOVE
    action: StepAction = StepAction.ADD
    list_role: ListRole | None = ListRole.CAMPAIGN_1


TWICE, THRICE = Step(1, attempts=2), Step(2, attempts=3)


@pytest.mark.parametrize("may_take_effect", [False, True])
def test_what_was_posted_twice_in_vain_is_posted_once_more(may_take_effect: bool) -> None:
    left = left_undone([TWICE], may_take_effect=may_take_effect)
    assert (left.again, left.given_up, left.waits) == ([TWICE], [], False)


def test_what_was_posted_three_times_in_vain_has_failed() -> None:
    left = left_undone([TWICE, THRICE], may_take_effect=False)
    assert (left.again, left.given_up, left.waits) == ([TWICE], [THRICE], False)
    assert left.last_state == (StepState.FAILED, StepNote.HAD_NO_EFFECT)


def test_nobody_is_given_up_while_a_job_may_still_take_effect() -> None:
    left = left_undone([THRICE], may_take_effect=True)
    assert (left.given_up, left.waits) == ([THRICE], True)
    assert left.last_state == (StepState.PLANNED, StepNote.ANSWER_LOST)


def test_a_job_whose_answer_was_lost_is_over_only_when_all_of_it_is_done() -> None:
    assert state_after_lost_answer([TWICE]) is JobState.LOST
    assert state_after_lost_answer([]) is JobState.FAILED


def test_of_a_plan_that_is_taken_back_only_changes_of_which_nothing_is_done_are_left_out() -> None:
    begun = Step(1, state=StepState.CONFIRMED), Step(1)
    untouched = Step(2), Step(2)
    under_way = Step(3, state=StepState.SUBMITTED)
    assert not_to_be_begun([*begun, *untouched, under_way]) == list(untouched)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [((0,), 0.0), ((1,), 10.0), ((0, 1), 10.0), ((2, 1), 20.0), ((3,), 40.0)]
)
def test_the_pause_before_a_repetition_doubles_with_each_attempt(attempts: Sequence[int], seconds: float) -> None:
    assert pause_before_repeating([Step(n, attempts=made) for n, made in enumerate(attempts)]) == seconds
