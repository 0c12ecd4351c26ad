"""What the gate of a rebalancing checks: where contacts would go, counted again from the items, and who they are."""

from __future__ import annotations

from typing import Any

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateDecision, GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.balance import Sizes
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, TakenOff, judge_rebalancing
from list_pipeline.core.safety.modes import Mode

ONE, TWO, THREE = CAMPAIGN_LISTS
APPROVED, REVIEW, REFUSED = GateOutcome.APPROVED, GateOutcome.NEEDS_REVIEW, GateOutcome.REFUSED
ERROR, WARNING = CheckSeverity.ERROR, CheckSeverity.WARNING


def move(contact_id: int, source: ListRole = ONE, target: ListRole = TWO) -> PlanItem:
    return PlanItem(contact_id, ItemAction.MOVE, "fifo_move", source, target)


def enrol(contact_id: int, target: ListRole = TWO) -> PlanItem:
    return PlanItem(contact_id, ItemAction.ENROL, "oldest_newcomer", to_role=target)


def judged(items: tuple[PlanItem, ...], before: Sizes, after: Sizes, **changes: Any) -> GateDecision:
    facts = {"never_move": frozenset(), "is_best_reachable": False, "mode": Mode.AUTO, "flag_enabled": True, **changes}
    return judge_rebalancing(RebalancingGateFacts(items, before, after, **facts), RebalancingPolicy())


def uneven(**changes: Any) -> GateDecision:
    """Lists that deviate by 6 %, and a plan that makes them even."""
    return judged(tuple(move(n) for n in range(60)), (1_060, 940, 1_000), (1_000, 1_000, 1_000), **changes)


def check(decision: GateDecision, name: str) -> GateCheck:
    (found,) = (one for one in decision.checks if one.name == name)
    return found


def test_a_plan_that_passes_every_check_runs_as_a_whole_and_calls_nobody() -> None:
    decision = uneven()
    assert (decision.outcome, decision.may_run, decision.waiting) == (APPROVED, tuple(range(60)), ())
    assert (decision.alert, decision.failed_checks) == (False, ())


def test_in_read_only_everything_is_shown_and_nobody_called() -> None:
    decision = uneven(mode=Mode.READ_ONLY, advisor_confidence=0.1)
    assert (decision.outcome, decision.may_run, decision.waiting) == (GateOutcome.READ_ONLY, (), ())
    assert not decision.alert


def test_where_a_person_approves_everything_the_whole_plan_waits_and_that_is_no_alert() -> None:
    decision = uneven(mode=Mode.APPROVAL_REQUIRED)
    assert (decision.outcome, decision.may_run, decision.waiting) == (REVIEW, (), tuple(range(60)))
    assert not decision.alert


def test_a_switch_that_is_off_refuses_and_is_no_alert_of_its_own() -> None:
    decision = uneven(flag_enabled=False)
    assert (decision.outcome, decision.may_run, decision.waiting, decision.alert) == (REFUSED, (), (), False)


SUPPRESSION = PlanItem(99, ItemAction.SUPPRESS, "hard_bounce", to_role=ListRole.SUPPRESSION)
BEFORE, EVEN = (101, 100, 100), (100, 101, 100)


@pytest.mark.parametrize("flag_enabled", [True, False])
@pytest.mark.parametrize(
    ("name", "decide", "words"),
    [
        (
            "actions",
            lambda **flag: judged((move(1), SUPPRESSION), BEFORE, EVEN, **flag),
            "1 items are neither moves nor enrolments.",
        ),
        (
            "once",
            lambda **flag: judged((move(1), move(1, TWO, ONE)), BEFORE, BEFORE, **flag),
            "1 contacts are in the plan more than once.",
        ),
        (
            "never_moved",
            lambda **flag: judged((move(1), enrol(2)), BEFORE, (100, 102, 100), never_move=frozenset({2}), **flag),
            "1 contacts of the plan are suppressed, unsubscribed, excluded or erased.",
        ),
        (
            "sizes",
            lambda **flag: judged((move(1),), BEFORE, (100, 100, 101), **flag),
            "101 / 100 / 100 become 100 / 100 / 101, but the items lead to 100 / 101 / 100.",
        ),
        (
            "sizes",
            lambda **flag: judged((move(1), move(2)), (1, 1, 1), (-1, 3, 1), **flag),
            "1 / 1 / 1 become -1 / 3 / 1, but the items lead to -1 / 3 / 1.",
        ),
    ],
)
def test_a_plan_that_is_broken_is_refused_and_people_are_called(
    name: str, decide: Any, words: str, flag_enabled: bool
) -> None:
    decision = decide(flag_enabled=flag_enabled)
    assert (decision.outcome, decision.may_run, decision.waiting, decision.alert) == (REFUSED, (), (), True)
    assert check(decision, name) == GateCheck(name, False, ERROR, words)


def test_the_checks_of_a_whole_plan_say_so() -> None:
    decision = judged((move(1, THREE), move(3), enrol(2)), (101, 98, 101), (100, 101, 100))
    assert [check(decision, name) for name in ("actions", "once", "never_moved", "sizes", "moves")] == [
        GateCheck("actions", True, ERROR, "All items are moves or enrolments."),
        GateCheck("once", True, ERROR, "Nobody is in the plan twice."),
        GateCheck("never_moved", True, ERROR, "Nobody in the plan is suppressed, unsubscribed, excluded or erased."),
        GateCheck("sizes", True, ERROR, "101 / 98 / 101 become 100 / 101 / 100, as the items say."),
        GateCheck("moves", True, WARNING, "2 moves and 1 enrolment among 300 contacts; the limit is under 10 %."),
    ]


