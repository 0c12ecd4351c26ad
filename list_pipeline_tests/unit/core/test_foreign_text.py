"""What of texts, numbers and instants from outside can be kept, sent on and shown."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from list_pipeline.core.foreign_text import (
    LONGEST_ADDRESS,
    LONGEST_TEXT,
    REPLACEMENT,
    address_problem,
    is_plausible,
    storable,
    storable_value,
    tamed,
)

ANYTHING = st.text(st.characters(codec=None, categories=None))
"""Every character that Python has, halves of surrogate pairs and NUL too."""


@given(ANYTHING)
@example("a\ud83db\x00c")
def test_whatever_was_written_can_be_stored_afterwards(text: str) -> None:
    kept = storable(text)
    kept.encode("utf-8")
    assert "\x00" not in kept
    assert len(kept) == len(text)
    assert storable(kept) == kept


@pytest.mark.parametrize("text", ["", "Frühling 🌷", "two\nlines\twith a tab", "\x1b[31mred"])
def test_a_text_that_can_be_stored_stays_the_very_same(text: str) -> None:
    assert storable(text) is text


@given(
    st.recursive(ANYTHING | st.integers() | st.none(), lambda part: st.lists(part) | st.dictionaries(ANYTHING, part))
)
def test_every_text_in_a_value_of_json_can_be_stored(value: object) -> None:
    written = json.dumps(storable_value(value), ensure_ascii=False)
    written.encode("utf-8")
    assert "\\u0000" not in written.replace("\\\\", "")


@given(ANYTHING)
@example("a\x1b]0;title\x07b")
@example("x" * 100_000)
def test_a_strangers_text_is_tamed_for_a_terminal_and_cut(text: str) -> None:
    shown = tamed(text)
    assert len(shown) <= LONGEST_TEXT
    assert storable(shown) == shown
    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)
    assert not any(0x7F <= ord(character) < 0xA0 for character in shown)
    assert tamed(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Deal\x00 of the day", f"Deal{REPLACEMENT} of the day"),
        ("\ud83d half", f"{REPLACEMENT} half"),
        ("\x1b[2Jgone", f"{REPLACEMENT}[2Jgone"),
        ("x" * 1_000, "x" * 1_000),
        ("x" * 1_001, "x" * 999 + "…"),
        ("evil\u202etxt", f"evil{REPLACEMENT}txt"),
        ("a\r\nb", f"a{REPLACEMENT}\nb"),
    ],
)
def test_what_cannot_be_shown_is_replaced(text: str, shown: str) -> None:
    assert tamed(text) == shown


@pytest.mark.parametrize(
    "address",
    [
        "jane@example.com",
        "Jané.Doe+news@Example.com",
        "o'brien@example.co.uk",
        "müller@bücher.example",
        "x" * 64 + "@example.com",
        "a" * (LONGEST_ADDRESS - len("@example.com")) + "@example.com",
    ],
)
def test_an_ordinary_address_is_fit_to_be_sent(address: str) -> None:
    assert address_problem(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        "", "jane", "@example.com", "jane@", "a@b@c.example", "jane@example.com\n", "ja\x00ne@example.com", "jane @example.com",
        "jane@example.com,joe@example.com", "jane;joe@example.com", '"jane"@example.com', "<jane@example.com>",
        "jane@[192.168.1.1]", "jane\ud83d@example.com", f"jane{REPLACEMENT}@example.com", "=cmd@example.com",
        "jane\u202e@example.com", "jane\u200b@example.com", "a" * LONGEST_ADDRESS + "@example.com", "(jane)@example.com",
        "jane\\@example.com", "jane:joe@example.com", "jane\u00a0@example.com",
    ],
)  # fmt: skip
def test_an_address_with_something_that_does_not_belong_there_is_not(address: str) -> None:
    problem = address_problem(address)
    assert problem
    assert not address or address not in problem


@given(ANYTHING.map(lambda text: f"{text}@example.com") | ANYTHING)
def test_whatever_is_fit_stays_one_cell_of_one_line_in_a_file(address: str) -> None:
    if address_problem(address):
        return
    written = io.StringIO()
    csv.writer(written).writerow(["1", address])
    assert written.getvalue() == f"1,{address}\r\n"
    address.encode("utf-8")


@pytest.mark.parametrize(
    ("year", "plausible"),
    [(1, False), (1989, False), (1990, True), (2026, True), (2199, True), (2200, False), (9999, False)],
)
def test_nothing_happened_before_mailjet_or_happens_in_centuries(year: int, plausible: bool) -> None:
    assert is_plausible(datetime(year, 1, 1, tzinfo=UTC)) is plausible
