"""Doing again what an undo took back: who is, in which steps, and who stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvidence
from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import ContactNow, DoneChange, Refusal
from list_pipeline.core.plans.evidence import SPAM_COMPLAINT_FLAG
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.plans.redo import Since, UndoneChange, redo

ONE, TWO, THREE = CAMPAIGN_LISTS
MASTER, SUPPRESSION = ListRole.MASTER, ListRole.SUPPRESSION
ADD, REMOVE, EXCLUDE, INCLUDE = StepAction.ADD, StepAction.REMOVE, StepAction.EXCLUDE, StepAction.INCLUDE

SUPPRESSED = UndoneChange(
    PlanItem(7, ItemAction.SUPPRESS, "hard_bounce", to_role=SUPPRESSION, reason="hard_bounce"),
    DoneChange(
        2,
        7,
        ItemAction.RESTORE,
        frozenset({(ADD, THREE), (REMOVE, SUPPRESSION), (INCLUDE, None)}),
        frozenset({MASTER, SUPPRESSION}),
        was_excluded=True,
    ),
)
MOVED = UndoneChange(
    PlanItem(8, ItemAction.MOVE, "fifo_move", from_role=ONE, to_role=TWO, reason="rebalancing"),
    DoneChange(
        3, 8, ItemAction.RESTORE, frozenset({(ADD, ONE), (REMOVE, TWO)}), frozenset({MASTER, TWO}), was_excluded=False
    ),
)
ENROLLED = UndoneChange(
    PlanItem(9, ItemAction.ENROL, "oldest_newcomer", to_role=TWO, reason="enrolment"),
    DoneChange(4, 9, ItemAction.RESTORE, frozenset({(REMOVE, TWO)}), frozenset({MASTER, TWO}), was_excluded=False),
)
ON_THREE, ON_ONE, IN_MASTER = (ContactNow(frozenset({MASTER, *on})) for on in ((THREE,), (ONE,), ()))


def failed(at: datetime) -> FailureEvidence:
    """A failure that a suppression rests on."""
    return FailureEvidence(
        campaign_id=1,
        occurred_at=at,
        bounce_class=BounceClass.HARD,
        reason=BounceReason.USER_UNKNOWN,
        state_id=1,
        is_permanent=True,
        status=None,
        is_disputed=False,
        in_bounce_log=True,
        in_message_log=True,
        is_contradictory=False,
        counts=True,
    )


def since(undone: UndoneChange, **what: bool) -> Since:
    return Since(undone.undo, **what)


def test_a_suppression_is_done_again_as_the_first_time() -> None:
    found = redo(SUPPRESSED, ON_THREE, since(SUPPRESSED))
    assert found.steps == ((ADD, SUPPRESSION), (EXCLUDE, None), (REMOVE, ONE), (REMOVE, TWO), (REMOVE, THREE))


def test_moves_and_enrolments_are_added_before_they_are_removed() -> None:
    assert redo(MOVED, ON_ONE, since(MOVED)).steps == ((ADD, TWO), (REMOVE, ONE))
    assert redo(ENROLLED, IN_MASTER, since(ENROLLED)).steps == ((ADD, TWO),)


@pytest.mark.parametrize("undone", [SUPPRESSED, MOVED, ENROLLED])
def test_who_left_was_suppressed_or_reinstated_since_stays(undone: UndoneChange) -> None:
    now = {7: ON_THREE, 8: ON_ONE, 9: IN_MASTER}[undone.contact_id]
    told = since(undone)
    assert redo(undone, replace(now, is_gone=True), told).refused is Refusal.CONTACT_GONE
    assert redo(undone, replace(now, is_unreadable=True, is_unsubscribed=True), told).refused is Refusal.UNREADABLE_ROW
    assert redo(undone, replace(now, is_unsubscribed=True), told).refused is Refusal.UNSUBSCRIBED
    assert redo(undone, now, since(undone, was_reinstated=True)).refused is Refusal.REINSTATED_SINCE
    suppressed = replace(now, lists=now.lists | {SUPPRESSION})
    assert redo(undone, suppressed, told).refused is Refusal.SUPPRESSED_SINCE
    elsewhere = ContactNow(frozenset({MASTER, ONE, TWO}))
    assert redo(undone, elsewhere, told).refused is Refusal.CHANGED_SINCE


def test_a_dead_address_that_our_own_rebalancing_moved_on_is_suppressed_and_one_moved_by_hand_is_not() -> None:
    ours = DoneChange(
        9, 7, ItemAction.MOVE, frozenset({(ADD, ONE), (REMOVE, THREE)}), frozenset({MASTER, THREE}), was_excluded=False
    )
    assert redo(SUPPRESSED, ON_ONE, Since(ours)).refused is None
    by_hand = redo(SUPPRESSED, ON_ONE, since(SUPPRESSED))
    assert (by_hand.refused, by_hand.steps) == (Refusal.CHANGED_SINCE, ())


@pytest.mark.parametrize(
    ("undone", "now", "binds"),
    [(MOVED, ON_ONE, {ONE, TWO}), (ENROLLED, IN_MASTER, {MASTER, TWO}), (SUPPRESSED, ON_THREE, set())],
)
def test_a_list_on_which_a_mass_change_waits_is_not_rebalanced_by_a_redo_either(
    undone: UndoneChange, now: ContactNow, binds: set[ListRole]
) -> None:
    for role in ListRole:
        found = redo(undone, now, since(undone), not_rebalanced={role})
        assert found.refused is (Refusal.LIST_FROZEN if role in binds else None)
        assert bool(found.steps) is (role not in binds)
    both = redo(MOVED, ON_ONE, since(MOVED), frozen={TWO}, not_rebalanced={ONE})
    assert both.refused is Refusal.LIST_BEING_SENT


def test_an_address_that_mail_reached_since_is_not_suppressed() -> None:
    assert redo(SUPPRESSED, ON_THREE, since(SUPPRESSED, was_delivered=True)).refused is Refusal.DELIVERED_SINCE


@pytest.mark.parametrize(
    ("now", "told", "refused"),
    [
        (replace(ON_ONE, is_excluded=True), {}, Refusal.MUST_STAY),
        (replace(ON_ONE, is_complaining=True), {}, Refusal.MUST_STAY),
        (ON_ONE, {"has_suppressed_address": True}, Refusal.MUST_STAY),
    ],
)
def test_who_may_not_be_moved_stays(now: ContactNow, told: dict[str, bool], refused: Refusal) -> None:
    assert redo(MOVED, now, since(MOVED, **told)).refused is refused


def test_who_left_the_master_list_is_not_enrolled_again() -> None:
    assert redo(ENROLLED, ContactNow(frozenset()), since(ENROLLED)).refused is Refusal.CHANGED_SINCE


@pytest.mark.parametrize(
    ("sent", "received", "refused"),
    [
        ((), False, None),
        ((ONE, TWO), True, None),
        # On list 1 after its round: it got the cycle, and would get it again.
        ((ONE,), True, Refusal.CYCLE_CHANGED),
        # List 2 was sent meanwhile: it would never get the cycle.
        ((TWO,), False, Refusal.CYCLE_CHANGED),
    ],
)
def test_a_move_leaves_the_contact_with_one_mail_of_the_open_cycle(
    sent: tuple[ListRole, ...], received: bool, refused: Refusal | None
) -> None:
    cycle = OpenCycle(3, frozenset(sent))
    assert redo(MOVED, ON_ONE, since(MOVED, received=received), cycle=cycle).refused is refused


def test_moves_wait_for_lists_in_sending_and_unknown_recipients_and_suppressions_do_not() -> None:
    unknown = OpenCycle(3, frozenset({ONE}), frozenset({ONE}))
    for undone, now, frozen, told in (
        (MOVED, ON_ONE, Refusal.LIST_BEING_SENT, Refusal.RECIPIENTS_UNKNOWN),
        (SUPPRESSED, ON_THREE, None, None),
    ):
        assert redo(undone, now, since(undone), frozen=[ONE, THREE]).refused is frozen
        assert redo(undone, now, since(undone), cycle=unknown).refused is told


def test_a_mover_that_our_own_rebalancing_moved_on_stays_there() -> None:
    ours = DoneChange(
        9, 8, ItemAction.MOVE, frozenset({(ADD, THREE), (REMOVE, ONE)}), frozenset({MASTER, ONE}), was_excluded=False
    )
    assert redo(MOVED, ON_THREE, Since(ours)).refused is Refusal.CHANGED_SINCE


def test_only_a_newcomer_has_to_be_on_the_master_list() -> None:
    assert redo(MOVED, ContactNow(frozenset({ONE})), since(MOVED)).refused is None


def test_nobody_joins_a_list_that_is_being_sent_and_nobody_leaves_it() -> None:
    for role in (ONE, TWO):
        assert redo(MOVED, ON_ONE, since(MOVED), frozen=[role]).refused is Refusal.LIST_BEING_SENT
    assert redo(MOVED, ON_ONE, since(MOVED), frozen=[THREE]).refused is None


def test_without_a_word_of_the_open_cycle_a_contact_did_not_get_it() -> None:
    assert redo(MOVED, ON_ONE, Since(MOVED.undo), cycle=OpenCycle(3)).refused is None


def test_a_suppression_rests_on_its_latest_failure_and_not_on_one_where_somebody_complained() -> None:
    early = datetime(2026, 11, 1, tzinfo=UTC)
    late = early + timedelta(days=2)
    evidence = (failed(late), failed(early), SPAM_COMPLAINT_FLAG)
    bounced = replace(SUPPRESSED, item=replace(SUPPRESSED.item, evidence=evidence))
    assert bounced.failed_at == late
    assert replace(bounced, item=replace(bounced.item, reason="complaint")).failed_at is None
    assert SUPPRESSED.failed_at is None
