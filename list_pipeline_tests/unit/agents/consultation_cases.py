"""A small question and a model that gives prepared answers, for the tests of consulting.

Belongs here: questions and answers. Does not belong here: expectations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import Answer, Consultation, ModelAccess, Question, accept_any, consult
from list_pipeline.core.advice import ModelAnswer, ModelRequest, Price


class Verdict(Answer):
    """A small answer."""

    reason: str = Field(max_length=100)
    urgency: Literal["low", "high"]
    confidence: float = Field(ge=0, le=1)


GOOD = json.dumps({"reason": "All is well.", "urgency": "low", "confidence": 0.9})
LIMIT = 400
PRICE = Price(Decimal(1), Decimal(10))
FAILURE = ("Asking Gemini", "HTTP 503 UNAVAILABLE", "Try again later")

Given = str | ModelAnswer | Exception


def answered(text: str, finish: str = "STOP", seconds: float = 1.0, **tokens: int) -> ModelAnswer:
    counts = {"prompt_tokens": 100, "output_tokens": 20, "thought_tokens": 5} | tokens
    return ModelAnswer(
        text=text, finish_reason=finish, model_version="scripted-001", latency_ms=round(seconds * 1000), **counts
    )


@dataclass
class ScriptedModel:
    """Gives one prepared answer or failure after the other, and notes what it was asked."""

    script: Iterator[Given]
    model: str = "scripted"
    asked: list[ModelRequest] = field(default_factory=list)

    def generate(self, request: ModelRequest) -> ModelAnswer:
        self.asked.append(request)
        given = next(self.script)
        if isinstance(given, Exception):
            raise given
        return answered(given) if isinstance(given, str) else given


def model_of(*script: Given) -> ScriptedModel:
    return ScriptedModel(iter(script))


def model_that_ends_with(*script: Given) -> ScriptedModel:
    """Its answers in turn, the last one for ever."""
    return ScriptedModel(chain(script, repeat(script[-1])))


def question(**parts: Any) -> Question:
    given: dict[str, Any] = {
        "agent": "optimization",
        "prompt_version": "test-1",
        "system": "Be brief.",
        "task": "Judge.",
        "data": {"contacts": 12},
        "answer_type": Verdict,
        "temperature": 0.3,
        "max_output_tokens": LIMIT,
    }
    return Question(**{**given, **parts})


def asked_of(
    *script: Given, refusal: Callable[[Verdict], str | None] = accept_any, **access: Any
) -> tuple[Consultation[Verdict], ScriptedModel]:
    model = model_of(*script)
    return consult(ModelAccess(model=model, **access), question(), Verdict, refusal), model
