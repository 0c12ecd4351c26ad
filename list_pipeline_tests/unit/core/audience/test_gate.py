"""The gate of a divided audience: it always waits for a person, and refuses what must never run."""

from __future__ import annotations

from dataclasses import replace

from list_pipeline.core.audience.audience import NotTaken, SplitSummary, restriction_words
from list_pipeline.core.audience.division import divide, items_of
from list_pipeline.core.audience.gate import judge_split
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.gate import GateDecision, GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.flows import RebalancingPolicy

ONE, TWO, THREE = CAMPAIGN_LISTS
DIVISION = divide((20, 20, 20), 6)
ITEMS = items_of(DIVISION, range(1, 7))
SUMMARY = SplitSummary(
    audience=6,
    asked=6,
    sizes=DIVISION.sizes,
    target_sizes=DIVISION.target_sizes,
    waiting=0,
    restriction="",
    pause_days=3,
    is_usual_pause=True,
)


def judged(
    items: tuple[PlanItem, ...] = ITEMS,
    summary: SplitSummary = SUMMARY,
    never: frozenset[int] = frozenset(),
    *,
    flag: bool = True,
    automations: Automations = Automations(),
) -> GateDecision:
    return judge_split(
        items,
        summary,
        never_enrol=never,
        flag_enabled=flag,
        automations=automations,
        policy=RebalancingPolicy(),
    )


def test_a_right_plan_waits_for_a_person_as_a_whole() -> None:
    found = judged()
    assert found.outcome is GateOutcome.NEEDS_REVIEW
    assert found.waiting == (1, 2, 3, 4, 5, 6)
    assert found.may_run == ()
    assert [check.name for check in found.failed_checks] == ["asked"]


def test_what_must_never_run_is_refused() -> None:
    odd = PlanItem(9, ItemAction.MOVE, rule="fifo_move", from_role=ONE, to_role=TWO)
    for found, broken in (
        (judged(flag=False), "flag"),
        (judged(never=frozenset({3})), "never_moved"),
        (judged((*ITEMS, ITEMS[0])), "once"),
        (judged(summary=replace(SUMMARY, target_sizes=(23, 22, 22))), "sizes"),
        (judged((*ITEMS, odd)), "sizes"),
    ):
        assert found.outcome is GateOutcome.REFUSED, broken
        assert broken in {check.name for check in found.failed_checks}


def test_it_says_who_would_enter_an_automation() -> None:
    found = judged(automations=Automations(frozenset({TWO})))
    assert found.outcome is GateOutcome.NEEDS_REVIEW
    (words,) = [check.words for check in found.failed_checks if check.name == "automations"]
    assert words.startswith("2 contacts would enter automations at Mailjet")


def test_why_a_list_is_left_out_is_said_of_each_list_once() -> None:
    none = frozenset[ListRole]()
    assert restriction_words(none, none, none) == ""
    words = restriction_words(frozenset({ONE}), frozenset({TWO}), frozenset({THREE, ListRole.MASTER}))
    assert [words.count(role.label) for role in CAMPAIGN_LISTS] == [1, 1, 1]
    assert "the master list is frozen" in words


def test_every_reason_not_to_take_somebody_has_words() -> None:
    assert all(why.words for why in NotTaken)


def test_a_summary_says_what_is_to_be_known() -> None:
    told = replace(SUMMARY, waiting=2, restriction="List 1 is being sent", is_usual_pause=False, pause_days=7).remarks
    assert told == (
        "The lists go from 20 / 20 / 20 (deviation 0 %) to 22 / 22 / 22 (deviation 0 %)",
        "2 contacts of the audience cannot join now: List 1 is being sent",
        "No usual pause between rounds is known yet; 7 days are proposed",
    )
