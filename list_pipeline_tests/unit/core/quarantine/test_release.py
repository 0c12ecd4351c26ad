"""Lifting the exclusion of a quarantine, and what must never be lifted; and who is left alone when one begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.drift.repairs import why_left_as_it_is
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import (
    ContactNow,
    DoneChange,
    Refusal,
    Reversal,
    is_back,
    left_because,
    reverse,
)
from list_pipeline.core.plans.journal import StepAction, StepNote
from list_pipeline.core.plans.plan import ItemAction, PlanItem

LIST, OTHER = ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2
HOME = frozenset({ListRole.MASTER, LIST})
EXCLUDED = frozenset({(StepAction.EXCLUDE, None)})
LIFT = ((StepAction.INCLUDE, None),)
KEPT = DoneChange(7, 1, ItemAction.QUARANTINE, EXCLUDED, HOME, was_excluded=False)
INSIDE = ContactNow(HOME, is_excluded=True, is_quarantined=True)
ITEM = PlanItem(1, ItemAction.QUARANTINE, "incident")


def now(**more: object) -> ContactNow:
    """A contact in quarantine on its list, but for what is said."""
    values: dict[str, object] = {"lists": HOME, "is_excluded": True, "is_quarantined": True, **more}
    return ContactNow(**values)  # type: ignore[arg-type]


def test_the_exclusion_is_lifted_and_nothing_else() -> None:
    assert reverse(KEPT, INSIDE) == Reversal(KEPT, LIFT)


@pytest.mark.parametrize(
    "cycle", [OpenCycle(), OpenCycle(3, frozenset({LIST})), OpenCycle(3, unrecorded=frozenset({LIST}))]
)
@pytest.mark.parametrize("received", [True, False])
def test_who_was_mailed_in_the_open_cycle_makes_no_difference(cycle: OpenCycle, received: bool) -> None:
    assert reverse(KEPT, INSIDE, cycle=cycle, received=received).steps == LIFT


def test_an_unsubscription_does_not_keep_the_exclusion() -> None:
    assert reverse(KEPT, now(is_unsubscribed=True)).steps == LIFT


@pytest.mark.parametrize(
    ("contact", "refused"),
    [
        (now(is_gone=True), Refusal.CONTACT_GONE),
        (now(is_unreadable=True), Refusal.UNREADABLE_ROW),
        (now(is_complaining=True), Refusal.COMPLAINT),
        (now(lists=frozenset({ListRole.SUPPRESSION})), Refusal.SUPPRESSED_SINCE),
        (now(is_quarantined=False), Refusal.CHANGED_SINCE),
        (now(is_quarantined=False, is_excluded=False), Refusal.CHANGED_SINCE),
    ],
)
def test_what_keeps_it(contact: ContactNow, refused: Refusal) -> None:
    assert reverse(KEPT, contact) == Reversal(KEPT, refused=refused)


def test_a_list_that_is_being_sent_is_left_alone_and_another_is_not() -> None:
    assert reverse(KEPT, INSIDE, frozen={LIST}).refused is Refusal.LIST_BEING_SENT
    assert reverse(KEPT, INSIDE, frozen={OTHER}).steps == LIFT


def test_a_person_who_overrides_a_complaint_is_heard() -> None:
    assert reverse(KEPT, now(is_complaining=True), despite_complaint=True).steps == LIFT


contacts = st.builds(
    ContactNow,
    lists=st.frozensets(st.sampled_from(ListRole)),
    is_unsubscribed=st.booleans(),
    is_excluded=st.booleans(),
    is_complaining=st.booleans(),
    is_gone=st.booleans(),
    is_unreadable=st.booleans(),
    is_quarantined=st.booleans(),
)


@given(contact=contacts, frozen=st.frozensets(st.sampled_from(CAMPAIGN_LISTS)), despite=st.booleans())
def test_whom_somebody_else_excluded_is_never_included(
    contact: ContactNow, frozen: frozenset[ListRole], despite: bool
) -> None:
    found = reverse(KEPT, contact, frozen=frozen, despite_complaint=despite)
    if found.steps:
        assert contact.is_quarantined
        assert contact.is_excluded
        assert not contact.is_gone
        assert ListRole.SUPPRESSION not in contact.lists
        assert not frozen & contact.lists
    assert found.steps in ((), LIFT)


@given(contact=contacts)
def test_an_exclusion_that_stood_before_is_never_lifted(contact: ContactNow) -> None:
    before = DoneChange(7, 1, ItemAction.QUARANTINE, EXCLUDED, HOME, was_excluded=True)
    assert reverse(before, contact, despite_complaint=True).steps == ()


def test_it_is_back_when_it_is_mailable_wherever_it_stands() -> None:
    assert is_back(KEPT, ContactNow(frozenset({OTHER})))
    assert not is_back(KEPT, INSIDE)


def test_a_quarantine_is_no_difference_from_where_a_contact_was_before_a_move() -> None:
    moved = DoneChange(8, 1, ItemAction.MOVE, frozenset(), frozenset({LIST}), was_excluded=False)
    assert is_back(moved, now(lists=frozenset({LIST})))
    assert not is_back(moved, now(lists=frozenset({LIST}), is_quarantined=False))


def test_a_suppression_out_of_quarantine_lifts_what_it_took_over() -> None:
    off = frozenset({(StepAction.ADD, ListRole.SUPPRESSION), (StepAction.REMOVE, LIST)})
    suppressed = DoneChange(9, 1, ItemAction.SUPPRESS, EXCLUDED | off, HOME, was_excluded=False)
    there = ContactNow(frozenset({ListRole.MASTER, ListRole.SUPPRESSION}), is_excluded=True)
    assert (StepAction.INCLUDE, None) in reverse(suppressed, there).steps


@pytest.mark.parametrize(
    ("contact", "why"),
    [
        (ContactNow(HOME), None),
        (ContactNow(HOME, is_gone=True), StepNote.CONTACT_GONE),
        (ContactNow(HOME, is_excluded=True), StepNote.MUST_STAY),
        (ContactNow(HOME, is_unsubscribed=True), StepNote.MUST_STAY),
        (ContactNow(HOME, is_complaining=True), StepNote.MUST_STAY),
        (ContactNow(HOME, is_unreadable=True), StepNote.MUST_STAY),
        (ContactNow(HOME | {ListRole.SUPPRESSION}), StepNote.ALREADY_SUPPRESSED),
        (ContactNow(frozenset({ListRole.MASTER})), StepNote.NO_LONGER_THERE),
    ],
)
def test_who_is_left_alone_when_it_begins(contact: ContactNow, why: StepNote | None) -> None:
    assert why_left_as_it_is(ITEM, contact, ()) is why


def test_what_is_over_before_it_began_says_so() -> None:
    assert left_because(StepNote.QUARANTINE_OVER) is Refusal.QUARANTINE_OVER
    assert "over before that began" in Refusal.QUARANTINE_OVER.words
