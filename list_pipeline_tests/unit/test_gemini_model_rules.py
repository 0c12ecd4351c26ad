"""Which models take a temperature, and what the sandbox's stand-in answers."""

from __future__ import annotations

import json

import pytest

from list_pipeline.integrations.gemini import accepts_sampling
from list_pipeline.sandbox.gemini_answers import compose_answer, with_invented_references


@pytest.mark.parametrize(
    ("model", "accepted"),
    [
        ("gemini-2.5-flash", True),
        ("gemini-2.5-pro", True),
        ("gemini-3.1-flash-lite", True),
        ("gemini-3.5-flash", True),
        ("gemini-3.5-flash-lite", False),
        ("gemini-3.6-flash", False),
        ("gemini-3.8-flash", False),
        ("gemini-4-argon", False),
        ("gemini-flash-latest", False),
        ("something-else", False),
    ],
)
def test_a_temperature_goes_only_to_models_that_take_one(model: str, accepted: bool) -> None:
    assert accepts_sampling(model) is accepted


ITEM = {"type": "object", "properties": {"reference": {"type": "string"}, "verdict": {"enum": ["agree", "hold"]}}}
SCHEMA = {
    "$defs": {"Item": ITEM},
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}, "rationale": {"type": "string"}},
}


def test_the_stand_in_judges_exactly_what_the_prompt_offers() -> None:
    data = {
        "groups": [{"contacts": 12, "domains": 3, "reason": "hard_bounce"}],
        "b": [{"reference": "c1"}, {"reference": "c2"}],
    }

    answer = compose_answer(f"Judge.\n<data>{json.dumps(data)}</data>", SCHEMA)

    assert [item["reference"] for item in answer["items"]] == ["c1", "c2"]
    assert "12 contacts with hard bounce at 3 domains" in answer["rationale"]
    assert answer == compose_answer(f"Judge.\n<data>{json.dumps(data)}</data>", SCHEMA)
    assert [item["reference"] for item in with_invented_references(answer)["items"]] == ["xc1", "xc2"]


@pytest.mark.parametrize("prompt", ["", "no data here", "<data>{broken</data>", "<data>[]</data>"])
def test_the_stand_in_answers_any_prompt_in_the_schema(prompt: str) -> None:
    answer = compose_answer(prompt, SCHEMA)

    assert answer["items"] == []
    assert answer["rationale"]
