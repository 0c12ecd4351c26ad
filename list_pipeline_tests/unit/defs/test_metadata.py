"""What others wrote is text beside an asset, never a link, an image or a cell of its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.defs import metadata as md

HOSTILE = [
    ("[here](https://odd.example)", r"\[here\](https://odd.example)"),
    ("![x](https://odd.example/a.png)", r"\!\[x\](https://odd.example/a.png)"),
    ("<https://odd.example>", r"\<https://odd.example>"),
    ("<img src=x>", r"\<img src=x>"),
    ("**bold** and __bold__", r"\*\*bold\*\* and \_\_bold\_\_"),
    ("`code` ~~gone~~", r"\`code\` \~\~gone\~\~"),
    ("a | b", r"a \| b"),
    ("a \\| b", r"a \\\| b"),
    ("first\n# second", "first # second"),
    ("first\r\n| second", r"first \| second"),
]


@pytest.mark.parametrize(("given_text", "shown"), HOSTILE)
def test_words_of_others_are_plain_text_in_lines_and_cells(given_text: str, shown: str) -> None:
    assert md.lines([given_text]).value == f"- {shown}"
    assert md.table([{"what": given_text}]).value == f"| what |\n|---|\n| {shown} |"


@given(st.text(st.sampled_from("\\\\`*_~[]!<|()a \n"), max_size=20))
def test_no_markup_is_left_that_is_not_escaped(value: str) -> None:
    (line,) = str(md.lines([f"x{value}"]).value).splitlines()
    left = re.sub(r"\\[\\`*_~\[\]!<|]", "", line)
    assert not re.search(r"[\\`*_~\[\]!<|]", left)


def test_a_table_of_people_is_complete_page_by_page() -> None:
    rows = [{"contact": number} for number in range(1, 102)]
    found = {name: str(value.value) for name, value in md.pages("who", rows).items()}
    assert list(found) == ["who", "who, 51 to 100", "who, 101 to 101"]
    shown = [int(cell) for page in found.values() for cell in re.findall(r"^\| (\d+) \|$", page, re.MULTILINE)]
    assert shown == list(range(1, 102))
    assert list(md.pages("who", rows[:50])) == ["who"]
    assert md.pages("who", [])["who"].value == "none"


def test_a_table_too_long_for_the_event_log_says_how_many_are_left() -> None:
    found = md.pages("who", [{"contact": number} for number in range(1_003)])
    assert list(found)[-2:] == ["who, 951 to 1,000", "who, the others"]
    assert str(found["who, the others"].value).startswith("3 more,")
    assert "who, the others" not in md.pages("who", [{"contact": number} for number in range(1_000)])


def test_a_percentage_is_the_one_that_people_read_elsewhere_and_no_figure_is_a_raw_float() -> None:
    found = md.counts(
        {"deviation_percent": 2.0304568527918785, "cost_usd": 0.000123456, "moves": 3, "share_percent": None}
    )
    assert {name: value.value for name, value in found.items()} == {
        "deviation_percent": 2.03, "cost_usd": 0.0001, "moves": 3,
    }  # fmt: skip


def test_what_is_ours_reads_as_before() -> None:
    assert md.lines(["List 2: 3.5 % of 1,000 (low 2 %, high 4 %); see #4."]).value == (
        "- List 2: 3.5 % of 1,000 (low 2 %, high 4 %); see #4."
    )
    assert md.lines([]).value == md.table([]).value == "none"
    assert str(md.lines(["x"] * 52).value).endswith("- … and 2 more")
    assert str(md.table([{"a": 1}] * 52).value).endswith("… and 2 more")
