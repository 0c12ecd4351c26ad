"""What people type beside a decision, as it is kept: shown, short, storable and without addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import RefusedError
from list_pipeline.operations.people import in_own_words, reason_of


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=80))
def test_whatever_is_typed_can_be_kept_and_shown(note: str) -> None:
    kept = in_own_words(note)
    kept.encode()
    assert not set(kept) & {"\x00", "\x1b", "\x9b", "\u202e", "\u2066"}
    assert len(kept) <= 500


def test_a_note_is_kept_as_it_was_typed_where_nothing_is_wrong_with_it() -> None:
    for note in ("asked by phone", "две причины: 1 и 2", "👍", "a\nb"):
        assert in_own_words(f" {note}\n") == note
    assert in_own_words("jane@example.com asked, see jane=40example.com") == "[address] asked, see [address]"
    assert in_own_words("a\x1b[31mb") == "a\N{REPLACEMENT CHARACTER}[31mb"
    assert in_own_words(None) == ""


def test_a_note_of_megabytes_is_cut_and_holds_no_part_of_an_address() -> None:
    assert in_own_words("x" * 10_000_000) == "x" * 500
    assert in_own_words(f"{'x ' * 247}jane.doe@example.com") == f"{'x ' * 247}[addre"


@pytest.mark.parametrize("note", ["", " ", "\u200b", "\u2800", "\u3164\n", "\u202e", "\ue000"])
def test_what_nobody_sees_is_no_note(note: str) -> None:
    assert in_own_words(note) == ""


@pytest.mark.parametrize("note", ["", "  ", "\u200b", "\u2800", ".", "--", "\x00", "?!"])
def test_a_reason_has_a_letter_or_a_digit(note: str) -> None:
    with pytest.raises(RefusedError, match="no reason is given"):
        reason_of(note, "Deciding")
    assert reason_of(f"{note} 7", "Deciding").endswith("7")
