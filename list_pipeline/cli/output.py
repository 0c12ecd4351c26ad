"""What a command says: sentences and tables for people, or one JSON document for machines; never both.

Belongs here: how text and values reach standard output. Does not belong here: what a command says, and errors (``program``).

Everything shown was written by somebody: a campaign's name may hold rich markup, a line of its own or a terminal's escape
sequences. So nothing is read as markup, characters that are no text are shown as escapes, and addresses are redacted here too.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from list_pipeline.core.masking import redact_addresses

_LONGEST_WORD = 40
"""Characters of a word, such as an id, that is not broken where the terminal is narrow; longer ones may be."""
_JOINERS = "\u200c\u200d"
"""Format characters that words and emoji need."""
_ENDLESS = 100_000

console = Console(markup=False, emoji=False, highlight=False)
"""Tells whether standard output is a terminal, and how wide. Tables are drawn by consoles of their own width."""


class Whole(str):
    """The title of a column that is never cut or broken, however narrow the terminal: what another command takes."""

    __slots__ = ()


class _Answer:
    """What the command in progress was asked for, and the document that it gave."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget the command before: tests run many in one process."""
        self.is_json = False
        self.document: dict[str, Any] = {}


answer = _Answer()


def cleaned(text: str, *, lines: bool = False) -> str:
    """Text as it may reach a terminal: no address, no control or invisible character.

    Args:
        lines: line breaks of it are meant; else they are shown as ``\\n``, so that no data begins a line of its own.
    """
    return "".join(map(_shown_line if lines else _shown, redact_addresses(text)))


def _shown_line(character: str) -> str:
    return character if character == "\n" else _shown(character)


def _shown(character: str) -> str:
    is_text = character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return character if is_text else character.encode("unicode_escape", "surrogatepass").decode("ascii")


def say(text: str) -> None:
    """One line for people; nothing where JSON was asked for."""
    if not answer.is_json:
        sys.stdout.write(cleaned(text) + "\n")


def say_lines(text: str) -> None:
    """A text of several lines for people, such as a whole message."""
    if not answer.is_json:
        sys.stdout.write(cleaned(text, lines=True) + "\n")


def say_csv(text: str) -> None:
    """A table as CSV; a cell may hold line breaks within quotes."""
    if not answer.is_json:
        sys.stdout.write(cleaned(text, lines=True))


def progress(text: str) -> None:
    """What is being done right now, to standard error: it is no part of the answer."""
    if not answer.is_json:
        sys.stderr.write(cleaned(text) + "\n")
        sys.stderr.flush()


@contextmanager
def working(text: str) -> Iterator[None]:
    """A sign of life on standard error while a block runs, where that is a terminal."""
    if answer.is_json or not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True, markup=False).status(cleaned(text)):
        yield


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for people. Nothing in it is cut: only columns that are not ``Whole`` have several lines, broken between words; a
    terminal that is too narrow even so wraps. Where standard output is no terminal, each row is one line."""
    if answer.is_json:
        return
    cells = [[cleaned(cell) for cell in row] for row in rows]
    table, widths = Table(), _least_widths(titles, cells)
    for title, least in zip(titles, widths, strict=True):
        table.add_column(str(title), no_wrap=isinstance(title, Whole), overflow="fold", min_width=least)
    for row in cells:
        table.add_row(*row)
    width = max(console.width, sum(widths) + 3 * len(widths) + 1) if console.is_terminal else _ENDLESS
    Console(width=width, markup=False, emoji=False, highlight=False).print(table, crop=False)


def _least_widths(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    """So many characters of each column leave whole what has to be."""
    return [
        max(map(cell_len, column))
        if isinstance(title, Whole)
        else min(_LONGEST_WORD, max((cell_len(word) for cell in column for word in cell.split()), default=0))
        for title, column in zip(titles, zip(titles, *cells, strict=True), strict=True)
    ]


def say_values(values: Mapping[str, Any], indent: int = 0) -> None:
    """Names and values for people, one a line; values within values indented."""
    for name, value in plain(values).items():
        _say_value(f"{'  ' * indent}{name}", value, indent)


def _say_value(name: str, value: Any, indent: int) -> None:
    if isinstance(value, dict) and value:
        say(f"{name}:")
        say_values(value, indent + 1)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        say(f"{name}:")
        for number, one in enumerate(value, 1):
            _say_value(f"{'  ' * (indent + 1)}{number}", one, indent + 1)
    elif isinstance(value, list | dict):
        say(f"{name}: {', '.join(map(_in_words, value)) or 'none'}")
    else:
        say(f"{name}: {_in_words(value)}")


def _in_words(value: Any) -> str:
    return {None: "-", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def give(document: Mapping[str, Any]) -> None:
    """The answer for machines; written once, when the command ends. Nothing where JSON was not asked for."""
    answer.document |= document


def write_json(document: Mapping[str, Any]) -> None:
    """One JSON document on a line of its own; characters that are no ASCII escaped."""
    sys.stdout.write(json.dumps(plain(document), allow_nan=False) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """A value as JSON has it: instants in ISO 8601, members of enums by value, dataclasses as objects, numbers that are none as
    null, addresses redacted."""
    if value is None or (isinstance(value, bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return redact_addresses(value)
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return _plain_container(value)


def _plain_container(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(one) for name, one in value.items()}
    if isinstance(value, Set):
        return sorted(map(plain, value))
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return redact_addresses(str(value))
