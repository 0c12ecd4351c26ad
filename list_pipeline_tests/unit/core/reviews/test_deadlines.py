"""Until when a plan can be decided: for its hours, or until the send after which its moves cannot be made; and reminders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind
from list_pipeline.core.reviews.deadlines import NextSend, PlanTime, Reminder, plan_time

ONE, TWO, THREE = CAMPAIGN_LISTS
ASKED = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
DAYS_3 = 72 * HOUR
NOTHING_SENT = OpenCycle()


def send(role: ListRole, hours: float, number: int = 1) -> NextSend:
    """A send so many hours after the question; nothing moves in the three hours before it."""
    at = ASKED + hours * HOUR
    return NextSend(number, f"send-{number}", role, at, at - 3 * HOUR)


def move(leaves: ListRole, joins: ListRole) -> PlanItem:
    return PlanItem(1, ItemAction.MOVE, "fifo_move", leaves, joins)


def enrol(joins: ListRole) -> PlanItem:
    return PlanItem(2, ItemAction.ENROL, "oldest_newcomer", None, joins)


def time_of(
    items: Sequence[PlanItem],
    sends: Sequence[NextSend],
    cycle: OpenCycle = NOTHING_SENT,
    kind: PlanKind = PlanKind.REBALANCING,
) -> PlanTime:
    lists = {role for item in items for role in (item.from_role, item.to_role) if role in CAMPAIGN_LISTS}
    return plan_time(kind, items, lists, cycle, sends, ASKED, DAYS_3)


def test_without_a_send_a_plan_lapses_after_its_hours() -> None:
    assert time_of([move(ONE, TWO)], []) == PlanTime(ASKED, ASKED + DAYS_3)


def test_a_plan_whose_moves_cannot_be_made_after_a_send_lapses_before_it() -> None:
    near = send(ONE, 30)
    found = time_of([move(ONE, TWO)], [near])
    assert found == PlanTime(ASKED, ASKED + 27 * HOUR, near, near)
    assert not found.is_over(ASKED + 27 * HOUR)
    assert found.is_over(ASKED + 27 * HOUR + SECOND)


def test_when_the_draft_moves_the_deadline_moves() -> None:
    assert time_of([move(ONE, TWO)], [send(ONE, 50)]).lapses_at == ASKED + 47 * HOUR
    assert time_of([move(ONE, TWO)], [send(ONE, 75)]) == PlanTime(ASKED, ASKED + DAYS_3, None, send(ONE, 75))
    assert time_of([move(ONE, TWO)], [send(ONE, 74)]).lapses_at == ASKED + 71 * HOUR


def test_a_send_at_short_notice_ends_the_plan_at_once_and_not_before_it_was_asked() -> None:
    assert time_of([move(ONE, TWO)], [send(ONE, 1)]).lapses_at == ASKED


def test_a_send_to_a_third_list_ends_no_move() -> None:
    found = time_of([move(ONE, TWO)], [send(THREE, 30)])
    assert (found.lapses_at, found.ends_with, found.next_send) == (ASKED + DAYS_3, None, None)


def test_the_first_send_that_ends_a_move_counts_in_whatever_order_they_are_named() -> None:
    first, second, third = send(THREE, 10, 1), send(TWO, 20, 2), send(ONE, 30, 3)
    found = time_of([move(ONE, TWO)], [third, first, second])
    assert (found.ends_with, found.next_send) == (second, second)


def test_a_send_that_completes_the_cycle_ends_no_move() -> None:
    cycle = OpenCycle(3, frozenset({ONE, TWO}))
    assert time_of([move(ONE, TWO)], [send(THREE, 10)], cycle).ends_with is None
    # The one after it begins the next cycle.
    after = send(ONE, 20, 2)
    assert time_of([move(ONE, TWO)], [send(THREE, 10), after], cycle).ends_with == after


def test_a_send_to_a_list_that_was_sent_begins_the_next_cycle() -> None:
    cycle = OpenCycle(3, frozenset({ONE, TWO}))
    again = send(TWO, 10)
    assert time_of([move(ONE, TWO)], [again], cycle).ends_with == again
    assert time_of([move(ONE, THREE)], [again], OpenCycle(3, frozenset({TWO}))).ends_with is None


def test_enrolments_and_suppressions_can_be_made_after_a_send_too() -> None:
    near = send(ONE, 10)
    assert time_of([enrol(ONE)], [near]) == PlanTime(ASKED, ASKED + DAYS_3, None, near)
    suppress = PlanItem(1, ItemAction.SUPPRESS, "hard_bounce", None, ListRole.SUPPRESSION)
    found = plan_time(PlanKind.SUPPRESSION, [suppress], {ONE}, NOTHING_SENT, [near], ASKED, DAYS_3)
    assert found == PlanTime(ASKED, ASKED + DAYS_3, None, near)
    repair = PlanItem(1, ItemAction.REMOVE, "in_two_campaign_lists", ONE)
    assert time_of([repair], [near], kind=PlanKind.REPAIR).ends_with is None


def test_people_are_reminded_when_half_the_time_is_over() -> None:
    found = time_of([move(ONE, TWO)], [])
    assert found.reminder(ASKED + 36 * HOUR - SECOND) is None
    assert found.reminder(ASKED + 36 * HOUR) is Reminder.HALFWAY
    assert found.reminder(ASKED + 72 * HOUR) is Reminder.HALFWAY
    assert found.reminder(ASKED + 72 * HOUR + SECOND) is None


def test_people_are_reminded_twelve_hours_before_nothing_can_be_done_for_a_send_any_more() -> None:
    found = time_of([move(ONE, TWO)], [send(ONE, 60)])
    assert found.reminder(ASKED + 45 * HOUR - SECOND) is Reminder.HALFWAY
    assert found.reminder(ASKED + 45 * HOUR) is Reminder.BEFORE_SEND
    assert found.reminder(ASKED + 57 * HOUR + SECOND) is None


@pytest.mark.parametrize(("hours", "first"), [(15, Reminder.HALFWAY), (15.001, Reminder.BEFORE_SEND)])
def test_who_was_asked_within_twelve_hours_of_it_is_reminded_at_half_time_only(hours: float, first: Reminder) -> None:
    found = time_of([move(ONE, TWO)], [send(ONE, hours)])
    assert found.reminder(ASKED + 6.1 * HOUR) is first


ROLES = st.sampled_from(CAMPAIGN_LISTS)


@given(
    st.lists(st.tuples(ROLES, st.floats(0, 200)), max_size=5),
    st.frozensets(ROLES, max_size=2),
    st.lists(st.tuples(ROLES, ROLES).filter(lambda pair: pair[0] is not pair[1]), max_size=3),
)
def test_no_plan_waits_longer_than_its_hours_or_ends_before_it_was_asked(
    drafts: list[tuple[ListRole, float]], sent: frozenset[ListRole], moves: list[tuple[ListRole, ListRole]]
) -> None:
    sends = [send(role, hours, number) for number, (role, hours) in enumerate(drafts)]
    found = time_of([move(*pair) for pair in moves], sends, OpenCycle(3 if sent else None, sent))
    assert ASKED <= found.lapses_at <= ASKED + DAYS_3
    assert (found.ends_with is None) == (found.lapses_at == ASKED + DAYS_3)
