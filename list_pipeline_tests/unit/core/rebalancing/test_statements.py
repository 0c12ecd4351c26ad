"""Which statements are true of a rebalancing plan, and their figures."""

from __future__ import annotations

import pytest

from list_pipeline.core.rebalancing.flows import EnrolNewcomers, RebalancingPolicy
from list_pipeline.core.rebalancing.question import RebalancingQuestion
from list_pipeline.core.rebalancing.statements import rebalancing_statements
from list_pipeline_tests.unit.core.rebalancing.rebalancing_cases import FIRST, SECOND, THIRD, question

NOBODY_LOST = (0, 0, 0)


def said(asked: RebalancingQuestion) -> dict[str, str]:
    return {one.id: one.text for one in rebalancing_statements(asked).statements}


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (
            question(sizes=(1_000, 1_010, 990), suppressed=NOBODY_LOST),
            {"reason:1", "lists_stay", "even_out_anyway"},
        ),
        (question(sizes=(0, 0, 0), suppressed=NOBODY_LOST), {"reason:1", "lists_stay"}),
        (
            question(sizes=(731, 1_000, 1_000), newcomers=500, suppressed=NOBODY_LOST),
            {"reason:1", "reason:2", "proof", "effect", "comparable_rounds", "leave_as_they_are"},
        ),
        (
            question(sizes=(731, 1_000, 1_000), newcomers=500, sent=frozenset({FIRST}), suppressed=NOBODY_LOST),
            {"reason:1", "reason:2", "reason:3", "proof", "lists_stay", "leave_as_they_are", "all_at_once",
             "still_above", "part_waits"},
        ),
        (
            question(sizes=(1_000, 731, 1_000), newcomers=5, frozen=frozenset({THIRD}), suppressed=NOBODY_LOST),
            {"reason:1", "reason:2", "reason:3", "proof", "order_kept", "effect", "comparable_rounds",
             "leave_as_they_are", "fewer_moves", "all_newcomers_join", "wait_with_all", "still_above", "part_waits"},
        ),
    ],
    ids=["even", "empty", "newcomers alone", "all deferred", "a part deferred"],
)  # fmt: skip
def test_only_what_is_true_of_a_plan_can_be_said(asked: RebalancingQuestion, ids: set[str]) -> None:
    assert set(said(asked)) == ids


def test_the_effect_names_moves_and_newcomers_where_there_are_any() -> None:
    after = "so that the lists hold"
    alone = said(question(sizes=(731, 1_000, 1_000), newcomers=500))
    assert alone["effect"] == (
        f"The deviation goes from 19.7 % to 1.95 %: 240 newcomers join, {after} 971 / 1,000 / 1,000."
    )
    both = said(question(sizes=(942, 1_120, 1_057), newcomers=30, suppressed=(1, 0, 0)))
    assert both["effect"] == (
        "The deviation goes from 9.4 % to 1.97 %: 57 contacts change lists and 30 newcomers join, "
        f"{after} 1,029 / 1,063 / 1,057."
    )
    assert both["list_lost:list_1"] == "List 1 lost 1 contact in this run."
    moved = said(question())
    assert moved["effect"] == (
        f"The deviation goes from 10 % to 2 %: 80 contacts change lists, {after} 1,020 / 980 / 1,000."
    )
    assert moved["fewer_moves"] == (
        "Fewer moves: with the same newcomers, fewer than 80 moves cannot reach a deviation of 2 %."
    )


@pytest.mark.parametrize(
    ("asked", "id_", "words"),
    [
        (question(), "no_newcomers", "there is none who could be enrolled."),
        (
            question(newcomers=5, policy=RebalancingPolicy(enrol=EnrolNewcomers.OFF)),
            "enrolling_off",
            "enrolling is switched off, so the 5 available are left out.",
        ),
        (
            question(sizes=(942, 1_120, 1_057), newcomers=30),
            "all_newcomers_join",
            "all 30 available join already, and 57 moves are left to make.",
        ),
        (
            question(sizes=(1_000, 731, 900), newcomers=500, sent=frozenset({FIRST, SECOND})),
            "more_newcomers",
            "0 of 500 available join; more of them would not reach the same deviation with fewer than 123 moves.",
        ),
    ],
)
def test_newcomers_instead_of_moves_are_judged_by_what_hinders_them(
    asked: RebalancingQuestion, id_: str, words: str
) -> None:
    about_newcomers = {"no_newcomers", "enrolling_off", "all_newcomers_join", "more_newcomers"}
    found = said(asked)
    assert about_newcomers & found.keys() == {id_}
    assert found[id_] == f"Newcomers instead of moves: {words}"


def test_what_needs_a_person_and_what_stays_too_far_apart_are_concerns() -> None:
    large = said(question(sizes=(1_500, 500, 1_000)))
    assert large["needs_a_person"].startswith("480 moves and 0 enrolments (16 %) among the 3,000 contacts")
    assert "needs_a_person" not in said(question())
    quiet = question(sizes=(0, 0, 0), newcomers=10, policy=RebalancingPolicy(enrol=EnrolNewcomers.ALL))
    assert (quiet.flows.is_above_trigger_after, "still_above" in said(quiet)) == (True, False)


def test_what_waits_says_until_when() -> None:
    cycle, lists = frozenset({FIRST}), frozenset({THIRD})
    until = {
        "the open cycle closes": question(sizes=(1_000, 731, 1_000), sent=cycle),
        "the lists may be changed again": question(sizes=(1_000, 731, 1_000), frozen=lists),
        "the lists may be changed again and the open cycle closes": question(
            sizes=(1_000, 731, 1_000), newcomers=5, sent=cycle, frozen=lists
        ),
    }
    for when, asked in until.items():
        assert said(asked)["part_waits"].startswith(f"A part of the plan waits until {when}: moves ")
