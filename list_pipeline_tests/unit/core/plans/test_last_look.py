"""The last look before a change: nobody is changed for whom it is not true any more, and each is told why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.last_look import MovesNow, must_stay, why_not_moved, why_not_suppressed
from list_pipeline.core.plans.plan import ItemAction, PlanItem

ONE, TWO, THREE = CAMPAIGN_LISTS
CONTACT = 7
MOVE = PlanItem(CONTACT, ItemAction.MOVE, rule="fifo_move", from_role=ONE, to_role=TWO)
ENROL = PlanItem(CONTACT, ItemAction.ENROL, rule="oldest_newcomer", to_role=TWO)
QUIET = MovesNow(OpenCycle())
FLAGS = (
    "in_suppression_list",
    "is_unsubscribed",
    "is_excluded",
    "is_anonymised",
    "is_complaining",
    "is_unreadable",
)


def contact(*roles: ListRole, **flags: bool) -> dict[str, Any]:
    """A mailable contact of the master list, on these campaign lists."""
    return {**dict.fromkeys(FLAGS, False), "in_master_list": True, "roles": roles, **flags}


SUPPRESSED = {"in_suppression_list": True, "is_excluded": True}


def test_who_is_as_the_plan_saw_them_is_changed() -> None:
    assert why_not_suppressed(contact(ONE)) is None
    assert why_not_moved(MOVE, contact(ONE), QUIET) is None
    assert why_not_moved(ENROL, contact(), QUIET) is None
    assert not must_stay(contact(ONE))


@pytest.mark.parametrize("flag", FLAGS)
def test_who_may_not_be_mailed_is_neither_moved_nor_enrolled(flag: str) -> None:
    note = StepNote.CONTACT_GONE if flag == "is_anonymised" else StepNote.MUST_STAY
    assert must_stay(contact(ONE, **{flag: True}))
    assert why_not_moved(MOVE, contact(ONE, **{flag: True}), QUIET) is note
    assert why_not_moved(ENROL, contact(**{flag: True}), QUIET) is note


def test_who_is_no_more_is_left_out() -> None:
    for gone in (None, contact(is_anonymised=True, **SUPPRESSED)):
        assert why_not_suppressed(gone) is StepNote.CONTACT_GONE
        assert why_not_moved(MOVE, gone, QUIET) is StepNote.CONTACT_GONE


def test_whose_row_cannot_be_read_is_not_suppressed() -> None:
    assert why_not_suppressed(contact(is_unreadable=True, **SUPPRESSED)) is StepNote.MUST_STAY


def test_only_who_is_wholly_suppressed_needs_no_suppression() -> None:
    assert why_not_suppressed(contact(**SUPPRESSED)) is StepNote.ALREADY_SUPPRESSED
    assert why_not_suppressed(contact(THREE, **SUPPRESSED)) is None
    for missing in SUPPRESSED:
        assert why_not_suppressed(contact(**{**SUPPRESSED, missing: False})) is None


@pytest.mark.parametrize("flag", ["is_unsubscribed", "is_complaining"])
def test_who_left_or_complained_is_suppressed_all_the_same(flag: str) -> None:
    assert why_not_suppressed(contact(ONE, **{flag: True})) is None


@pytest.mark.parametrize("roles", [(), (TWO,), (THREE,), (ONE, TWO), (ONE, THREE)])
def test_only_who_is_on_the_list_it_leaves_and_on_no_other_is_moved(roles: tuple[ListRole, ...]) -> None:
    assert why_not_moved(MOVE, contact(*roles), QUIET) is StepNote.NO_LONGER_THERE


@pytest.mark.parametrize("roles", [(ONE,), (TWO,), (THREE,)])
def test_who_is_on_a_campaign_list_by_now_is_not_enrolled(roles: tuple[ListRole, ...]) -> None:
    assert why_not_moved(ENROL, contact(*roles), QUIET) is StepNote.NO_LONGER_THERE


def test_who_left_master_is_not_enrolled_and_moves_all_the_same() -> None:
    assert why_not_moved(ENROL, contact(in_master_list=False), QUIET) is StepNote.NO_LONGER_THERE
    assert why_not_moved(MOVE, contact(ONE, in_master_list=False), QUIET) is None


def test_whose_address_was_suppressed_under_another_number_stays_out() -> None:
    now = replace(QUIET, suppressed_before={CONTACT})
    assert why_not_moved(ENROL, contact(), now) is StepNote.MUST_STAY
    assert why_not_moved(MOVE, contact(ONE), now) is StepNote.MUST_STAY
    assert why_not_moved(ENROL, contact(), replace(QUIET, suppressed_before={CONTACT + 1})) is None


def test_whom_somebody_took_off_a_list_is_not_enrolled() -> None:
    assert why_not_moved(ENROL, contact(), replace(QUIET, taken_off={CONTACT})) is StepNote.WAS_LISTED
    assert why_not_moved(ENROL, contact(), replace(QUIET, taken_off={CONTACT + 1})) is None


@pytest.mark.parametrize(("frozen", "moves", "enrols"), [
    (ONE, False, True), (TWO, False, False), (THREE, True, True), (ListRole.MASTER, True, False),
])  # fmt: skip
def test_a_list_that_is_frozen_is_neither_left_nor_joined(frozen: ListRole, moves: bool, enrols: bool) -> None:
    now = replace(QUIET, frozen=frozenset({frozen}))
    assert why_not_moved(MOVE, contact(ONE), now) is (None if moves else StepNote.LIST_FROZEN)
    assert why_not_moved(ENROL, contact(), now) is (None if enrols else StepNote.LIST_FROZEN)


@pytest.mark.parametrize(("sent_soon", "moves", "enrols"), [
    (ONE, False, True), (TWO, False, False), (THREE, True, True),
])  # fmt: skip
def test_a_list_that_is_sent_soon_is_neither_left_nor_joined(sent_soon: ListRole, moves: bool, enrols: bool) -> None:
    now = replace(QUIET, kept_still=frozenset({sent_soon}))
    assert why_not_moved(MOVE, contact(ONE), now) is (None if moves else StepNote.LIST_BEING_SENT)
    assert why_not_moved(ENROL, contact(), now) is (None if enrols else StepNote.LIST_BEING_SENT)


def test_the_reason_of_a_send_is_told_before_that_of_a_frozen_list() -> None:
    both = frozenset({TWO})
    assert why_not_moved(MOVE, contact(ONE), replace(QUIET, kept_still=both, frozen=both)) is StepNote.LIST_BEING_SENT


@given(st.frozensets(st.sampled_from(CAMPAIGN_LISTS)), st.booleans(), st.sampled_from([MOVE, ENROL]))
def test_whoever_changes_lists_gets_the_open_cycle_once(
    sent: frozenset[ListRole], received: bool, item: PlanItem
) -> None:
    cycle = OpenCycle(number=4, sent=sent)
    now = replace(QUIET, cycle=cycle, received={CONTACT} if received else {CONTACT + 1})
    roles = (ONE,) if item is MOVE else ()
    once = received + (TWO not in sent) == 1
    assert why_not_moved(item, contact(*roles), now) is (None if once else StepNote.CYCLE_CHANGED)


def test_nobody_changes_lists_while_it_is_not_known_who_was_mailed() -> None:
    cycle = OpenCycle(number=4, sent=frozenset({ONE}), unrecorded=frozenset({ONE}))
    assert why_not_moved(MOVE, contact(ONE), replace(QUIET, cycle=cycle)) is StepNote.RECIPIENTS_UNKNOWN
