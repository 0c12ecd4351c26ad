"""What people read about rows at Mailjet that cannot be read."""

from __future__ import annotations

import json

import pytest

from list_pipeline.core.observations import RowKind, UnreadableRow
from list_pipeline.core.unreadable_rows import consequence_words, finding_words, row_words, unreadable_message

CONTACT = UnreadableRow(RowKind.CONTACT, 124, "Email should be a text and is list", 124)
NAMELESS = UnreadableRow(RowKind.RECIPIENT, -5, "ContactID is a number that is too large", list_id=7)
SEND = UnreadableRow(RowKind.CAMPAIGN, 9, "ListID should be a whole number and is str", None, 9, holds_moves=True)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (CONTACT, "contact 124: Email should be a text and is list"),
        (NAMELESS, "entry of a list without an id that can be read: ContactID is a number that is too large"),
        (SEND, "campaign 9: ListID should be a whole number and is str"),
        (UnreadableRow(RowKind.RECIPIENT, 5, "x", 124), "entry of a list 5 of contact 124: x"),
        (UnreadableRow(RowKind.MESSAGE, 5, "x", None, 77), "message 5 of Mailjet campaign 77: x"),
        (UnreadableRow(RowKind.BOUNCE, 5, "x", 124, 77), "row of the bounce log 5 of contact 124: x"),
    ],
)
def test_a_row_is_named_with_what_is_wrong_and_whom_it_is_about(row: UnreadableRow, words: str) -> None:
    assert row_words(row) == words


@pytest.mark.parametrize("kind", RowKind)
def test_every_kind_of_row_has_words(kind: RowKind) -> None:
    assert row_words(UnreadableRow(kind, 1, "x")).endswith(" 1: x")


def test_only_what_follows_from_these_rows_is_said_to_follow() -> None:
    assert "moved, enrolled nor suppressed" in consequence_words([CONTACT])
    assert "nobody moves between lists" not in consequence_words([CONTACT])
    assert "nobody moves between lists" in consequence_words([CONTACT, SEND])
    assert "counts for nobody" in consequence_words([UnreadableRow(RowKind.BOUNCE, 1, "x")])
    assert "nobody is moved from or to that list" in consequence_words([CONTACT, NAMELESS])
    assert "nobody is moved from or to that list" not in consequence_words([CONTACT])
    assert "moved, enrolled nor suppressed" not in consequence_words([NAMELESS])
    assert consequence_words([UnreadableRow(RowKind.CONTACT_LIST, 1, "x")]) == "Everything else goes on"


@pytest.mark.parametrize(("many", "said"), [(1, "1 row of"), (5, "5 rows of"), (6, "; and 1 more")])
def test_a_finding_names_a_few_rows_and_counts_the_others(many: int, said: str) -> None:
    rows = [UnreadableRow(RowKind.CONTACT, number, "x", number) for number in range(1, many + 1)]
    words = finding_words(rows)
    assert said in words
    assert words.count("contact ") == min(many, 5)
    shown = json.dumps(unreadable_message(rows).blocks)
    assert shown.count("contact ") >= min(many, 5)
    assert ("and 1 more" in shown) is (many == 6)
