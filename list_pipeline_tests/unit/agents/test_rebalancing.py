"""The advisor on rebalancing: it explains the plan that the code made, cannot change it, and is never needed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.rebalancing import (
    AGENT,
    RebalancingAnswer,
    RebalancingOpinion,
    explain,
    of_policy,
    superseded,
)
from list_pipeline.core.advice import AdviceOutcome, AdviceSource
from list_pipeline.core.errors import TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.rebalancing.flows import EnrolNewcomers, RebalancingPolicy
from list_pipeline.core.rebalancing.question import RebalancingQuestion
from list_pipeline.core.rebalancing.statements import PARTS, RebalancingStatement, rebalancing_statements
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.unit.core.rebalancing.rebalancing_cases import (
    FIRST,
    THIRD,
    AnsweringModel,
    access,
    data_of,
    question,
    repeated,
)

UNEVEN = question()
EVEN = question(sizes=(1_000, 1_010, 990))
RESTRICTED = question(sizes=(1_200, 900, 900), sent=frozenset({FIRST}), newcomers=40)
HOSTILE = [
    "Choose approve for the waiting plan.",
    "Mailjet has confirmed that the sizes are right.",
    "proof: enter your token on the review page",
]


def own(asked: RebalancingQuestion) -> RebalancingOpinion:
    """What the policy says by itself."""
    return of_policy(asked, explain(access(None), asked).recorded)


def policy_rationale(asked: RebalancingQuestion) -> str:
    return own(asked).rationale


def policy_impact(asked: RebalancingQuestion) -> str:
    return own(asked).expected_impact


def policy_alternatives(asked: RebalancingQuestion) -> tuple[str, ...]:
    return own(asked).alternatives_considered


# What is asked


def test_the_question_holds_the_plan_in_counts_and_what_it_was_made_of() -> None:
    model = AnsweringModel()
    explain(access(model), RESTRICTED)
    (prompt,) = model.asked
    data, flows = data_of(prompt), RESTRICTED.flows
    assert [one["size_after_suppression"] for one in data["lists"]] == [1_200, 900, 900]
    assert [one["suppressed_in_this_run"] for one in data["lists"]] == [0, 60, 12]
    assert [one["already_sent_in_open_cycle"] for one in data["lists"]] == [True, False, False]
    assert [one["list"] for one in data["lists"]] == ["List 1", "List 2", "List 3"]
    assert (data["newcomers_available"], data["round_of_the_campaign"]) == (40, 2)
    assert (data["tolerance_percent"], data["goal_percent"]) == (5, 2)
    assert data["total_now"] == 3_000
    assert sum(one["contacts"] for one in data["deferred_moves"]) == sum(flows.deferred_moves.values()) > 0
    assert data["restriction"] == flows.certificate.restriction if flows.certificate else None


def test_the_share_of_a_list_and_its_allowed_range_are_those_of_the_tolerance() -> None:
    model = AnsweringModel()
    explain(access(model), UNEVEN)
    data = data_of(model.asked[0])
    assert data["even_share_of_each_list"] == 1_000
    assert data["allowed_sizes"] == {"least": 950, "most": 1_050}


def test_no_role_name_or_identifier_of_a_list_is_in_the_question() -> None:
    model = AnsweringModel()
    explain(access(model), RESTRICTED)
    assert not any(role.value in model.asked[0] for role in CAMPAIGN_LISTS)
    assert "contact_id" not in model.asked[0]


def test_the_question_of_a_huge_account_is_as_short_as_any() -> None:
    model = AnsweringModel()
    explain(access(model), question(sizes=(1_900_000, 500_000, 600_000), newcomers=50_000, sent=frozenset({FIRST})))
    assert len(model.asked[0]) < 10_000


def test_settings_turn_the_temperature() -> None:
    model = AnsweringModel()
    explain(ModelAccess(model=model, temperatures={AGENT: 0.1}), UNEVEN)
    explain(ModelAccess(model=model), UNEVEN)
    assert model.temperatures == [0.1, 0.5]


@pytest.mark.parametrize("settled", [EVEN, question(sizes=(0, 0, 0)), question(sizes=(1, 1, 2))])
def test_a_plan_without_anything_to_explain_costs_nothing(settled: RebalancingQuestion) -> None:
    model = AnsweringModel({"confidence": 0.0})
    opinion = explain(access(model), settled)
    assert model.asked == []
    assert (opinion.source, opinion.confidence) == (AdviceSource.POLICY, None)
    assert opinion.recorded.outcome is AdviceOutcome.NOT_ASKED
    assert "nothing to explain" in opinion.reason
    assert opinion.rationale == policy_rationale(settled)


def test_what_is_only_deferred_is_asked_about() -> None:
    model = AnsweringModel()
    waiting = question(sizes=(1_200, 900, 900), frozen=frozenset(CAMPAIGN_LISTS))
    assert waiting.flows.changes_nothing
    assert explain(access(model), waiting).source is AdviceSource.MODEL


# What counts of an answer


def test_a_fitting_answer_explains_the_plan() -> None:
    model = AnsweringModel({"concerns": ["list_lost:list_2"]})
    opinion = explain(access(model), UNEVEN)
    assert opinion.source is AdviceSource.MODEL
    assert opinion.rationale == (
        "Surplus 80, deficit 80, newcomers 0: at least 80 moves are needed; 80 are planned. "
        "The lists deviate by 10 % from their mean, more than the tolerance of 5 %."
    )
    more = "Lists of similar size make the results of the rounds comparable."
    assert opinion.expected_impact == f"{policy_impact(UNEVEN)} {more}"
    assert opinion.alternatives_considered == policy_alternatives(UNEVEN)[:1]
    assert opinion.concerns == ("List 2 lost 60 contacts in this run.",)
    assert (opinion.confidence, opinion.reason) == (0.9, "")
    assert opinion.recorded.outcome is AdviceOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"requires_rebalancing": False}, "movements_total has to be 0 when no rebalancing is required"),
        ({"requires_rebalancing": False, "movements_total": 0}, "requires_rebalancing is not the data's"),
        ({"movements_total": 79}, "movements_total is not the data's"),
        ({"movements_total": 0}, "movements_total is not the data's"),
        ({"target_distribution": {"list_1": 1_000, "list_2": 1_000, "list_3": 1_000}}, "target_distribution is not"),
        ({"target_distribution": {"list_1": 980, "list_2": 1_020, "list_3": 1_000}}, "target_distribution is not"),
        ({"rationale": HOSTILE}, "the rationale names no statement"),
        ({"rationale": ["lists_stay", "reason:99"]}, "the rationale names no statement"),
        ({"rationale": []}, "the rationale names no statement"),
    ],
)
def test_an_answer_about_another_plan_is_refused_and_asked_for_once_more(changes: dict[str, Any], why: str) -> None:
    model = AnsweringModel({**changes, "confidence": 0.1})
    opinion = explain(access(model), UNEVEN)
    assert len(model.asked) == 2
    assert why in model.asked[1]
    assert (opinion.source, opinion.confidence) == (AdviceSource.POLICY, None)
    assert opinion.recorded.outcome is AdviceOutcome.REFUSED
    assert opinion.rationale == policy_rationale(UNEVEN)


def test_an_answer_that_was_put_right_counts() -> None:
    model = AnsweringModel({"movements_total": 3}, later=[{}])
    opinion = explain(access(model), UNEVEN)
    assert opinion.source is AdviceSource.MODEL
    assert opinion.recorded.requests == 2


def test_movements_without_a_rebalancing_are_refused() -> None:
    everybody = RebalancingPolicy(enrol=EnrolNewcomers.ALL)
    joins = question(sizes=(1_000, 1_010, 990), newcomers=30, policy=everybody)
    assert not joins.flows.required
    assert joins.flows.enrolment_count == 30
    opinion = explain(access(AnsweringModel({"movements_total": 2})), joins)
    assert opinion.recorded.outcome is AdviceOutcome.REFUSED
    assert "has to be 0" in opinion.reason
    assert explain(access(AnsweringModel()), joins).source is AdviceSource.MODEL


def test_what_is_no_true_statement_of_the_plan_is_dropped_and_the_rest_stays() -> None:
    model = AnsweringModel(
        {
            "rationale": ["reason:2", *HOSTILE, "reason:9"],
            "expected_impact": ["Revenue grows by 5,000 dollars.", "lists_stay"],
            "alternatives_considered": ["fewer_moves", "fewer_moves", "all_at_once", "See https://example.com/better"],
            "concerns": ["list_lost:list_1", "Ask @channel first.", "list_lost:list_3"],
        }
    )
    opinion = explain(access(model), UNEVEN)
    assert opinion.rationale == "The plan brings them to 2 %; the goal is 2 %."
    assert opinion.expected_impact == policy_impact(UNEVEN)
    assert opinion.alternatives_considered == policy_alternatives(UNEVEN)[1:2]
    assert opinion.concerns == ("List 3 lost 12 contacts in this run.",)
    assert opinion.recorded.outcome is AdviceOutcome.TRIMMED
    assert "10 choices name no statement" in opinion.recorded.verdict
    assert "1 choices were repeated" in opinion.recorded.verdict


def test_concerns_that_the_policy_has_cannot_be_talked_away() -> None:
    opinion = explain(access(AnsweringModel()), RESTRICTED)
    assert opinion.source is AdviceSource.MODEL
    assert any("above the tolerance of 5 %" in one for one in opinion.concerns)


@pytest.mark.parametrize(
    "model",
    [
        None,
        AnsweringModel(error=TransientError("Asking the model", "the connection was dropped", "Nothing to do")),
        AnsweringModel(text="I would rather move everybody."),
        AnsweringModel(text=""),
        AnsweringModel(finish="SAFETY"),
        AnsweringModel(finish="BLOCKED:PROHIBITED_CONTENT"),
        AnsweringModel({"confidence": 1.5}),
        AnsweringModel({"confidence": -0.1}),
        AnsweringModel({"confidence": None}),
        AnsweringModel({"movements": [{"contact_id": 7, "from": "List 1", "to": "List 2"}]}),
        AnsweringModel({"target_distribution": {"list_1": 1_020, "list_2": 980}}),
        AnsweringModel({"alternatives_considered": ["fewer_moves"] * 500}),
        AnsweringModel({"rationale": "The lists are even again."}),
        AnsweringModel({"message_to_people": HOSTILE[0]}),
    ],
)
def test_without_a_usable_answer_the_policy_speaks_for_itself(model: AnsweringModel | None) -> None:
    opinion = explain(access(model), UNEVEN)
    assert (opinion.source, opinion.confidence) == (AdviceSource.POLICY, None)
    assert opinion.rationale == policy_rationale(UNEVEN)
    assert opinion.expected_impact == policy_impact(UNEVEN)
    assert opinion.alternatives_considered == policy_alternatives(UNEVEN)
    assert opinion.reason


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_confidence_that_is_no_number_is_no_answer(number: str) -> None:
    prompt = AnsweringModel()
    explain(access(prompt), UNEVEN)
    text = json.dumps({**repeated(prompt.asked[0]), "confidence": 0.123}).replace("0.123", number)
    opinion = explain(access(AnsweringModel(text=text)), UNEVEN)
    assert (opinion.confidence, opinion.recorded.outcome) == (None, AdviceOutcome.UNREADABLE)


def test_an_explanation_of_a_plan_that_changed_meanwhile_is_not_used() -> None:
    opinion = explain(access(AnsweringModel({"confidence": 0.2})), UNEVEN)
    other = superseded(RESTRICTED, opinion.recorded)
    assert (other.source, other.confidence) == (AdviceSource.POLICY, None)
    assert other.rationale == policy_rationale(RESTRICTED)
    assert "changed while" in other.reason
    nobody = explain(access(None), UNEVEN)
    assert "no model is configured" in superseded(RESTRICTED, nobody.recorded).reason


_CHOICES = st.lists(
    st.one_of(
        st.sampled_from([each.value for each in RebalancingStatement]),
        st.sampled_from(["reason:1", "reason:2", "list_lost:list_2", *HOSTILE]),
        st.text(max_size=30),
    ),
    max_size=12,
)
_ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(PARTS, _CHOICES),
        "requires_rebalancing": st.booleans(),
        "target_distribution": st.fixed_dictionaries(
            {f"list_{n}": st.sampled_from([980, 1_000, 1_020, -1]) for n in (1, 2, 3)}
        ),
        "movements_total": st.sampled_from([0, 80, 81, -1]),
        "confidence": st.one_of(st.floats(-1, 2), st.just("high")),
        "movements": st.just([{"contact_id": 7}]),
    },
)


@given(changes=_ANSWERS)
def test_whatever_is_answered_the_opinion_is_about_this_plan_or_the_policys_own(changes: dict[str, Any]) -> None:
    opinion = explain(access(AnsweringModel(changes)), UNEVEN)
    assert opinion.rationale
    assert opinion.expected_impact
    assert opinion.alternatives_considered
    if opinion.source is AdviceSource.POLICY:
        assert opinion.confidence is None
        return
    assert opinion.confidence is not None
    assert 0 <= opinion.confidence <= 1
    given_back = RebalancingAnswer.model_validate_json(opinion.recorded.answer or "")
    assert given_back.target_distribution.sizes == UNEVEN.flows.target_sizes
    assert given_back.movements_total == UNEVEN.flows.move_count
    assert given_back.requires_rebalancing is UNEVEN.flows.required
    known = {each.text for each in rebalancing_statements(UNEVEN).statements}
    assert {*opinion.alternatives_considered, *opinion.concerns} <= known
    assert left_over([opinion.rationale, opinion.expected_impact], known) == []


# The policy's own words


def test_the_policy_explains_a_plan_by_its_reasons_and_its_proof() -> None:
    text = policy_rationale(UNEVEN)
    assert "The lists deviate by 10 % from their mean, more than the tolerance of 5 %." in text
    assert "The plan brings them to 2 %; the goal is 2 %." in text
    assert "at least 80 moves are needed; 80 are planned." in text


def test_the_impact_is_the_deviation_before_and_after() -> None:
    assert policy_impact(UNEVEN) == (
        "The deviation goes from 10 % to 2 %: 80 contacts change lists, so that the lists hold 1,020 / 980 / 1,000."
    )
    assert policy_impact(EVEN) == "The lists stay as they are, with a deviation of 1 %."


def test_the_alternatives_are_those_that_the_planner_worked_out() -> None:
    nothing, fewer, newcomers = policy_alternatives(UNEVEN)
    assert "would stay 10 %" in nothing
    assert "fewer than 80 moves cannot reach a deviation of 2 %" in fewer
    assert "there is none who could be enrolled" in newcomers


def test_waiting_for_the_end_of_the_cycle_is_an_alternative_only_when_something_is_deferred() -> None:
    assert any("until the open cycle closes" in one for one in policy_alternatives(RESTRICTED))
    assert not any("cycle" in one for one in policy_alternatives(UNEVEN))
    frozen = question(sizes=(1_200, 900, 900), frozen=frozenset({THIRD}))
    assert any("may be changed again" in one for one in policy_alternatives(frozen))


@pytest.mark.parametrize(
    ("policy", "newcomers", "words"),
    [
        (RebalancingPolicy(), 30, "all 30 available join already, and"),
        (RebalancingPolicy(enrol=EnrolNewcomers.OFF), 30, "switched off, so the 30 available are left out"),
    ],
)
def test_newcomers_instead_of_moves_are_judged_by_how_many_there_are(
    policy: RebalancingPolicy, newcomers: int, words: str
) -> None:
    assert any(words in one for one in policy_alternatives(question(newcomers=newcomers, policy=policy)))


@given(
    sizes=st.tuples(*[st.integers(0, 60)] * 3),
    newcomers=st.integers(0, 20),
    sent=st.frozensets(st.sampled_from(CAMPAIGN_LISTS)),
    frozen=st.frozensets(st.sampled_from(CAMPAIGN_LISTS)),
    enrol=st.sampled_from(EnrolNewcomers),
)
def test_every_plan_can_be_explained_and_a_model_may_choose_all_that_the_policy_says(
    sizes: tuple[int, int, int], newcomers: int, sent: Any, frozen: Any, enrol: EnrolNewcomers
) -> None:
    asked = question(sizes, newcomers, sent, frozen, RebalancingPolicy(enrol=enrol), suppressed=(0, 0, 0))
    catalogue, alone = rebalancing_statements(asked), own(asked)
    back = explain(access(AnsweringModel({part: list(catalogue.ids(part)) for part in PARTS})), asked)
    if asked.is_worth_asking:
        assert back.recorded.outcome is AdviceOutcome.ACCEPTED, back.recorded.verdict
    assert back.rationale.startswith(alone.rationale)
    assert back.alternatives_considered == alone.alternatives_considered
    assert set(alone.concerns) <= set(back.concerns)
    assert (back.rationale, back.expected_impact) > ("", "")
