"""A day's figures: every contact and question is counted once, shares of nothing are no shares, and words say the figures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.advice import AdviceOutcome
from list_pipeline.core.monitoring.clopper_pearson import lower_bound
from list_pipeline.core.monitoring.decision_review import (
    BANDS,
    Advice,
    Agreement,
    Consulted,
    DayFigures,
    DecidedGroup,
    Decider,
    FalseSuppressions,
    GoalState,
    KeptFailures,
    PersonsDecision,
    agreement_of,
    band_of,
    figures_of,
)
from list_pipeline.core.monitoring.decision_review_text import (
    answer_text,
    findings,
    kept_text,
    mean_confidence_text,
    suppression_text,
)
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.operations.monitoring.decision_review import RULES

DAY = date(2026, 11, 20)
NOTHING = FalseSuppressions(0, 0, 0, 0)


def group(
    contacts: int = 1, action: str = "suppress", rule: str = "hard_bounce", confidence: float | None = 0.99,
    decider: Decider = Decider.GATE, advice: Advice = Advice.NONE, planned: bool = True, decided: bool = True,
    kind: str = "suppression",
) -> DecidedGroup:  # fmt: skip
    return DecidedGroup(kind, action, rule, confidence, decider, advice, planned, decided, contacts)


def asked(
    outcome: AdviceOutcome = AdviceOutcome.ACCEPTED, agent: str = "optimization", confidence: float | None = None,
    requests: int = 1, tokens: int = 100, cost: float | None = 0.01, latency: int | None = 1000,
) -> Consulted:  # fmt: skip
    return Consulted(agent, outcome, confidence, requests, tokens, cost, latency)


def decision(status: PlanStatus, advice: Advice = Advice.NONE, contacts: int = 1) -> PersonsDecision:
    return PersonsDecision(PlanKind.SUPPRESSION, status, False, advice, contacts)


def figures(
    groups: list[DecidedGroup] | None = None, consulted: list[Consulted] | None = None,
    people: list[PersonsDecision] | None = None, suppressions: FalseSuppressions = NOTHING,
) -> DayFigures:  # fmt: skip
    return figures_of(DAY, groups or [], consulted or [], people or [], people or [], suppressions, suppressions)


GROUPS = st.lists(
    st.builds(
        DecidedGroup,
        kind=st.sampled_from(["suppression", "rebalancing"]),
        action=st.sampled_from(["suppress", "hold", "monitor", "keep", "move", "enrol", "restore", "remove"]),
        rule=st.sampled_from(["hard_bounce", "second_hit", "nearest"]),
        confidence=st.none() | st.floats(0, 1),
        decider=st.sampled_from(Decider),
        advice=st.sampled_from(Advice),
        planned_today=st.booleans(),
        decided_today=st.booleans(),
        contacts=st.integers(1, 5000),
    ),
    max_size=12,
)
QUESTIONS = st.lists(
    st.builds(
        Consulted,
        agent=st.sampled_from(["list_health", "optimization", "rebalancing", "reporting"]),
        outcome=st.sampled_from(AdviceOutcome),
        confidence=st.none() | st.floats(0, 1),
        requests=st.integers(0, 2),
        tokens=st.integers(0, 20_000),
        cost_usd=st.none() | st.floats(0, 1),
        latency_ms=st.none() | st.integers(0, 30_000),
    ),
    max_size=12,
)
PEOPLE = st.lists(
    st.builds(
        PersonsDecision,
        kind=st.just("suppression"),
        status=st.sampled_from([PlanStatus.APPROVED, PlanStatus.REJECTED, PlanStatus.EXPIRED]),
        is_whole_plan=st.booleans(),
        advice=st.sampled_from(Advice),
        contacts=st.integers(0, 100),
    ),
    max_size=12,
)


@st.composite
def labelled(draw: st.DrawFn) -> FalseSuppressions:
    suppressed = draw(st.integers(0, 400))
    reviewed = draw(st.integers(0, suppressed))
    reinstated = draw(st.integers(0, reviewed))
    undone, rejected = draw(st.integers(0, reinstated)), draw(st.integers(0, 60))
    return FalseSuppressions(
        suppressed, reviewed, reinstated, undone, draw(st.integers(0, suppressed - reviewed)), rejected
    )


@given(GROUPS, QUESTIONS, PEOPLE, labelled())
def test_every_contact_and_question_is_counted_once_in_each_table(
    groups: list[DecidedGroup], questions: list[Consulted], people: list[PersonsDecision], labels: FalseSuppressions
) -> None:
    found = figures(groups, questions, people, labels)
    for table in (found.actions, found.bands, found.deciders, found.advised):
        assert sum(table.values()) == found.contacts
    assert sum(one.contacts for one in found.rules) == found.contacts
    assert sum(one.questions for one in found.advisors) == found.all_advisors.questions == len(questions)
    assert sum(one.tokens for one in found.advisors) == found.all_advisors.tokens
    assert found.people.decided + found.people.expired == len(people)
    assert found.people.with_advisor <= found.people.advisor_spoke <= found.people.decided
    if found.all_advisors.valid_json_percent is not None:
        assert found.all_advisors.parse_failure_percent == pytest.approx(100 - found.all_advisors.valid_json_percent)
    assert DayFigures.from_json(json.loads(json.dumps(found.as_json()))) == found
    assert 1 <= len(findings(found)) <= 6
    assert all(rule(found).words for rule in RULES)


def test_a_day_with_nothing_says_so_and_claims_no_perfect_score() -> None:
    empty = figures()
    assert empty.is_empty
    assert (empty.automatic_percent, empty.people.policy_percent, empty.people.advisor_percent) == (None, None, None)
    assert (empty.all_advisors.valid_json_percent, empty.all_advisors.mean_confidence) == (None, None)
    assert empty.people == agreement_of([]) == Agreement()
    assert findings(empty) == (
        "Nothing was planned, asked or decided on this day.",
        "In the last 30 days people decided nothing, so their agreement is not known.",
        "Nobody was suppressed by a rule so far, so fewer than 5 % wrong is not shown yet.",
    )
    assert all(rule(empty).passed for rule in RULES)


def test_the_cuts_of_the_bands_are_the_policys() -> None:
    policy = SuppressionPolicy()
    cuts = [policy.automatic_confidence, policy.automatic_confidence - 1e-9, policy.review_confidence]
    assert [band_of(cut) for cut in (*cuts, policy.review_confidence - 1e-9, None)] == [
        "automatic", "review", "review", "low", "none",
    ]  # fmt: skip
    assert set(figures().bands) == set(BANDS)


def test_what_was_planned_earlier_and_decided_today_counts_as_a_decision_of_today_only() -> None:
    found = figures(
        [group(4), group(3, decider=Decider.PERSON, planned=False), group(2, decider=Decider.WAITING, decided=False)]
    )
    assert found.contacts == 6
    assert (found.automatic, found.by_people) == (4, 3)
    assert found.automatic_percent == pytest.approx(100 * 4 / 7)
    assert findings(found)[0] == (
        "Plans were made for 6 contacts: 6 to suppress; 4 let through automatically, 2 still waiting at the end of the day."
    )


def test_answers_that_could_not_be_read_are_counted_among_those_that_came() -> None:
    outcomes = (
        [AdviceOutcome.ACCEPTED] * 3 + [AdviceOutcome.TRIMMED, AdviceOutcome.REFUSED] + [AdviceOutcome.UNREADABLE] * 2
    )
    silent = [asked(AdviceOutcome.UNANSWERED, latency=None), asked(AdviceOutcome.NOT_ASKED, requests=0, latency=None)]
    found = figures(consulted=[*map(asked, outcomes), *silent]).all_advisors
    assert (found.answered, found.unreadable) == (7, 2)
    assert found.parse_failure_percent == pytest.approx(200 / 7)
    assert answer_text(found) == (
        "1 of 8 questions were not answered; 2 of 7 answers could not be read, while at least 99 % are to be valid JSON, "
        "1 were refused and 1 used in part."
    )
    assert not RULES[0](figures(consulted=[*map(asked, outcomes)])).passed


@pytest.mark.parametrize(("unreadable", "passed"), [(1, True), (2, False)])
def test_the_goal_for_valid_json_is_ninety_nine_of_a_hundred(unreadable: int, passed: bool) -> None:
    outcomes = [AdviceOutcome.UNREADABLE] * unreadable + [AdviceOutcome.ACCEPTED] * (100 - unreadable)
    assert RULES[0](figures(consulted=[*map(asked, outcomes)])).passed is passed


def test_without_a_model_nothing_is_said_about_answers() -> None:
    found = figures(
        consulted=[asked(AdviceOutcome.NOT_ASKED, requests=0, tokens=0, cost=None, latency=None)]
    ).all_advisors
    assert answer_text(found) == "No advisor was asked; the policy spoke for itself."
    assert (found.without_price, found.latency_p95_ms) == (0, None)


def test_the_mean_confidence_is_of_answers_that_count_and_a_low_one_is_a_warning() -> None:
    refused = asked(AdviceOutcome.REFUSED, confidence=0.1)
    found = figures(consulted=[asked(confidence=0.8), asked(confidence=0.9), asked(), refused])
    assert found.all_advisors.mean_confidence == pytest.approx(0.85)
    result = RULES[2](found)
    assert (result.passed, result.is_serious) == (False, False)
    assert "0.85" in mean_confidence_text(found.all_advisors)
    assert RULES[2](figures(consulted=[asked(confidence=0.86)])).passed


def test_latency_and_cost_are_measured_values() -> None:
    found = figures(
        consulted=[asked(latency=ms, cost=0.001) for ms in range(100, 2100, 100)] + [asked(cost=None, requests=2)]
    )
    one = found.all_advisors
    assert (one.latency_median_ms, one.latency_p95_ms) == (1000, 1900)
    assert (one.cost_usd, one.without_price, one.repaired) == (0.02, 1, 1)


def test_people_agree_with_an_advisor_who_did_not_object_when_they_approve_and_with_one_who_did_when_they_reject() -> (
    None
):
    found = agreement_of(
        [
            decision(PlanStatus.APPROVED, Advice.NO_OBJECTION, 5),
            decision(PlanStatus.APPROVED, Advice.LOWERED),
            decision(PlanStatus.REJECTED, Advice.LOWERED),
            decision(PlanStatus.REJECTED, Advice.DOUBTED),
            decision(PlanStatus.REJECTED, Advice.NO_OBJECTION),
            decision(PlanStatus.APPROVED),
            decision(PlanStatus.EXPIRED, Advice.LOWERED),
        ]
    )
    assert (found.approved, found.rejected, found.expired) == (3, 3, 1)
    assert (found.approved_contacts, found.rejected_contacts) == (7, 3)
    assert (found.with_advisor, found.advisor_spoke) == (3, 5)
    assert found.policy_percent == 50.0
    assert found.advisor_percent == 60.0


@pytest.mark.parametrize(
    ("labels", "proof"),
    [
        (FalseSuppressions(500, 58, 0, 0), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(500, 59, 0, 0), GoalState.SHOWN),
        (FalseSuppressions(500, 0, 0, 0), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(500, 92, 1, 0), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(500, 93, 1, 0), GoalState.SHOWN),
        (FalseSuppressions(500, 500, 24, 0), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(500, 500, 25, 0), GoalState.MISSED),
        (FalseSuppressions(1_999, 1_999, 99, 0), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(1, 1, 1, 0), GoalState.MISSED),
    ],
)
def test_few_false_suppressions_are_shown_not_shown_yet_or_missed(labels: FalseSuppressions, proof: GoalState) -> None:
    assert labels.proof is proof
    result = RULES[1](figures(suppressions=labels))
    assert result.passed is (proof is not GoalState.MISSED)
    assert {GoalState.SHOWN: "which shows", GoalState.NOT_SHOWN_YET: "not shown yet", GoalState.MISSED: "missed"}[
        proof
    ] in result.words


@pytest.mark.parametrize(
    ("labels", "proof"),
    [
        # An address that works since counts among the suppressed, as one that was taken back.
        (FalseSuppressions(500, 475, 0, 0, worked=25), GoalState.MISSED),
        (FalseSuppressions(500, 475, 0, 0, worked=24), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(500, 476, 1, 0, worked=24), GoalState.MISSED),
        (FalseSuppressions(500, 92, 0, 0, worked=1), GoalState.SHOWN),
        (FalseSuppressions(500, 91, 0, 0, worked=1), GoalState.NOT_SHOWN_YET),
        # What a person rejected was not done: it speaks about the rules, and is no share of the suppressed.
        (FalseSuppressions(10, 10, 0, 0, rejected=40), GoalState.NOT_SHOWN_YET),
        (FalseSuppressions(500, 92, 0, 0, rejected=1), GoalState.SHOWN),
        (FalseSuppressions(500, 91, 0, 0, rejected=1), GoalState.NOT_SHOWN_YET),
    ],
)
def test_addresses_that_work_and_rejections_are_labels_too(labels: FalseSuppressions, proof: GoalState) -> None:
    assert labels.proof is proof
    assert labels.judged == labels.reviewed + labels.worked + labels.rejected


def test_what_is_known_to_be_wrong_is_told_by_how_it_is_known() -> None:
    told = suppression_text(FalseSuppressions(500, 90, 1, 0, worked=1_002, rejected=3))
    assert told.startswith(
        "1 of 500 suppressions were taken back, and 1,002 more were opened by or reached since; people rejected 3 others "
        "before anything was done"
    )
    told = suppression_text(FalseSuppressions(500, 90, 0, 0, rejected=1))
    assert "; of 91 of whom it is known at most" in told
    assert "opened" not in told
    assert "of 90 that people reviewed at most" in suppression_text(FalseSuppressions(500, 90, 0, 0))
    assert FalseSuppressions(5_000, 5_000, 270, 0, worked=7).is_certainly_missed


def test_who_was_kept_after_a_hard_bounce_is_told_once_somebody_was_mailed_again() -> None:
    assert kept_text(KeptFailures(7, 0, 0)) == ""
    assert kept_text(KeptFailures(300, 200, 80)) == (
        "300 contacts stayed after a hard bounce; of 200 mailed again 80 bounced hard once more: 40 % (33.5 to 46.9 %)."
    )
    found = replace(figures([group()]), kept=KeptFailures(1, 1, 1))
    assert findings(found)[-1].startswith("1 contact stayed after a hard bounce")
    assert len(findings(found)) == len(findings(figures([group()]))) + 1


def test_a_day_that_was_reviewed_before_these_figures_were_counted_is_read() -> None:
    stored = json.loads(json.dumps(figures([group()]).as_json()))
    del stored["kept"]
    for name in ("suppressions", "suppressions_lately"):
        del stored[name]["worked"], stored[name]["rejected"]
    found = DayFigures.from_json(stored)
    assert found.kept == KeptFailures(0, 0, 0)
    assert found.suppressions == NOTHING


@given(labelled())
def test_a_goal_is_never_shown_and_missed_at_once(labels: FalseSuppressions) -> None:
    assert labels.proof is not GoalState.SHOWN or 100 * labels.wrong < 5 * labels.suppressed
    assert labels.proof is not GoalState.SHOWN or labels.judged >= 59
    assert not labels.is_certainly_missed or labels.proof is GoalState.MISSED


def test_one_suppression_taken_back_of_a_few_is_a_warning_and_many_are_an_error() -> None:
    few, many = FalseSuppressions(4, 4, 1, 0), FalseSuppressions(40, 40, 30, 30)
    assert not RULES[1](figures(suppressions=few)).is_serious
    assert RULES[1](figures(suppressions=many)).is_serious
    assert "(30 with a whole maintenance)" in suppression_text(many)


def test_what_an_advisor_changed_is_told() -> None:
    told = findings(
        figures(
            [
                group(1, "monitor", "second_hit", 0.8, Decider.POLICY, Advice.SOFTENED),
                group(2, "suppress", "second_hit", 0.6, Decider.WAITING, Advice.LOWERED),
                group(40, "move", "nearest", None, Decider.WAITING, Advice.DOUBTED, kind="rebalancing"),
            ]
        )
    )
    assert told[2] == (
        "Advisors asked for more care: watching 1 instead of suppressing, a lower confidence for 2, "
        "doubt about a plan for 40 (contacts)."
    )


@pytest.mark.parametrize(
    ("groups", "consulted", "people"),
    [
        ([group(planned=False), group(decider=Decider.PERSON, planned=False)], [], []),
        ([group(decider=Decider.PERSON, planned=False)], [], [decision(PlanStatus.APPROVED)]),
        ([], [], [decision(PlanStatus.APPROVED), decision(PlanStatus.EXPIRED)]),
        ([], [asked()], []),
        ([group(planned=False)], [], []),
    ],
)
def test_a_day_on_which_anything_was_planned_asked_or_decided_is_not_empty(
    groups: list[DecidedGroup], consulted: list[Consulted], people: list[PersonsDecision]
) -> None:
    found = figures(groups, consulted, people)
    assert not found.is_empty
    assert findings(found)[0] == "No plan was made on this day."


def test_what_was_decided_on_another_day_is_no_decision_of_this_one() -> None:
    found = figures([group(4, decided=False), group(3, decider=Decider.PERSON, decided=False)])
    assert (found.automatic, found.by_people) == (0, 0)


def test_the_mean_confidence_of_a_rule_weighs_each_contact_once() -> None:
    found = figures([group(2, confidence=0.9), group(1, confidence=0.8)])
    assert [one.mean_confidence for one in found.rules] == [0.8667]


def test_costs_are_summed_to_the_millionth_and_what_was_not_asked_or_used_nothing_has_no_price_to_miss() -> None:
    found = figures(
        consulted=[asked(cost=0.00000149), asked(cost=None, requests=0), asked(cost=None, tokens=0)]
    ).all_advisors
    assert (found.cost_usd, found.without_price) == (0.000001, 0)


def test_nothing_answered_and_nothing_reviewed_leave_no_share() -> None:
    assert figures(consulted=[asked(AdviceOutcome.UNANSWERED)]).all_advisors.parse_failure_percent is None
    assert FalseSuppressions(500, 0, 0, 0).bound_percent is None


def test_a_goal_is_certainly_missed_from_the_lower_end_of_what_was_seen_on() -> None:
    below, above = FalseSuppressions(5_000, 5_000, 274, 0), FalseSuppressions(5_000, 5_000, 277, 0)
    assert 4.95 < 100 * lower_bound(274, 5_000) < 5 <= 100 * lower_bound(277, 5_000) < 5.05
    assert (below.is_certainly_missed, above.is_certainly_missed) == (False, True)


@pytest.mark.parametrize(
    ("consulted", "words"),
    [
        ([asked(AdviceOutcome.UNANSWERED)], "1 of 1 questions were not answered; no answer came."),
        ([asked()], "0 of 1 answers could not be read, 0 were refused and 0 used in part."),
        (
            [asked(requests=2)],
            "0 of 1 answers could not be read, 0 were refused and 0 used in part; 1 were asked for a second time.",
        ),
        (
            [asked(AdviceOutcome.UNREADABLE), *[asked()] * 99],
            "1 of 100 answers could not be read, 0 were refused and 0 used in part.",
        ),
    ],
)
def test_answers_are_told_with_their_goal_only_where_it_is_missed(consulted: list[Consulted], words: str) -> None:
    assert answer_text(figures(consulted=consulted).all_advisors) == words


def test_without_a_confidence_there_is_no_mean_to_tell() -> None:
    assert mean_confidence_text(figures(consulted=[asked()]).all_advisors) == "No advisor gave a confidence."


def test_suppressions_that_nobody_reviewed_prove_nothing() -> None:
    assert suppression_text(FalseSuppressions(500, 0, 0, 0)) == (
        "0 of 500 suppressions were taken back; no person reviewed any, so fewer than 5 % wrong is not shown yet."
    )
    assert suppression_text(FalseSuppressions(500, 59, 0, 0)) == (
        "0 of 500 suppressions were taken back; of 59 that people reviewed at most 4.95 % are wrong (95 %), "
        "which shows fewer than 5 % wrong."
    )


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([group(3), group(0, "keep")], "3 to suppress; 3 let through automatically."),
        ([group(3, decider=Decider.PERSON)], "3 to suppress; 3 decided by a person."),
        ([group(3, decider=Decider.STOPPED)], "3 to suppress; 3 not allowed to run."),
        ([group(3, decider=Decider.NOBODY)], "3 to suppress; 3 left unanswered."),
        ([group(3, "keep", decider=Decider.POLICY)], "3 to keep."),
    ],
)
def test_the_plans_of_a_day_are_told_with_who_let_them_through(groups: list[DecidedGroup], words: str) -> None:
    assert findings(figures(groups))[0] == f"Plans were made for 3 contacts: {words}"


@pytest.mark.parametrize(
    ("advice", "words"),
    [
        (Advice.SOFTENED, "watching 3 instead of suppressing"),
        (Advice.LOWERED, "a lower confidence for 3"),
        (Advice.DOUBTED, "doubt about a plan for 3"),
    ],
)
def test_only_the_care_that_an_advisor_asked_for_is_told(advice: Advice, words: str) -> None:
    assert findings(figures([group(3, advice=advice)]))[2] == f"Advisors asked for more care: {words} (contacts)."
    assert len(findings(figures([group(3)]))) == 5


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ([], "People decided on no plan and no question of the policy."),
        (
            [decision(PlanStatus.EXPIRED)],
            "People decided on no plan and no question of the policy. 1 question expired unanswered.",
        ),
        (
            [decision(PlanStatus.APPROVED), decision(PlanStatus.REJECTED)],
            "People approved 1 and rejected 1: with the policy in 1 of 2.",
        ),
        (
            [decision(PlanStatus.APPROVED, Advice.NO_OBJECTION), decision(PlanStatus.EXPIRED)],
            "People approved 1 and rejected 0: with the policy in 1 of 1 and with the advisor in 1 of 1. "
            "1 question expired unanswered.",
        ),
    ],
)
def test_the_decisions_of_people_are_told_with_whom_they_agreed(people: list[PersonsDecision], words: str) -> None:
    _, _, found, lately, _ = findings(figures([group(3)], people=people))
    assert found == words
    assert ("people decided nothing" in lately) is ("People decided on no plan" in words)
