"""A file of verdicts is read as people and verifiers write it, and refused where it cannot be understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.foreign_text import id_in
from list_pipeline.core.verdict_imports import files
from list_pipeline.core.verdict_imports.files import Said, meaning_of, read_file


def rows(text: str, column: str | None = None) -> list[tuple[int, str, Said]]:
    return [(row.line, row.contact, row.said) for row in read_file(text, column).rows]


@pytest.mark.parametrize(
    "text",
    [
        "17\njane@example.com\n",
        "\ufeff17\r\njane@example.com\r\n",
        "  17  \n\n jane@example.com",
        "contact_id\n17\njane@example.com\n",
        "E-Mail\n17\njane@example.com\n",
    ],
)
def test_a_list_of_ids_and_addresses_means_each_of_them(text: str) -> None:
    found = read_file(text)
    assert [(row.contact, row.said) for row in found.rows] == [("17", Said.LISTED), ("jane@example.com", Said.LISTED)]
    assert not found.has_verdicts


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_verifiers_columns_are_found_by_their_names(delimiter: str) -> None:
    lines = (
        ("Name", "Email Address", "ZB Status", "Sub"),
        ("Jane", "jane@example.com", "invalid", "mailbox_not_found"),
        ("", "joe@example.com", "Valid", ""),
        ("", "jim@example.com", "catch-all", ""),
        ("", "jo@example.com", "", ""),
    )
    text = "\n".join(delimiter.join(cells) for cells in lines)
    assert rows(text) == [
        (2, "jane@example.com", Said.UNDELIVERABLE),
        (3, "joe@example.com", Said.DELIVERABLE),
        (4, "jim@example.com", Said.UNCLEAR),
        (5, "jo@example.com", Said.UNCLEAR),
    ]
    assert read_file(text).has_verdicts


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_line_in_which_excel_names_the_separator_is_no_row(separator: str) -> None:
    lines = (("email", "note", "result"), ("jane@example.com", "a, b; c", "invalid"))
    text = "\n".join(separator.join(f'"{cell}"' for cell in cells) for cells in lines)
    assert rows(f"\ufeffsep={separator}\r\n{text}\r\n") == [(3, "jane@example.com", Said.UNDELIVERABLE)]


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_the_ends_of_lines_end_a_row(odd: str) -> None:
    text = f"email,note,result\r\njane@example.com,a{odd}joe@example.com,invalid\rjim@example.com,,valid\n"
    assert rows(text) == [(2, "jane@example.com", Said.UNDELIVERABLE), (3, "jim@example.com", Said.DELIVERABLE)]


def test_addresses_alone_need_no_header() -> None:
    assert [contact for _, contact, _ in rows("jane@example.com\njoe@example.com\n")] == [
        "jane@example.com",
        "joe@example.com",
    ]


def test_a_column_without_a_name_is_no_verdict() -> None:
    assert rows("\n\nid;;\n17;;\n") == [(4, "17", Said.LISTED)]


def test_the_id_counts_before_the_address_which_stands_in_for_it() -> None:
    text = "email,id,result\njane@example.com,17,undeliverable\njoe@example.com,,undeliverable\n,,undeliverable\n"
    assert [contact for _, contact, _ in rows(text)] == ["17", "joe@example.com", ""]


def test_the_address_beside_an_id_is_kept_for_comparison() -> None:
    text = "email,id,mail,result\n jane@example.com,17,,invalid\nJane,18,joe@example.com,invalid\nj@example.com,,,\n,19,,\n"
    assert [row.address for row in read_file(text).rows] == ["jane@example.com", "joe@example.com", "", ""]


def test_the_line_is_that_of_the_file() -> None:
    assert [line for line, _, _ in rows("id\n\n17\n,\n\n18\n")] == [3, 6]


def test_a_column_of_verdicts_can_be_named() -> None:
    text = "email,Our Check,status\njane@example.com,invalid,customer\n"
    assert rows(text, "our_check") == [(2, "jane@example.com", Said.UNDELIVERABLE)]
    assert rows(text) == [(2, "jane@example.com", Said.UNCLEAR)]


def test_a_short_row_has_no_verdict() -> None:
    assert rows("id,status\n17\n") == [(2, "17", Said.UNCLEAR)]


@pytest.mark.parametrize(
    ("text", "column", "happened"),
    [
        ("", None, "empty"),
        (" \n,,\n", None, "empty"),
        ("id,status\n", None, "no row below"),
        ("name,city\nJane,Paris\n", None, "no column of its header"),
        ("id,remark\n17,invalid\n", None, "none of them has a name"),
        ("id,status\n17,invalid\n", "verdict", "no column with the name"),
        ("17,invalid\n18,valid\n", None, "no header"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, column: str | None, happened: str) -> None:
    with pytest.raises(RefusedError, match=happened):
        read_file(text, column)


def test_a_row_that_is_no_row_is_named_by_its_line() -> None:
    with pytest.raises(RefusedError, match="line 3 is no row"):
        read_file(f"id\n17\n{'9' * 200_000}\n")


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    assert len(read_file("id\n1\n2\n").rows) == 2
    with pytest.raises(RefusedError, match="3 rows"):
        read_file("id\n1\n2\n3\n")


@pytest.mark.parametrize(
    "word", ["invalid", "Undeliverable", "mailbox_not_found", "user-unknown", " DEAD ", "rejected_email"]
)
def test_words_that_say_there_is_no_mailbox(word: str) -> None:
    assert meaning_of(word) is Said.UNDELIVERABLE


@pytest.mark.parametrize(
    "word",
    ["", "unknown", "catch-all", "accept_all", "risky", "disposable", "role", "spamtrap", "abuse", "do_not_mail", "not valid",
     "validated", "0", "error", "invalid?"],
)  # fmt: skip
def test_every_other_word_is_unclear(word: str) -> None:
    assert meaning_of(word) is Said.UNCLEAR


def test_an_id_is_a_number_that_fits_a_column() -> None:
    assert (id_in("17"), id_in("9" * 18)) == (17, 10**18 - 1)
    assert [id_in(text) for text in ("9" * 19, "-1", "1.0", "²", "", "jane")] == [None] * 6


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_without_repeating_it(text: str) -> None:
    try:
        found = read_file(text)
    except RefusedError as error:
        said = str(error)
    else:
        said = "".join(str(row.line) for row in found.rows if row.line >= 1)
    assert said
    assert not any(word in said for word in text.split() if len(word) > 6 and "@" in word)
