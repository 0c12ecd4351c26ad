"""The figures of a rebalancing plan that a person edited, and when the rest of it is no rebalancing any more."""

from __future__ import annotations

from dataclasses import replace

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.balance import RebalancingSummary, Sizes, deviation_percent
from list_pipeline.core.rebalancing.edits import summary_of_left, why_no_balance
from list_pipeline.core.rebalancing.flows import RebalancingPolicy

ONE, TWO, THREE = ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2, ListRole.CAMPAIGN_3
POLICY = RebalancingPolicy()


def move(contact_id: int, giver: ListRole = ONE, taker: ListRole = TWO) -> PlanItem:
    return PlanItem(contact_id, ItemAction.MOVE, rule="fifo_move", from_role=giver, to_role=taker)


def enrol(contact_id: int, taker: ListRole = THREE) -> PlanItem:
    return PlanItem(contact_id, ItemAction.ENROL, rule="oldest_newcomer", to_role=taker)


def whole(sizes: Sizes, *, triggered: bool = True, moves: int = 2, enrolments: int = 1) -> RebalancingSummary:
    return RebalancingSummary(
        required=True,
        triggered=triggered,
        sizes=sizes,
        target_sizes=(0, 0, 0),
        moves={"campaign_1->campaign_2": moves},
        enrolments={THREE: enrolments},
        deferred_moves={"campaign_2->campaign_3": 1},
        deferred_enrolments={},
        deviation_before_percent=deviation_percent(sizes),
        deviation_after_percent=0.0,
        is_repaired=True,
        certificate="so many are needed",
        lower_bound=3,
        restriction="the open cycle",
        reasons=("uneven",),
        sent_in_open_cycle=(),
        frozen=(),
    )


def test_moves_enrolments_and_sizes_are_counted_again_and_the_certificate_is_gone() -> None:
    before = whole((110, 100, 90))
    found = summary_of_left(before, [move(1), enrol(2)], POLICY)
    assert found == replace(
        before,
        target_sizes=(109, 101, 91),
        moves={"campaign_1->campaign_2": 1},
        enrolments={THREE: 1},
        deviation_after_percent=deviation_percent((109, 101, 91)),
        is_repaired=False,
        certificate="",
        lower_bound=0,
        reasons=("uneven", "1 contact left out by a person"),
    )


def test_moves_between_other_lists_are_flows_of_their_own() -> None:
    found = summary_of_left(whole((110, 100, 90), moves=4), [move(1), move(2, ONE, THREE), move(3, ONE, THREE)], POLICY)
    assert dict(found.moves) == {"campaign_1->campaign_2": 1, "campaign_1->campaign_3": 2}
    assert dict(found.enrolments) == {}
    assert found.target_sizes == (107, 101, 92)
    assert found.reasons[-1] == "2 contacts left out by a person"


def test_after_a_trigger_the_goal_is_the_repair_and_else_the_trigger() -> None:
    # 3 % apart: within the 5 % that trigger, outside the 2 % that are repaired to.
    sizes, left = (104, 100, 97), [move(1)]
    assert summary_of_left(whole(sizes, triggered=False), left, POLICY).is_repaired
    assert not summary_of_left(whole(sizes), left, POLICY).is_repaired
    assert summary_of_left(whole((101, 99, 100)), left, POLICY).is_repaired
    assert summary_of_left(whole((1, 0, 0)), [], POLICY).is_repaired is False


def test_lists_that_nobody_is_left_on_have_no_deviation() -> None:
    found = summary_of_left(whole((0, 0, 0)), [], POLICY)
    assert (found.deviation_after_percent, found.is_repaired) == (None, True)
    assert why_no_balance(replace(found, is_repaired=False)) is None


def test_what_would_make_the_lists_less_even_than_they_are_is_no_rebalancing_unless_it_reaches_the_goal() -> None:
    worse = summary_of_left(whole((106, 100, 94)), [move(1, THREE, TWO)], POLICY)
    words = why_no_balance(worse)
    assert words is not None
    assert words.endswith("the deviation would go from 6 % to 7 %")
    assert why_no_balance(replace(worse, is_repaired=True)) is None
    assert why_no_balance(summary_of_left(whole((106, 100, 94)), [move(1)], POLICY)) is None
    same = replace(worse, target_sizes=worse.sizes)
    assert why_no_balance(same) is None
