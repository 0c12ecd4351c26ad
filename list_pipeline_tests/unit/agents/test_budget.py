"""The budget of a run: refused before sending, and never exceeded, also by threads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.agents.budget import Budget, Spending, worst_prompt_tokens
from list_pipeline.agents.consultation import (
    ModelAccess,
    consult,
)
from list_pipeline.core.advice import AdviceOutcome, AgentRecord, ModelAnswer, ModelRequest, Price
from list_pipeline.core.errors import (
    AuthenticationError,
    CircuitOpenError,
    RateLimitedError,
    TransientError,
)
from list_pipeline_tests.unit.agents.consultation_cases import (
    FAILURE,
    GOOD,
    LIMIT,
    PRICE,
    ScriptedModel,
    Verdict,
    answered,
    asked_of,
    question,
)


def test_a_question_that_does_not_fit_the_budget_is_not_sent() -> None:
    consultation, model = asked_of(GOOD, budget=Budget(tokens=LIMIT))

    assert model.asked == []
    assert consultation.record.outcome is AdviceOutcome.NOT_ASKED
    assert consultation.record.requests == 0
    assert "ADVISORS_TOKEN_BUDGET" in consultation.why_not


def test_the_schema_counts_as_much_as_the_words() -> None:
    asked = question()
    words = worst_prompt_tokens(asked.system + asked.prompt)

    consultation, _ = asked_of(GOOD, budget=Budget(tokens=words + LIMIT))

    assert consultation.record.outcome is AdviceOutcome.NOT_ASKED


@pytest.mark.parametrize("price", [PRICE, None])
def test_dollars_limit_as_well_also_for_a_model_of_unknown_price(price: Price | None) -> None:
    consultation, _ = asked_of(GOOD, budget=Budget(10**9, Decimal("0.001"), price))

    assert consultation.record.outcome is AdviceOutcome.NOT_ASKED


def test_the_cost_of_a_model_of_unknown_price_is_not_known() -> None:
    consultation, _ = asked_of(GOOD, budget=Budget(10**9, Decimal(5)))

    assert consultation.answer is not None
    assert consultation.record.cost_usd is None


def test_a_repair_that_does_not_fit_the_budget_is_not_sent_and_the_reason_stays() -> None:
    asked = question()
    worst = worst_prompt_tokens(asked.system + asked.prompt + json.dumps(asked.schema)) + LIMIT

    consultation, model = asked_of("no JSON", GOOD, budget=Budget(worst + 100))

    assert len(model.asked) == 1
    assert consultation.record.outcome is AdviceOutcome.UNREADABLE
    assert "the answer is no JSON" in consultation.why_not
    assert "budget" in consultation.why_not


def test_what_was_spent_before_counts() -> None:
    consultation, _ = asked_of(GOOD, budget=Budget(10_000, spent=Spending(9_900)))

    assert consultation.record.outcome is AdviceOutcome.NOT_ASKED


@pytest.mark.parametrize(
    ("failure", "is_counted"),
    [
        (TransientError(*FAILURE), True),
        (RateLimitedError(*FAILURE), False),
        (CircuitOpenError(*FAILURE), False),
        (AuthenticationError(*FAILURE), False),
    ],
)
def test_only_an_answer_that_may_have_been_lost_counts_without_having_come(
    failure: Exception, is_counted: bool
) -> None:
    budget = Budget(10_000)

    asked_of(failure, budget=budget)

    assert (budget.spent.tokens > LIMIT) is is_counted


SPENDING = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300), st.booleans()), max_size=30)


@given(SPENDING, st.integers(0, 5_000), st.integers(0, 50))
def test_a_budget_is_never_exceeded(questions: Iterable[tuple[int, int, bool]], tokens: int, cents: int) -> None:
    usd = Decimal(cents) / 100_000
    budget = Budget(tokens, usd, PRICE)
    for characters, output, is_lost in questions:
        reserved = budget.reserve("x" * characters, output)
        if reserved is None:
            continue
        if is_lost:
            budget.settle_lost(reserved)
        else:
            budget.settle(reserved, characters // 4, output // 2)

    assert budget.spent.tokens <= tokens
    assert budget.spent.usd <= usd


@settings(max_examples=25, deadline=None)
@given(SPENDING, st.integers(0, 5_000))
def test_a_budget_is_never_exceeded_by_threads_that_share_it(
    questions: list[tuple[int, int, bool]], tokens: int
) -> None:
    budget = Budget(tokens)

    class Spender(ScriptedModel):
        def generate(self, request: ModelRequest) -> ModelAnswer:
            return answered(
                GOOD,
                prompt_tokens=worst_prompt_tokens(request.system + request.prompt),
                output_tokens=request.max_output_tokens,
                thought_tokens=0,
            )

    def ask(each: tuple[int, int, bool]) -> AgentRecord:
        access = ModelAccess(Spender(iter(())), budget=budget)
        return consult(access, question(data={"x": "y" * each[0]}, max_output_tokens=each[1]), Verdict).record

    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(ask, questions))

    assert budget.spent.tokens <= tokens
    assert budget.spent.tokens == sum(sum(record.tokens.values()) for record in records)


@given(st.text(max_size=300))
def test_no_text_has_more_tokens_than_the_worst_case_or_less_than_a_third_of_its_characters(text: str) -> None:
    assert len(text.encode("utf-8", "replace")) >= worst_prompt_tokens(text) >= len(text) / 3
