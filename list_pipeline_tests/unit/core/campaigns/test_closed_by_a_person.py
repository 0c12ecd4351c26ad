"""A cycle that a person closed: what was sent before joins it, what is sent after does not, and its content is asked about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.campaigns.cycles import (
    CampaignSend,
    ClosedReason,
    Cycle,
    RoundDoubt,
    RoundRuling,
    SentRound,
    assign_again,
    assign_sends,
    closed_without,
    open_cycle,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole

ONE, TWO, THREE = CAMPAIGN_LISTS
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def on(day: float) -> datetime:
    return START + timedelta(days=day)


def send(
    number: int, role: ListRole, day: float, content: str = "spring", ruling: RoundRuling | None = None
) -> CampaignSend:
    return CampaignSend(number, role, on(day), None, content, ruling)


TWO_ROUNDS = (send(11, ONE, 0), send(12, TWO, 7))


def test_a_closing_ends_the_cycle_that_is_open_at_its_instant() -> None:
    done = assign_sends([], TWO_ROUNDS, on(9), closings=[on(8)])
    (cycle,) = done.cycles
    assert (cycle.closed_at, cycle.closed_reason, cycle.missing) == (on(8), ClosedReason.BY_PERSON, (THREE,))
    assert done.alerts == ()
    assert open_cycle(done.cycles, on(7.9)) == cycle
    assert open_cycle(done.cycles, on(8)) is None


def test_a_closing_that_is_still_to_come_ends_nothing_and_one_at_this_instant_does() -> None:
    (cycle,) = assign_sends([], TWO_ROUNDS, on(8) - timedelta(seconds=1), closings=[on(8)]).cycles
    assert cycle.closed_at is None
    (cycle,) = assign_sends([], TWO_ROUNDS, on(8), closings=[on(8)]).cycles
    assert cycle.closed_at == on(8)


def test_a_closing_before_the_last_round_ends_nothing_that_was_sent_since() -> None:
    done = assign_sends([], TWO_ROUNDS, on(9), closings=[on(5)])
    assert [(cycle.closed_at, set(cycle.sent)) for cycle in done.cycles] == [(on(5), {ONE}), (None, {TWO})]


def test_a_send_at_the_instant_of_the_closing_begins_the_next_cycle_which_stays_open() -> None:
    done = assign_sends([], [*TWO_ROUNDS, send(13, THREE, 8, "summer")], on(9), closings=[on(8)])
    assert [(cycle.closed_at, set(cycle.sent)) for cycle in done.cycles] == [(on(8), {ONE, TWO}), (None, {THREE})]


def test_a_cycle_that_was_overdue_before_stays_overdue() -> None:
    (cycle,) = assign_sends([], TWO_ROUNDS, on(40), closings=[on(29)]).cycles
    assert (cycle.closed_at, cycle.closed_reason) == (on(28), ClosedReason.OVERDUE)
    (cycle,) = assign_sends([], TWO_ROUNDS, on(40), closings=[on(28)]).cycles
    assert (cycle.closed_at, cycle.closed_reason) == (on(28), ClosedReason.BY_PERSON)


def test_of_several_closings_each_ends_its_own_cycle_in_whatever_order_they_are_named() -> None:
    sends = [*TWO_ROUNDS, send(21, ONE, 10, "summer"), send(22, TWO, 12, "summer")]
    done = assign_sends([], sends, on(20), closings=[on(14), on(8)])
    assert [(cycle.closed_at, cycle.closed_reason) for cycle in done.cycles] == [
        (on(8), ClosedReason.BY_PERSON),
        (on(14), ClosedReason.BY_PERSON),
    ]
    assert done.doubts == {}


def closed() -> Cycle:
    return assign_sends([], TWO_ROUNDS, on(9), closings=[on(8)]).cycles[0]


def test_a_round_that_was_sent_before_the_closing_and_became_known_later_joins_without_a_doubt() -> None:
    done = assign_sends([closed()], [send(13, THREE, 7.5)], on(9), closings=[on(8)])
    (cycle,) = done.cycles
    assert (cycle.closed_at, cycle.closed_reason) == (on(7.5), ClosedReason.COMPLETE)
    assert done.doubts == {}


@pytest.mark.parametrize(("content", "doubt"), [("spring", RoundDoubt.CLOSED_CYCLE), ("summer", None), ("", None)])
def test_a_round_with_the_content_of_the_closed_cycle_is_asked_about(content: str, doubt: RoundDoubt | None) -> None:
    late = send(13, THREE, 9, content)
    done = assign_sends([closed()], [late], on(10), closings=[on(8)])
    assert done.doubts.get(13) is doubt
    assert [set(cycle.sent) for cycle in done.cycles] == [{ONE, TWO}, {THREE}]


def test_a_person_may_say_that_it_joins_the_closed_cycle_or_begins_one() -> None:
    late = send(13, THREE, 9, ruling=RoundRuling.JOINS)
    done, _ = assign_again([closed()], [*TWO_ROUNDS, late], late, on(10), closings=[on(8)])
    (cycle,) = done.cycles
    assert (set(cycle.sent), cycle.closed_reason) == ({ONE, TWO, THREE}, ClosedReason.COMPLETE)
    first = send(13, THREE, 9, ruling=RoundRuling.BEGINS)
    done, _ = assign_again([closed()], [*TWO_ROUNDS, first], first, on(10), closings=[on(8)])
    assert [(set(one.sent), one.closed_reason) for one in done.cycles] == [
        ({ONE, TWO}, ClosedReason.BY_PERSON),
        ({THREE}, None),
    ]


def test_cycles_that_are_derived_anew_stay_closed_and_without_the_closing_they_are_open() -> None:
    ruled = send(12, TWO, 7, ruling=RoundRuling.FITS)
    done, _ = assign_again([closed()], [TWO_ROUNDS[0], ruled], ruled, on(9), closings=[on(8)])
    assert [cycle.closed_reason for cycle in done.cycles] == [ClosedReason.BY_PERSON]
    done, _ = assign_again([closed()], [TWO_ROUNDS[0], ruled], ruled, on(9))
    assert [cycle.closed_reason for cycle in done.cycles] == [None]


def test_the_latest_cycle_that_was_closed_without_a_list_is_found_by_its_content() -> None:
    first, second = closed(), Cycle(2, {ONE: closed().sent[ONE]}, on(20), on(22), ClosedReason.BY_PERSON)
    assert closed_without([first, second], THREE, "spring") is second
    assert closed_without([second, first], TWO, "spring") is second
    assert closed_without([first], TWO, "spring") is None
    assert closed_without([first], THREE, "summer") is None
    overdue = Cycle(3, first.sent, on(0), on(28), ClosedReason.OVERDUE)
    assert closed_without([overdue], THREE, "spring") is None


@pytest.mark.parametrize("closed_at", [None, on(27)])
def test_a_younger_cycle_of_the_same_content_takes_the_round_that_an_older_one_was_closed_without(
    closed_at: datetime | None,
) -> None:
    older = closed()
    reason = None if closed_at is None else ClosedReason.OVERDUE
    younger = Cycle(2, {ONE: SentRound(21, on(20), "spring")}, on(20), closed_at, reason)
    assert closed_without([older, younger], THREE, "spring") is None
    assert closed_without([younger, older], THREE, "spring") is None


def test_what_stands_out_of_order_is_no_younger_cycle() -> None:
    aside = Cycle(2, {ONE: SentRound(21, on(20), "spring")}, on(20), on(20), ClosedReason.OUT_OF_ORDER)
    older = closed()
    assert closed_without([older, aside], THREE, "spring") is older
    assert closed_without([aside], THREE, "spring") is None
    assert closed_without([], THREE, "spring") is None