def test_the_last_contact_of_a_list_may_leave_it_as_far_as_the_sizes_go() -> None:
    decision = judged((move(1),), (1, 0, 2), (0, 1, 2))
    assert check(decision, "sizes").passed


@pytest.mark.parametrize(("changed", "outcome"), [(29, APPROVED), (30, REVIEW)])
def test_a_tenth_of_all_contacts_changes_lists_only_with_a_person(changed: int, outcome: GateOutcome) -> None:
    joins = tuple(enrol(n) for n in range(changed))
    decision = judged(joins, (100, 100 - changed, 100 + changed), (100, 100, 100 + changed), is_best_reachable=True)
    assert (decision.outcome, decision.alert) == (outcome, outcome is REVIEW)


def test_a_list_that_others_emptied_is_filled_only_by_a_person() -> None:
    some = {ONE: TakenOff(53, 1_060), TWO: TakenOff(5, 100)}
    assert uneven(taken_off=some).outcome is APPROVED
    assert check(uneven(taken_off=some), "taken_off") == GateCheck(
        "taken_off", True, WARNING, "Nobody but this product took more than 5 % off a campaign list."
    )
    decision = uneven(taken_off={**some, TWO: TakenOff(1_006, 2_000), THREE: TakenOff(6, 100)})
    assert (decision.outcome, decision.alert) == (REVIEW, True)
    assert check(decision, "taken_off") == GateCheck(
        "taken_off",
        False,
        WARNING,
        "Somebody else took 1,006 of 2,000 off List 2 and 6 of 100 off List 3: whether these lists are to be filled again, "
        "a person decides.",
    )


def test_where_nothing_is_filled_it_does_not_matter_what_others_took_off() -> None:
    decision = judged((), (100, 100, 100), (100, 100, 100), taken_off={ONE: TakenOff(50, 100)})
    assert decision.outcome is APPROVED
    assert check(decision, "taken_off").passed


def balance(before: Sizes, after: Sizes, **changes: Any) -> GateCheck:
    found = check(judged((), before, after, **changes), "balance")
    assert found.severity is WARNING
    return found


@pytest.mark.parametrize(
    ("before", "after", "goal", "passed"),
    [
        # Exactly on the trigger nothing was triggered, and the trigger is the goal.
        ((105, 95, 100), (105, 95, 100), "5 %", True),
        ((104, 96, 100), (106, 94, 100), "5 %", False),
        ((106, 94, 100), (102, 98, 100), "2 %", True),
        ((106, 94, 100), (103, 97, 100), "2 %", False),
        ((100, 100, 100), (100, 100, 100), "5 %", True),
    ],
)
def test_what_was_triggered_has_to_reach_the_goal_and_what_was_not_stays_within_the_trigger(
    before: Sizes, after: Sizes, goal: str, passed: bool
) -> None:
    deviations = [f"{max(abs(size - 100) for size in sizes)} %" for sizes in (before, after)]
    assert balance(before, after).passed is passed
    assert balance(before, after).words == (
        f"The deviation goes from {deviations[0]} to {deviations[1]}; the goal is {goal}."
    )


@pytest.mark.parametrize(
    ("after", "passed"),
    [((104, 96, 100), True), ((110, 90, 100), True), ((111, 89, 100), False), ((0, 200, 100), False)],
)
def test_the_best_that_can_be_reached_is_enough_unless_it_is_worse_than_before(after: Sizes, passed: bool) -> None:
    found = balance((110, 90, 100), after, is_best_reachable=True, restriction="List 2 is frozen")
    assert found.passed is passed
    assert found.words.endswith("; the goal is 2 %. More even is not possible: List 2 is frozen.")
    assert not balance((110, 90, 100), after).passed


def test_without_a_restriction_the_lists_are_too_small_to_be_more_even() -> None:
    found = balance((2, 0, 0), (1, 1, 0), is_best_reachable=True)
    assert found.passed
    assert found.words.endswith("More even is not possible: the lists are too small.")
    reached = balance((106, 94, 100), (102, 98, 100), is_best_reachable=True)
    assert "More even" not in reached.words


def test_empty_lists_have_no_balance() -> None:
    empty = balance((0, 0, 0), (0, 0, 0))
    assert (empty.passed, empty.words) == (
        True,
        "The deviation goes from none (empty lists) to none (empty lists); the goal is 5 %.",
    )
    assert not balance((0, 0, 0), (1, 0, 0)).passed
    assert balance((0, 0, 0), (1, 0, 0), is_best_reachable=True).passed
    assert balance((10, 10, 10), (0, 0, 0)).passed


def test_lists_that_stay_uneven_with_nothing_to_do_are_news_and_nothing_to_approve() -> None:
    decision = judged((), (110, 90, 100), (110, 90, 100))
    assert (decision.outcome, decision.may_run, decision.alert) == (APPROVED, (), False)
    assert [one.name for one in decision.failed_checks] == ["balance"]


def test_a_plan_that_leaves_the_lists_uneven_waits_and_is_no_alert() -> None:
    decision = judged((move(1),), (110, 90, 100), (109, 91, 100))
    assert (decision.outcome, decision.waiting, decision.alert) == (REVIEW, (1,), False)
