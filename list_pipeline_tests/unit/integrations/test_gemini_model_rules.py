"""Which models take a temperature and a thinking level, and what the sandbox's stand-in answers."""

from __future__ import annotations

import json

import pytest

from list_pipeline.integrations.gemini import accepts_sampling, accepts_thinking_level
from list_pipeline.sandbox.gemini.answers import compose_answer


@pytest.mark.parametrize(
    ("model", "sampling", "thinking"),
    [
        ("gemini-2.5-flash", True, False),
        ("gemini-2.5-pro", True, False),
        ("gemini-3-flash-preview", True, True),
        ("gemini-3.1-flash-lite", True, True),
        ("gemini-3.5-flash", True, True),
        ("models/gemini-3.5-flash", True, True),
        ("gemini-3.5-flash-lite", False, True),
        ("gemini-3.6-flash", False, True),
        ("gemini-3.8-flash", False, True),
        ("gemini-4-argon", False, True),
        ("gemini-flash-latest", False, False),
        ("something-else", False, False),
    ],
)
def test_a_temperature_and_a_thinking_level_go_only_to_models_that_take_one(
    model: str, sampling: bool, thinking: bool
) -> None:
    assert accepts_sampling(model) is sampling
    assert accepts_thinking_level(model) is thinking


ITEM = {"type": "object", "properties": {"reference": {"type": "string"}, "verdict": {"enum": ["agree", "hold"]}}}
SCHEMA = {
    "$defs": {"Item": ITEM},
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}, "rationale": {"type": "string"}},
}


def test_the_stand_in_judges_exactly_what_the_prompt_offers() -> None:
    data = {
        "contacts": 12,
        "b": [{"reference": "c1"}, {"reference": "c2"}],
    }

    answer = compose_answer(f"Judge.\n<data>{json.dumps(data)}</data>", SCHEMA)

    assert [item["reference"] for item in answer["items"]] == ["c1", "c2"]
    assert answer["rationale"] == "The figures are: contacts 12."
    assert answer == compose_answer(f"Judge.\n<data>{json.dumps(data)}</data>", SCHEMA)


@pytest.mark.parametrize("prompt", ["", "no data here", "<data>{broken</data>", "<data>[]</data>"])
def test_the_stand_in_answers_any_prompt_in_the_schema(prompt: str) -> None:
    answer = compose_answer(prompt, SCHEMA)

    assert answer["items"] == []
    assert answer["rationale"]
