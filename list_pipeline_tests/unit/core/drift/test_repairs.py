"""Right before a repair is made: nobody leaves the last list, nobody goes back who may not be mailed, and who is protected by
leaving always leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.drift.repairs import may_be_put_back, waits_for_a_send, why_left_as_it_is
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import ContactNow
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import ItemAction, PlanItem

ONE, TWO, THREE = CAMPAIGN_LISTS
MASTER, SUPPRESSION = ListRole.MASTER, ListRole.SUPPRESSION


def on(*roles: ListRole) -> ContactNow:
    return ContactNow(frozenset({MASTER, *roles}))


def leaves(role: ListRole, kind: DriftKind = DriftKind.IN_TWO_CAMPAIGN_LISTS) -> PlanItem:
    return PlanItem(7, ItemAction.REMOVE, rule=kind.value, from_role=role, reason=kind.value)


UNSUBSCRIBED = leaves(ONE, DriftKind.UNSUBSCRIBED_AND_LISTED)
GOES_BACK = PlanItem(7, ItemAction.ENROL, rule="put_back", to_role=ONE, reason="put_back")
SUPPRESS = PlanItem(7, ItemAction.SUPPRESS, rule="by_hand", to_role=SUPPRESSION, reason="by_hand")
MAY_NOT_BE_MAILED = {
    "unsubscribed": replace(on(), is_unsubscribed=True),
    "excluded": replace(on(), is_excluded=True),
    "complained": replace(on(), is_complaining=True),
    "cannot be read": replace(on(), is_unreadable=True),
    "on the suppression list": on(SUPPRESSION),
}


def why(item: PlanItem, now: ContactNow, suppressed: tuple[int, ...] = ()) -> StepNote | None:
    return why_left_as_it_is(item, now, suppressed)


@pytest.mark.parametrize("item", [leaves(ONE), GOES_BACK, SUPPRESS])
def test_nothing_is_done_with_a_contact_that_is_gone(item: PlanItem) -> None:
    assert why(item, replace(on(ONE, TWO), is_gone=True)) is StepNote.CONTACT_GONE


def test_a_contact_leaves_one_of_two_lists_and_never_its_last() -> None:
    assert why(leaves(ONE), on(ONE, TWO)) is None
    assert why(leaves(ONE), on(ONE)) is StepNote.NO_LONGER_THERE


def test_a_list_that_it_left_already_is_not_left_again() -> None:
    assert why(leaves(ONE), on(TWO, THREE)) is StepNote.NO_LONGER_THERE


def test_who_is_suppressed_leaves_also_the_last_campaign_list() -> None:
    assert why(leaves(ONE, DriftKind.SUPPRESSED_AND_LISTED), on(ONE, SUPPRESSION)) is None


def test_who_is_unsubscribed_leaves_also_the_last_campaign_list() -> None:
    assert why(UNSUBSCRIBED, replace(on(ONE), is_unsubscribed=True)) is None


def test_who_subscribed_again_stays_on_all_lists() -> None:
    assert why(UNSUBSCRIBED, on(ONE, TWO)) is StepNote.NO_LONGER_THERE


def test_another_repair_of_who_is_unsubscribed_leaves_the_last_list_alone() -> None:
    assert why(leaves(ONE), replace(on(ONE), is_unsubscribed=True)) is StepNote.NO_LONGER_THERE


def test_a_suppression_is_made_wherever_the_contact_is() -> None:
    assert why(SUPPRESS, on()) is None


def test_who_was_taken_off_goes_back_while_in_master_and_on_no_list() -> None:
    assert why(GOES_BACK, on()) is None
    assert why(GOES_BACK, on(TWO)) is StepNote.NO_LONGER_THERE
    assert why(GOES_BACK, ContactNow(frozenset())) is StepNote.NO_LONGER_THERE


@pytest.mark.parametrize("state", MAY_NOT_BE_MAILED)
def test_nobody_goes_back_who_may_not_be_mailed(state: str) -> None:
    now = MAY_NOT_BE_MAILED[state]
    assert why(GOES_BACK, now) is StepNote.MUST_STAY
    assert not may_be_put_back(now)


def test_nobody_goes_back_whose_address_was_suppressed_under_another_id() -> None:
    assert why(GOES_BACK, on(), (7,)) is StepNote.MUST_STAY
    assert why(GOES_BACK, on(), (8,)) is None


def test_who_may_be_put_back_is_in_master_on_no_list_and_not_gone() -> None:
    assert may_be_put_back(on())
    assert not may_be_put_back(on(ONE))
    assert not may_be_put_back(ContactNow(frozenset()))
    assert not may_be_put_back(replace(on(), is_gone=True))


def test_which_of_two_lists_is_left_waits_while_one_of_them_is_being_sent() -> None:
    assert waits_for_a_send(leaves(ONE), on(ONE, TWO), {ONE})
    assert not waits_for_a_send(leaves(ONE), on(ONE, TWO), {TWO})
    assert not waits_for_a_send(SUPPRESS, on(ONE), {ONE})


def test_taking_off_who_is_suppressed_or_unsubscribed_waits_for_no_send() -> None:
    assert not waits_for_a_send(leaves(ONE), on(ONE, SUPPRESSION), {ONE})
    assert not waits_for_a_send(UNSUBSCRIBED, replace(on(ONE), is_unsubscribed=True), {ONE})
    assert waits_for_a_send(leaves(ONE), replace(on(ONE, TWO), is_unsubscribed=True), {ONE})


KEPT_FROM_MAIL = PlanItem(7, ItemAction.QUARANTINE, rule="incident", reason="incident")


@pytest.mark.parametrize("flag", ["is_unsubscribed", "is_excluded", "is_complaining", "is_unreadable"])
def test_who_is_not_mailed_or_cannot_be_read_is_not_put_in_quarantine(flag: str) -> None:
    assert why(KEPT_FROM_MAIL, replace(on(ONE), **{flag: True})) is StepNote.MUST_STAY


def test_in_quarantine_comes_who_is_mailed_and_nobody_who_is_suppressed_or_on_no_campaign_list() -> None:
    assert why(KEPT_FROM_MAIL, on(ONE)) is None
    assert why(KEPT_FROM_MAIL, on(ONE, SUPPRESSION)) is StepNote.ALREADY_SUPPRESSED
    assert why(KEPT_FROM_MAIL, on()) is StepNote.NO_LONGER_THERE
