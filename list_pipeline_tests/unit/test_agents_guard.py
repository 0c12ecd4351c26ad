"""A model's words against its input: no invented figure, item, link or address."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.base import json_within, quoted
from list_pipeline.agents.guard import Figures, figures_in, grounded, misnamed

DATA = {
    "recipients": 12_000,
    "groups": [{"contacts": 120, "confidence": 0.99, "note": "in 3 lists"}],
    "deviation_percent": 1.9,
}


def decimals(*texts: str) -> frozenset[Decimal]:
    return frozenset(Decimal(text).normalize() for text in texts)


def test_the_figures_of_the_input_are_its_numbers_its_percentages_and_the_numbers_in_its_texts() -> None:
    assert figures_in(DATA) == Figures(decimals("12000", "120", "0.99", "3"), decimals("99", "1.9"))


@pytest.mark.parametrize(
    "sentence",
    [
        "The plan concerns 120 contacts.",
        "Of 12,000 recipients few failed.",
        "Of 12000 recipients few failed.",
        "Of 12 000 recipients few failed.",
        "Confidence is 99 %.",
        "Confidence is 0.990.",
        "All three lists profit.",
        "The deviation is now 1.9%.",
        "Item c2 looks passing.",
        "No figures at all.",
    ],
)
def test_a_sentence_that_rests_on_the_input_stays(sentence: str) -> None:
    assert grounded(sentence, figures_in(DATA), ["c1", "c2"]) == (sentence, 0)


@pytest.mark.parametrize(
    "sentence",
    [
        "This saves 121 contacts.",
        "This saves 1,20 contacts.",
        "Bounces fall by 47%.",
        "Bounces fall by 120%.",
        "Bounces fall by three percent.",
        "That is worth 120 euros.",
        "That is worth $120.",
        "All five lists profit.",
        "Thousands of contacts profit.",
        "A dozen domains are concerned.",
        "About ½ of them fail.",
        "Since ٤٢ days.",
        "Item c99 looks passing.",
        "See https://evil.example for more.",
        "See www.evil.example for more.",
        "Write to jane@example.com now.",
        "<!channel> look at this.",
        "It is 1.2e5 in the end.",
    ],
)
def test_a_sentence_without_ground_is_dropped_and_the_others_stay(sentence: str) -> None:
    text = f"It starts well. {sentence} It ends well."

    assert grounded(text, figures_in(DATA), ["c1", "c2"]) == ("It starts well. It ends well.", 1)


@given(st.integers(min_value=13, max_value=10**12), st.sampled_from(["{}", "{:,}"]))
def test_a_number_passes_exactly_when_it_is_in_the_input(number: int, form: str) -> None:
    sentence = f"There are {form.format(number)} contacts."

    assert grounded(sentence, figures_in({"n": number})) == (sentence, 0)
    assert grounded(sentence, figures_in({"n": number + 1})) == ("", 1)


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    kept, dropped = grounded(text, Figures())

    assert dropped >= 0
    assert not any(character.isdecimal() for character in kept if kept)


def test_references_must_be_offered_and_judged_once() -> None:
    assert misnamed(["c1"], ["c1", "c2"]) is None
    assert misnamed([], ["c1"]) is None
    assert "never offered" in str(misnamed(["c1", "x9"], ["c1"]))
    assert "more than once" in str(misnamed(["c1", "c1"], ["c1"]))


def test_a_strangers_text_is_quoted_without_what_identifies_anybody() -> None:
    text = "550 5.1.1 <jane.doe@mail.example.com> unknown at mx1.example.net [192.0.2.7] id 88123456789 see http://x.example/y\n"

    shown = quoted(text, 200)

    for secret in ("jane", "example", "192.0.2", "88123456789", "http", "\n"):
        assert secret not in shown
    assert shown.startswith("550 5.1.1")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Sure:\n```json\n{"a": "}"}\n```\nDone', '{"a": "}"}'),
        ('{"a": 1}', '{"a": 1}'),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_json_is_found_in_prose(text: str, found: str) -> None:
    assert json_within(text) == found
