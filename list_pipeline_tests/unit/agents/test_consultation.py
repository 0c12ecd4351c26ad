"""Consulting a model: recalled, asked, repaired once, within budget and time; and what is left of every failure."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.budget import Budget, Spending
from list_pipeline.agents.consultation import (
    DEADLINE_S,
    Answer,
    ModelAccess,
    consult,
)
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, AgentRecord, ModelAnswer, ModelRequest
from list_pipeline.core.errors import (
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    PermanentError,
    RateLimitedError,
    TransientError,
)
from list_pipeline_tests.unit.agents.consultation_cases import (
    FAILURE,
    GOOD,
    PRICE,
    ScriptedModel,
    Verdict,
    answered,
    asked_of,
    model_of,
    question,
)

# An answer that counts


def test_an_answer_of_the_wanted_shape_comes_back_with_its_record() -> None:
    consultation, model = asked_of(GOOD, budget=Budget(10_000, price=PRICE))

    record = consultation.record
    assert consultation.answer == Verdict(reason="All is well.", urgency="low", confidence=0.9)
    assert consultation.why_not == ""
    assert (record.outcome, record.source, record.verdict) == (
        AdviceOutcome.ACCEPTED,
        AdviceSource.MODEL,
        "accepted",
    )
    assert (record.model, record.model_version, record.requests, record.latency_ms) == (
        "scripted",
        "scripted-001",
        1,
        1000,
    )
    assert record.tokens == {"prompt": 100, "output": 20, "thought": 5}
    assert record.cost_usd == Decimal("0.00035")
    assert record.prompt == question().recorded
    assert record.prompt_hash == question().hash
    assert record.finish_reason == "STOP"
    assert len(model.asked) == 1


def test_what_a_guard_left_out_makes_the_answer_a_trimmed_one() -> None:
    consultation, _ = asked_of(GOOD)

    trimmed = consultation.accepted(("1 sentence was dropped",))
    assert (trimmed.outcome, trimmed.source) == (AdviceOutcome.TRIMMED, AdviceSource.MODEL)
    assert trimmed.verdict == "accepted: 1 sentence was dropped"
    assert consultation.refused("nothing is left").outcome is AdviceOutcome.REFUSED
    assert consultation.refused("nothing is left").source is AdviceSource.POLICY


@pytest.mark.parametrize(("settings_say", "sent"), [({}, 0.3), ({"optimization": 0.0}, 0.0), ({"reporting": 1.0}, 0.3)])
def test_the_temperature_is_the_advisors_unless_settings_say_another(
    settings_say: dict[str, float], sent: float
) -> None:
    _, model = asked_of(GOOD, temperatures=settings_say)

    assert model.asked[0].temperature == sent


def test_prose_and_a_fence_around_the_answer_are_no_fault() -> None:
    consultation, model = asked_of(f"Sure:\n```json\n{GOOD}\n```\nMore?")

    assert consultation.record.outcome is AdviceOutcome.ACCEPTED
    assert len(model.asked) == 1


# Recall


def recorded(answer: str | None, **parts: Any) -> AgentRecord:
    asked = question()
    known = AgentRecord(
        agent=asked.agent,
        source=AdviceSource.MODEL,
        model="older",
        prompt_version=asked.prompt_version,
        prompt_hash=asked.hash,
        prompt=asked.recorded,
        answer=answer,
        verdict="accepted",
        outcome=AdviceOutcome.ACCEPTED,
        model_version="older-001",
        requests=2,
        prompt_tokens=300,
        output_tokens=40,
        thought_tokens=9,
        cost_usd=Decimal("0.02"),
        latency_ms=4_000,
        finish_reason="STOP",
    )
    return replace(known, **parts)


@pytest.mark.parametrize("is_configured", [True, False])
def test_an_identical_question_is_answered_from_the_record_without_asking_and_without_cost(is_configured: bool) -> None:
    model, budget = model_of(), Budget(10_000, price=PRICE)
    wanted: list[tuple[str, str]] = []

    def recall(agent: str, prompt_hash: str) -> AgentRecord:
        wanted.append((agent, prompt_hash))
        return recorded(GOOD)

    access = ModelAccess(model if is_configured else None, recall, budget)
    consultation = consult(access, question(), Verdict)

    record = consultation.record
    assert consultation.answer == Verdict(reason="All is well.", urgency="low", confidence=0.9)
    assert wanted == [("optimization", question().hash)]
    assert model.asked == []
    assert (record.is_recalled, record.model, record.outcome) == (True, "older", AdviceOutcome.ACCEPTED)
    assert (record.requests, set(record.tokens.values()), record.latency_ms) == (0, {0}, 0)
    assert record.cost_usd == 0
    assert budget.spent == Spending()


@pytest.mark.parametrize(
    ("answer", "finish"), [("no JSON", "STOP"), (GOOD, "MAX_TOKENS"), ("", "SAFETY"), ('{"reason": "x"}', "STOP")]
)
def test_an_answer_that_was_of_no_use_is_not_asked_for_again(answer: str, finish: str) -> None:
    model = model_of()
    known = recorded(answer, finish_reason=finish)

    consultation = consult(ModelAccess(model, lambda *_: known), question(), Verdict)

    assert consultation.answer is None
    assert consultation.record.is_recalled
    assert consultation.record.source is AdviceSource.POLICY
    assert consultation.record.outcome is AdviceOutcome.UNREADABLE
    assert model.asked == []


def test_a_recalled_answer_passes_the_same_guard() -> None:
    consultation = consult(
        ModelAccess(model_of(), lambda *_: recorded(GOOD)), question(), Verdict, lambda _: "it is about another list"
    )

    assert consultation.answer is None
    assert consultation.record.outcome is AdviceOutcome.REFUSED


def test_a_question_that_got_no_answer_is_asked_again_by_the_next_run() -> None:
    consultation, model = asked_of(GOOD, recall=lambda *_: recorded(None, outcome=AdviceOutcome.UNANSWERED))

    assert consultation.record.outcome is AdviceOutcome.ACCEPTED
    assert not consultation.record.is_recalled
    assert len(model.asked) == 1


def test_the_identity_of_a_question_is_all_of_its_words_and_its_schema() -> None:
    class Other(Answer):
        reason: str

    others = [
        question(data={"contacts": 13}),
        question(task="Judge well."),
        question(system="Be long."),
        question(answer_type=Other),
    ]

    assert len({question().hash, *(each.hash for each in others)}) == 5
    assert question(temperature=0.9, max_output_tokens=1).hash == question().hash


# Repair


def test_an_unreadable_answer_is_asked_for_once_more_with_the_reason_and_everything_is_summed() -> None:
    budget = Budget(10_000, price=PRICE)
    consultation, model = asked_of('{"reason": "x", "confidence": 0.5}', answered(GOOD, seconds=2), budget=budget)

    record = consultation.record
    assert consultation.answer is not None
    assert "Missing required field: urgency" in model.asked[1].prompt
    assert model.asked[1].prompt.startswith(model.asked[0].prompt)
    assert (record.requests, record.latency_ms, record.answer) == (2, 3000, GOOD)
    assert record.tokens == {"prompt": 200, "output": 40, "thought": 10}
    assert record.cost_usd == Decimal("0.0007")
    assert budget.spent == Spending(250, Decimal("0.0007"))
    assert record.prompt == question().recorded


def test_a_refused_answer_is_asked_for_once_more_with_the_reason() -> None:
    wrong = json.dumps({"reason": "x", "urgency": "high", "confidence": 0.5})

    consultation, model = asked_of(
        wrong, GOOD, refusal=lambda given: "it is about another list" if given.urgency == "high" else None
    )

    assert consultation.answer is not None
    assert "could not be used: it is about another list." in model.asked[1].prompt


def test_nothing_is_repaired_a_second_time() -> None:
    consultation, model = asked_of("no JSON", "no JSON either", GOOD)

    assert consultation.answer is None
    assert len(model.asked) == 2
    assert consultation.record.requests == 2
    assert consultation.record.answer == "no JSON either"
    assert consultation.record.verdict == "not used: the answer is no JSON"


def test_when_the_repair_fails_the_first_answer_stays_on_record_with_both_reasons() -> None:
    consultation, _ = asked_of("no JSON", TransientError(*FAILURE))

    record = consultation.record
    assert consultation.answer is None
    assert (record.answer, record.outcome, record.requests) == ("no JSON", AdviceOutcome.UNREADABLE, 2)
    assert "the answer is no JSON" in consultation.why_not
    assert "HTTP 503" in consultation.why_not


@pytest.mark.parametrize(
    "finish", ["SAFETY", "RECITATION", "BLOCKED:PROHIBITED_CONTENT", "", "SOMETHING_NEWER", "SPII"]
)
def test_a_block_is_not_repaired(finish: str) -> None:
    consultation, model = asked_of(answered("", finish), GOOD)

    assert consultation.answer is None
    assert consultation.record.outcome is AdviceOutcome.UNREADABLE
    assert (finish or "no candidate") in consultation.why_not
    assert len(model.asked) == 1


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "SAFETY", "SOMETHING_NEWER"])
def test_an_answer_that_did_not_end_normally_is_not_read_even_where_it_could_be(finish: str) -> None:
    consultation, _ = asked_of(answered(GOOD, finish), answered(GOOD, finish))

    assert consultation.answer is None


# Time


def test_question_and_repair_share_the_deadline() -> None:
    _, model = asked_of(answered("no JSON", seconds=12.5), GOOD)

    assert [each.within_s for each in model.asked] == [DEADLINE_S, DEADLINE_S - 12.5]


@pytest.mark.parametrize("seconds", [28.5, 30.0, 40.0])
def test_a_repair_for_which_no_time_is_left_is_not_begun(seconds: float) -> None:
    consultation, model = asked_of(answered("no JSON", seconds=seconds), GOOD)

    assert consultation.answer is None
    assert len(model.asked) == 1


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=2, max_size=2))
def test_the_total_time_never_passes_the_deadline(shares: list[float]) -> None:
    """A model that uses up to all of what it is given."""
    total = 0.0

    class Slow(ScriptedModel):
        def generate(self, request: ModelRequest) -> ModelAnswer:
            nonlocal total
            within = request.within_s or 0.0
            taken = within * next(used)
            total += taken
            return answered("no JSON", seconds=taken)

    used = iter(shares)
    consult(ModelAccess(Slow(iter(()))), question(), Verdict)

    assert total <= DEADLINE_S + 0.001


# Failures


@pytest.mark.parametrize(
    "failure",
    [
        TransientError(*FAILURE),
        RateLimitedError(*FAILURE, 26.0),
        CircuitOpenError(*FAILURE),
        PermanentError(*FAILURE),
        AuthenticationError(*FAILURE),
        ConfigurationError(*FAILURE),
    ],
)
def test_every_failure_of_the_service_ends_without_answer_and_says_why(failure: Exception) -> None:
    consultation, model = asked_of(failure)

    record = consultation.record
    assert consultation.answer is None
    assert (record.outcome, record.source) == (AdviceOutcome.UNANSWERED, AdviceSource.POLICY)
    assert (record.requests, record.answer) == (1, None)
    assert consultation.why_not == "HTTP 503 UNAVAILABLE. Try again later"
    assert not record.outcome.counts
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the answer was empty"),
        ("  \n", "the answer was empty"),
        ("null", "does not fit its schema"),
        ("[1, 2]", "does not fit its schema"),
        (GOOD[:-20], "no JSON"),
        (GOOD + GOOD, "no JSON"),
        ('{"unexpected": 1}', "Missing required field"),
        (GOOD.replace('"low"', '"urgent"'), "does not fit its schema"),
        (GOOD.replace("0.9", "1.5"), "does not fit its schema"),
        (GOOD.replace("0.9", "NaN"), "does not fit its schema"),
        (GOOD.replace("0.9", '"0.9"'), "does not fit its schema"),
        (GOOD.replace("0.9", "true"), "does not fit its schema"),
        (GOOD.replace("0.9", "9" * 5_000), "no JSON"),
        (GOOD.replace('"low"', '"low", "more": 1'), "does not fit its schema"),
        ('{"reason": ' + "[" * 100_000, "no JSON"),
        ('{"reason": ' + "[" * 100_000 + "]" * 100_000 + "}", "no JSON"),
    ],
)
def test_what_is_no_answer_of_the_wanted_shape_is_unreadable(text: str, why: str) -> None:
    consultation, model = asked_of(text, text)

    assert consultation.answer is None
    assert consultation.record.outcome is AdviceOutcome.UNREADABLE
    assert why in consultation.why_not
    assert len(model.asked) == 2


def test_without_a_model_nothing_is_asked() -> None:
    consultation = consult(ModelAccess(), question(), Verdict)

    assert consultation.record.outcome is AdviceOutcome.NOT_ASKED
    assert consultation.record.model is None
    assert consultation.record.requests == 0
    assert "GEMINI_API_KEY" in consultation.why_not


def test_a_mistake_in_our_own_code_is_not_taken_for_a_failure_of_the_model() -> None:
    with pytest.raises(ZeroDivisionError):
        asked_of(ZeroDivisionError())
