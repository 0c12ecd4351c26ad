"""Who is left out of a job right before it is posted, and who waits: nobody is left on two lists, and nothing is posted of
somebody whose address we may not use."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.plans.posting import (
    Posting,
    begun_and_unreadable,
    in_flight_together,
    lacking_address,
    what_is_posted,
)

ONE, TWO, THREE = CAMPAIGN_LISTS


@dataclass(frozen=True)
class Step:
    change_id: int
    contact_id: int
    action: StepAction = StepAction.ADD
    list_role: ListRole | None = TWO
    kind: ItemAction = ItemAction.MOVE
    state: StepState = StepState.PLANNED
    attempts: int = 0


ADDED = Step(1, 11)
REMOVED = Step(2, 12, StepAction.REMOVE, ONE)
EXCLUDED = Step(3, 13, StepAction.EXCLUDE, None, ItemAction.SUPPRESS)


def sorted_out(
    steps: Sequence[Step],
    *,
    on: Collection[tuple[int, ListRole]] = (),
    addressed: Collection[int] = (11, 12, 13),
    waiting: Sequence[Step] = (),
    all_the_same: Collection[int] = (),
) -> Posting[Step]:
    return what_is_posted(steps, lambda step: (step.contact_id, step.list_role) in on, addressed, waiting, all_the_same)


def test_whoever_has_an_address_and_is_where_the_step_wants_is_posted() -> None:
    found = sorted_out([ADDED, REMOVED, EXCLUDED], on=[(12, ONE)])
    assert found == Posting([ADDED, REMOVED, EXCLUDED], [], [], [], frozenset())


def test_nobody_is_taken_off_a_list_that_does_not_have_them() -> None:
    found = sorted_out([REMOVED, replace(REMOVED, list_role=TWO)], on=[(12, TWO)])
    assert (found.posted, found.absent) == ([replace(REMOVED, list_role=TWO)], [REMOVED])


def test_an_addition_that_finds_the_contact_there_is_posted_and_is_not_ours_to_take_back() -> None:
    found = sorted_out([ADDED], on=[(11, TWO)])
    assert (found.posted, found.there) == ([ADDED], [ADDED])


def test_what_an_earlier_attempt_put_there_stays_ours() -> None:
    again = replace(ADDED, attempts=1)
    assert sorted_out([again], on=[(11, TWO)]).there == []


def test_only_additions_find_somebody_there() -> None:
    assert sorted_out([REMOVED], on=[(12, ONE)]).there == []


def test_of_somebody_without_an_address_nothing_is_posted() -> None:
    found = sorted_out([ADDED, REMOVED], on=[(12, ONE)], addressed=[12])
    assert (found.posted, found.gone) == ([REMOVED], [ADDED])


def test_a_removal_that_finds_nobody_lacks_no_address() -> None:
    assert lacking_address([REMOVED, ADDED], lambda _: False, ()) == [ADDED]
    assert lacking_address([REMOVED], lambda _: True, ()) == [REMOVED]
    found = sorted_out([REMOVED], addressed=())
    assert (found.absent, found.gone) == ([REMOVED], [])


def test_who_was_begun_with_and_cannot_be_read_waits_and_is_not_given_up() -> None:
    found = sorted_out([REMOVED, ADDED], on=[(12, ONE)], addressed=[11], waiting=[REMOVED])
    assert found == Posting([ADDED], [], [], [], frozenset({2}))


def test_all_of_a_change_waits_whose_contact_cannot_be_read() -> None:
    other = replace(REMOVED, action=StepAction.UNSUB)
    found = sorted_out([REMOVED, other], on=[(12, ONE)], addressed=[], waiting=[REMOVED])
    assert found.posted == []


def test_who_was_begun_with_is_posted_where_the_address_is_known_all_the_same() -> None:
    found = sorted_out([REMOVED], on=[(12, ONE)], addressed=[], waiting=[REMOVED], all_the_same=[12])
    assert found == Posting([REMOVED], [], [], [], frozenset())


def test_only_a_move_that_was_begun_and_whose_contact_cannot_be_read_is_one() -> None:
    assert begun_and_unreadable([REMOVED, ADDED], begun={2}, unreadable={11, 12}) == [REMOVED]


@pytest.mark.parametrize(("begun", "unreadable"), [({2}, set()), (set(), {12})])
def test_who_was_not_begun_with_or_is_gone_for_good_does_not_wait(begun: set[int], unreadable: set[int]) -> None:
    assert begun_and_unreadable([REMOVED], begun, unreadable) == []


def test_half_a_suppression_does_not_wait_since_it_mails_nobody() -> None:
    assert begun_and_unreadable([EXCLUDED], begun={3}, unreadable={13}) == []


# Which jobs are in flight at once

FRESH, AGAIN = [Step(1, 11)], [Step(2, 12, attempts=1)]


@pytest.mark.parametrize(
    ("batches", "most", "together"),
    [
        ([FRESH, FRESH, FRESH], 2, 2),
        ([FRESH, FRESH], 10, 2),
        ([FRESH, AGAIN, FRESH], 10, 1),
        ([AGAIN, FRESH, FRESH], 10, 1),
        ([AGAIN, AGAIN], 10, 1),
        ([FRESH, FRESH], 1, 1),
        ([[*FRESH, *AGAIN], FRESH], 10, 1),
        ([FRESH, [*FRESH, *AGAIN]], 10, 1),
    ],
)
def test_jobs_are_in_flight_together_but_what_was_posted_before_goes_alone(
    batches: Sequence[Sequence[Step]], most: int, together: int
) -> None:
    assert in_flight_together(batches, most) == tuple(batches[:together])


def test_a_group_with_one_step_that_was_posted_before_was_posted_before() -> None:
    mixed = [Step(1, 11), Step(2, 12, attempts=1)]
    assert in_flight_together([FRESH, mixed], 5) == (FRESH,)
    assert in_flight_together([mixed, FRESH], 5) == (mixed,)
