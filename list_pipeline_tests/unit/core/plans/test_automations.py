"""Automations: who would enter one is counted, and no plan lets anybody in by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.automations import Automations, entered_words, entering_words
from list_pipeline.core.plans.gate import CheckSeverity, GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, judge_rebalancing
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.gate import GateItem, SuppressionGateFacts, judge_suppression
from list_pipeline.core.suppression.policy import SuppressionPolicy

ONE, TWO, THREE = CAMPAIGN_LISTS
MASTER, SUPPRESSION = ListRole.MASTER, ListRole.SUPPRESSION


@given(st.frozensets(st.sampled_from(ALL_LISTS)), st.lists(st.sampled_from([*ALL_LISTS, None])))
def test_each_addition_to_such_a_list_is_counted_once_and_no_other(
    lists: frozenset[ListRole], added_to: list[ListRole | None]
) -> None:
    entering = Automations(lists).entering(added_to)
    assert sum(entering.values()) == sum(role in lists for role in added_to)
    assert all(entering[role] == added_to.count(role) for role in entering)
    assert list(entering) == [role for role in ALL_LISTS if role in entering]


@pytest.mark.parametrize("may_start", [False, True])
def test_the_check_holds_only_where_nobody_enters_or_the_settings_say_so(may_start: bool) -> None:
    automations = Automations(frozenset({TWO}), may_start)
    none, some = automations.check([ONE, None]), automations.check([ONE, TWO, TWO])
    assert none.passed
    assert none.words == "Nobody is added to a list that is known to have automations."
    assert some.passed is may_start
    assert some.words.startswith(
        "2 contacts would enter automations at Mailjet, and may be mailed at once: 2 of List 2. "
    )
    assert ("AUTOMATIONS_MAY_START" in some.words, "A person decides" in some.words) == (may_start, not may_start)
    assert {none.name, some.name} == {"automations"}
    assert {none.severity, some.severity} == {CheckSeverity.WARNING}


def test_the_words_name_each_list_with_its_number() -> None:
    counts = {ONE: 1_200, SUPPRESSION: 1}
    assert entering_words(counts) == (
        "1,201 contacts would enter automations at Mailjet, and may be mailed at once: "
        "1,200 of List 1 and 1 of Suppression list."
    )
    assert entered_words(counts) == (
        "1,201 contacts were added where automations begin, and may have been mailed: "
        "1,200 to List 1 and 1 to Suppression list."
    )
    assert entered_words({ONE: 1}) == (
        "1 contact was added where automations begin, and may have been mailed: 1 to List 1."
    )
    assert entering_words({}) == entered_words({}) == ""


def rebalancing(automations: Automations, mode: Mode = Mode.AUTO) -> RebalancingGateFacts:
    """Lists of 100, 106 and 100: a move from List 2 to 1, and one to 3, and one newcomer for List 3."""
    items = (
        PlanItem(1, ItemAction.MOVE, rule="fifo_move", from_role=TWO, to_role=ONE),
        PlanItem(2, ItemAction.MOVE, rule="fifo_move", from_role=TWO, to_role=THREE),
        PlanItem(3, ItemAction.ENROL, rule="oldest_newcomer", to_role=THREE),
    )
    return RebalancingGateFacts(
        items, (100, 106, 100), (101, 104, 102), frozenset(), False, mode, True, automations=automations
    )


@pytest.mark.parametrize(
    ("lists", "enter"),
    [({TWO}, 0), ({MASTER, SUPPRESSION}, 0), ({ONE}, 1), ({THREE}, 2), ({ONE, TWO, THREE}, 3)],
)
def test_a_rebalancing_waits_for_a_person_where_somebody_would_enter(lists: set[ListRole], enter: int) -> None:
    plan = rebalancing(Automations(frozenset(lists)))
    decision = judge_rebalancing(plan, RebalancingPolicy())
    if not enter:
        assert (decision.outcome, decision.may_run, decision.failed_checks) == (GateOutcome.APPROVED, (1, 2, 3), ())
        return
    assert (decision.outcome, decision.may_run, decision.waiting) == (GateOutcome.NEEDS_REVIEW, (), (1, 2, 3))
    assert [check.name for check in decision.failed_checks] == ["automations"]
    assert f"{enter} contact" in decision.failed_checks[0].words
    assert not decision.alert
    allowed = replace(plan, automations=replace(plan.automations, may_start=True))
    assert judge_rebalancing(allowed, RebalancingPolicy()).outcome is GateOutcome.APPROVED


def test_a_setting_lets_no_plan_through_that_waits_for_something_else() -> None:
    plan = rebalancing(Automations(frozenset({ONE}), may_start=True), Mode.APPROVAL_REQUIRED)
    assert judge_rebalancing(plan, RebalancingPolicy()).outcome is GateOutcome.NEEDS_REVIEW
    empty = replace(rebalancing(Automations(frozenset({ONE}))), items=(), sizes_after=(100, 106, 100))
    assert judge_rebalancing(empty, RebalancingPolicy(trigger_percent=10)).outcome is GateOutcome.APPROVED


def suppressions(automations: Automations, mode: Mode = Mode.AUTO) -> SuppressionGateFacts:
    """Of a thousand recipients one complained, one is dead and one is held."""
    items = (
        GateItem(1, True, 1.0, False, False, True, True),
        GateItem(2, False, 0.99, True, False, True, True),
        GateItem(3, False, 0.99, True, True, True, True),
    )
    return SuppressionGateFacts(1_000, 0, items, True, mode, True, automations=automations)


def test_suppressions_wait_where_the_suppression_list_has_automations_and_complaints_do_not() -> None:
    decision = judge_suppression(suppressions(Automations(frozenset({SUPPRESSION}))), SuppressionPolicy())
    assert (decision.outcome, decision.may_run, decision.waiting) == (GateOutcome.NEEDS_REVIEW, (1,), (2, 3))
    assert "3 contacts would enter automations" in {check.name: check.words for check in decision.checks}["automations"]
    assert not decision.alert
    for free in (Automations(frozenset({ONE, MASTER})), Automations(frozenset({SUPPRESSION}), may_start=True)):
        let = judge_suppression(suppressions(free), SuppressionPolicy())
        assert (let.outcome, let.may_run, let.waiting) == (GateOutcome.APPROVED, (1, 2), (3,))


def test_a_plan_over_the_cap_still_alerts_where_automations_make_it_wait_too() -> None:
    many = replace(suppressions(Automations(frozenset({SUPPRESSION}))), recipients=5)
    assert judge_suppression(many, SuppressionPolicy()).alert
