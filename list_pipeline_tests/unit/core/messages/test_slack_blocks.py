"""Text that cannot mention or link, and blocks within Slack's limits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.messages import slack_blocks
from list_pipeline.core.messages.slack_blocks import (
    SlackMessage,
    as_text,
    compose,
    context,
    divider,
    escape,
    escape_within,
    fields,
    header,
    link,
    problems,
    section,
    untrusted,
    whole_lines,
)
from list_pipeline.sandbox.slack.limits import block_errors, blocks_too_long

NASTY = st.text(alphabet=st.one_of(st.sampled_from("<>&!@#|*_~`:/ \n\u202e\u200b"), st.characters()), max_size=400)
MENTIONS = ["<!channel>", "<!here>", "<!everyone>", "<@U012ABC>", "<!subteam^S1>", "<https://evil.example|Sign in>"]


@given(NASTY)
def test_untrusted_text_has_no_angle_bracket_and_no_bare_ampersand(text: str) -> None:
    shown = untrusted(text)

    assert "<" not in shown
    assert ">" not in shown
    assert re.sub(r"&(?:amp|lt|gt);", "", shown).count("&") == 0


@pytest.mark.parametrize("mention", MENTIONS)
def test_no_mention_or_link_survives_in_any_builder(mention: str) -> None:
    blocks = [
        section([untrusted(mention), compose("*{x}*", x=mention)]),
        fields([(mention, mention)]),
        context([compose("{x}", x=mention), link("https://app.example.com/1", mention)]),
    ]

    shown = str(blocks).replace("<https://app.example.com/1|", "")
    assert mention not in shown
    assert "<!" not in shown
    assert "<@" not in shown
    assert "<http" not in shown


@given(NASTY, st.integers(min_value=1, max_value=300))
def test_cutting_counts_the_escaped_length_and_never_splits_an_entity(text: str, limit: int) -> None:
    cut = escape_within(text, limit)

    assert len(cut) <= limit
    assert re.sub(r"&(?:amp|lt|gt);", "", cut).count("&") == 0
    if len(escape(text)) <= limit:
        assert cut == escape(text)


def test_bare_links_of_strangers_are_broken_and_ours_are_not() -> None:
    assert "https://" not in untrusted("see https://evil.example/x")
    assert link("https://app.example.com/a?b=1&c=2", "Details") == "<https://app.example.com/a?b=1&amp;c=2|Details>"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.com", "", "undefined/admin/1"])
def test_a_link_is_http_or_it_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        link(url, "x")


def test_a_url_cannot_break_out_of_its_link() -> None:
    made = link("https://app.example.com/a>b|<!channel> c", "Details")

    assert made.count("<") == made.count(">") == made.count("|") == 1


def test_addresses_and_direction_tricks_are_gone() -> None:
    assert untrusted("to jane.doe@example.com\u202e now\n\tplease") == "to [address] now please"


def test_nobody_can_open_a_code_block() -> None:
    assert untrusted("a ```b` c") == "a '''b' c"


def test_lines_that_do_not_fit_are_counted_not_cut() -> None:
    lines = [untrusted(f"line {number} " + "&" * 20) for number in range(100)]

    text = section(lines, 500)["text"]["text"]

    shown = text.split("\n")
    assert len(text) <= 500
    assert shown[:-1] == [str(line) for line in lines[: len(shown) - 1]]
    assert shown[-1] == f"_and {100 - len(shown) + 1} more lines_"


def test_one_line_that_does_not_fit_is_one_line() -> None:
    assert whole_lines([untrusted("a" * 50), untrusted("b" * 50)], 90).endswith("_and 1 more line_")


blocks_of_ours = st.lists(
    st.one_of(
        NASTY.map(header),
        st.lists(NASTY, min_size=1, max_size=30).map(lambda texts: section([untrusted(t) for t in texts], 800)),
        st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=2).map(fields),
        st.lists(NASTY, min_size=1, max_size=5).map(lambda texts: context([compose("id {t}", t=t) for t in texts])),
        st.just(divider()),
    ),
    max_size=6,
)


@given(blocks_of_ours)
def test_whatever_the_builders_make_is_taken_by_slack(blocks: list[dict[str, Any]]) -> None:
    assert block_errors(blocks) == []
    assert [each for each in problems("text", blocks) if "together" not in each] == []
    assert any("together" in each for each in problems("text", blocks)) is blocks_too_long(blocks)


def _text(kind: str, length: int) -> dict[str, Any]:
    return {"type": kind, "text": "x" * length}


BROKEN = [
    ([{"type": "header", "text": _text("plain_text", 151)}], "/blocks/0/text/text"),
    ([{"type": "header", "text": _text("mrkdwn", 5)}], "/blocks/0/text"),
    ([{"type": "header", "text": _text("plain_text", 0)}], "/blocks/0/text/text"),
    ([{"type": "section", "text": _text("mrkdwn", 3001)}], "/blocks/0/text/text"),
    ([{"type": "section"}], "/blocks/0"),
    ([{"type": "section", "fields": [_text("mrkdwn", 1)] * 11}], "/blocks/0/fields"),
    ([divider(), {"type": "section", "fields": [_text("mrkdwn", 2001)]}], "/blocks/1/fields/0/text"),
    ([{"type": "context", "elements": [_text("mrkdwn", 1)] * 11}], "/blocks/0/elements"),
    ([{"type": "context", "elements": []}], "/blocks/0/elements"),
    ([{"type": "actions", "elements": [{"type": "button", "text": _text("plain_text", 76)}]}], "/elements/0/text/text"),
    (
        [{"type": "actions", "elements": [{"type": "button", "text": _text("plain_text", 1), "value": "v" * 2001}]}],
        "/value",
    ),
    ([divider()] * 51, "/blocks"),
    ([{"type": "divider", "block_id": "b" * 256}], "/blocks/0/block_id"),
    ([{"type": "divider", "block_id": "same"}, {"type": "divider", "block_id": "same"}], "block"),
    ([{"type": "bogus"}], "/blocks/0/type"),
]


@pytest.mark.parametrize(("blocks", "place"), BROKEN)
def test_the_checker_and_slack_find_the_same_faults_at_the_same_place(blocks: list[dict[str, Any]], place: str) -> None:
    ours, theirs = problems("text", blocks), block_errors(blocks)

    assert any(place in each for each in ours), ours
    assert any(place in each for each in theirs), theirs


def test_blocks_too_long_together_and_a_missing_text_are_found() -> None:
    many = [section([untrusted("x" * 290)] * 9, 3000)] * 6

    assert any("together" in each for each in problems("text", many))
    assert blocks_too_long(many)
    assert any("fallback" in each for each in problems(" ", []))
    assert any("4000" in each for each in problems("x" * 4001, []))


def test_fields_beyond_ten_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="10"):
        fields([("a", "b")] * 11)


def test_a_terminal_gets_the_words_without_markup() -> None:
    blocks = [
        header("Title"),
        fields([("Contacts", "1 < 2")]),
        section([compose("*{x}*", x="Bold & plain"), slack_blocks.Mrkdwn("_aside_")]),
        context([link("https://app.example.com/1", "View Details")]),
    ]

    shown = as_text(SlackMessage("t", blocks))

    assert shown.splitlines() == [
        "Title",
        "=====",
        "",
        "Contacts: 1 < 2",
        "",
        "Bold & plain",
        "aside",
        "",
        "View Details: https://app.example.com/1",
    ]
    assert as_text(SlackMessage("only text", [])) == "only text\n"
