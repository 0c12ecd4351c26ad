"""What reaches a terminal or a program: whole, harmless, and one document."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from list_pipeline.cli import output
from list_pipeline.cli.common import NotConfirmedError, confirm
from list_pipeline.cli.output import Whole, answer, cleaned, give, plain, say, say_values, show_table, write_json
from list_pipeline_tests.paths import CHECKOUT

KEY = "2026-11-19-r3-1234567"


@pytest.fixture(autouse=True)
def _a_command_of_its_own() -> Iterator[None]:
    answer.begin()
    yield
    answer.begin()


def on_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(output, "console", Console(width=width, force_terminal=True, markup=False))


@pytest.mark.parametrize("width", [1, 20, 80, 300])
def test_a_key_is_whole_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    on_terminal(monkeypatch, width)
    ids = ", ".join(str(254510515 + number) for number in range(30))
    show_table(
        (Whole("key"), "campaign", Whole("plan"), "ids"),
        [(f"{KEY} and more", "A name of many words " * 9, "12345", ids)],
    )
    shown = capsys.readouterr().out
    assert all(one in shown for one in ids.split(", "))
    assert f"{KEY} and more" in shown
    assert KEY in shown
    assert "12345" in shown
    assert "…" not in shown
    assert len({len(line) for line in shown.splitlines()}) == 1


def test_in_a_pipe_a_row_is_one_line(capsys: Any) -> None:
    show_table((Whole("key"), "campaign"), [(KEY, "A name of many words " * 9)])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if KEY in line]
    assert "A name of many words " * 8 in line


@pytest.mark.parametrize("hostile", ["Deal [/b]", "[sale]", "[link=https://x.example]here[/link]", ":warning:"])
def test_markup_in_a_name_is_text(hostile: str, capsys: Any) -> None:
    show_table(("campaign",), [(hostile,)])
    say(hostile)
    assert capsys.readouterr().out.count(hostile) == 2


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\u202etxt", "\u2028", "\udcff", "a\nb"]
)
def test_no_data_reaches_the_terminal_as_a_command_or_begins_a_line(hostile: str, capsys: Any) -> None:
    show_table(("campaign",), [(hostile,)])
    say(hostile)
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 6
    assert not set(shown) & set("\x1b\x9b\x07\r\u202e\u2028\udcff")
    assert "\\" in shown


@given(st.text())
def test_cleaned_text_can_always_be_written_on_one_line(text: str) -> None:
    shown = cleaned(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()


def test_an_address_is_never_shown_and_a_masked_one_stays(capsys: Any) -> None:
    say("jane.doe@example.com and j***@e***.com")
    show_table(("who",), [("jane.doe@example.com",)])
    write_json({"who": "jane.doe@example.com", "jane.doe@example.com": 1})
    said = capsys.readouterr().out
    assert "jane.doe" not in said
    assert "j***@e***.com" in said


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Thing:
    colour: Colour
    at: datetime
    parts: tuple[int, ...]


def test_values_are_json_whatever_they_are() -> None:
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert plain({Colour.RED: Thing(Colour.RED, at, (1, 2)), "set": {3, 1}, "none": None}) == {
        "red": {"colour": "red", "at": "2026-11-20T09:00:00+00:00", "parts": [1, 2]},
        "set": [1, 3],
        "none": None,
    }
    assert plain([Decimal("1.5"), float("nan"), timedelta(minutes=1), date(2026, 1, 2), True, object]) == [
        1.5,
        None,
        60.0,
        "2026-01-02",
        True,
        "<class 'object'>",
    ]


def test_values_within_values_are_lines_and_no_python(capsys: Any) -> None:
    say_values(
        {"sizes": {"master": {"raw": 3}}, "ids": [1, 2], "none": None, "yes": True, "rows": [{"a": 1}], "empty": []}
    )
    assert capsys.readouterr().out.splitlines() == [
        "sizes:",
        "  master:",
        "    raw: 3",
        "ids: 1, 2",
        "none: -",
        "yes: yes",
        "rows:",
        "  1:",
        "    a: 1",
        "empty: none",
    ]


def test_where_a_machine_reads_nothing_else_is_said(capsys: Any) -> None:
    answer.is_json = True
    say("words")
    show_table(("a",), [("b",)])
    output.progress("reading")
    say_values({"a": 1})
    give({"a": 1})
    give({"b": "ü\x1b"})
    write_json(answer.document)
    said = capsys.readouterr()
    assert json.loads(said.out) == {"a": 1, "b": "ü\x1b"}
    assert said.out.isascii()
    assert said.err == ""


# Asking


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_person_at_a_terminal_is_asked(typed: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", asked)
    if goes_on:
        confirm("Dropping it", "it is gone", yes=False)
    else:
        with pytest.raises(NotConfirmedError, match="it was not confirmed"):
            confirm("Dropping it", "it is gone", yes=False)
    assert asked.getvalue() == "Dropping it: it is gone. Go on? [y/N] "


def test_nobody_is_asked_where_nobody_is_or_a_machine_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(NotConfirmedError, match="--yes"):
        confirm("Dropping it", "it is gone", yes=False)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    answer.is_json = True
    with pytest.raises(NotConfirmedError):
        confirm("Dropping it", "it is gone", yes=False)
    confirm("Dropping it", "it is gone", yes=True)


def test_the_commands_say_what_they_say_through_one_module() -> None:
    """Rich, read by a command itself, would read markup in names and cut keys."""
    for path in (CHECKOUT / "list_pipeline" / "cli").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "output.py":
            assert "from rich" not in text, path.name
            assert "print(" not in text, path.name
