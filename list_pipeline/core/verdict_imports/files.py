"""Reading a file of verdicts: comma, semicolon or tab between its columns, with a header or without one.

Belongs here: which column is the contact's and which the verdict, and what a verifier's word means. Does not belong here:
whether the contact is known (``judgement``).

The words are those that the documentation of the common verifiers names (ZeroBounce, NeverBounce, Kickbox, Bouncer, Emailable,
Debounce; read in 2026). Only a word that says the mailbox does not exist suppresses anybody. A catch-all domain, a risk, a role
or a disposable address is a reason to look and not a dead address, and an unknown word is no verdict.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.foreign_text import id_in

MOST_ROWS = 1_000_000
_TRIED = "Reading the file of verdicts"
_SEPARATOR_LINE = re.compile(r"\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)


class Said(StrEnum):
    """What a row says of its contact."""

    UNDELIVERABLE = "undeliverable"
    DELIVERABLE = "deliverable"
    UNCLEAR = "unclear"
    LISTED = "listed"
    """The file has no column of verdicts: whoever gives it asks for each of its contacts."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row. ``line``: its number in the file, from 1. ``contact``: an id, or an address; neither is shown to anybody.
    ``address``: that beside an id, else empty."""

    line: int
    contact: str
    said: Said
    address: str = ""

    @property
    def contact_id(self) -> int | None:
        """The contact's id; None where the row has something else."""
        return id_in(self.contact)


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file as it was read. ``has_verdicts``: whether it has a column of verdicts."""

    rows: tuple[ImportRow, ...]
    has_verdicts: bool


_CONTACT_COLUMNS = (
    *("contact id", "contactid", "mailjet id", "mailjet contact id", "id"),
    *("email", "e mail", "email address", "e mail address", "emailaddress", "mail", "address", "recipient"),
)
"""Names of the contact's column, in the order in which they are looked at."""
_VERDICT_COLUMNS = (
    *("verdict", "verification result", "verification status", "email status", "zb status", "result", "status"),
    *("state", "deliverability", "validity"),
)
"""Names of the verdict's column; the first of them that the header has is taken."""

_MEANINGS: dict[str, Said] = {
    **dict.fromkeys(
        (
            *(
                "invalid",
                "undeliverable",
                "not deliverable",
                "bad",
                "invalid email",
                "invalid mailbox",
                "invalid domain",
            ),
            *(
                "mailbox not found",
                "mailbox does not exist",
                "does not exist",
                "no such user",
                "user unknown",
                "not found",
            ),
            *("no mailbox", "no dns entries", "dead", "nonexistent", "rejected email"),
        ),
        Said.UNDELIVERABLE,
    ),
    **dict.fromkeys(("valid", "deliverable", "ok", "good", "safe", "safe to send"), Said.DELIVERABLE),
}


def meaning_of(word: str) -> Said:
    """What a verifier's word means; every other word is unclear."""
    return _MEANINGS.get(_name(word), Said.UNCLEAR)


def read_file(text: str, verdict_column: str | None = None) -> ImportFile:
    """The rows of a file.

    Args:
        text: the whole file.
        verdict_column: the header of the column of verdicts, where it has another name than the usual ones.

    Raises:
        RefusedError: it is empty or no table, has no column of contacts, or not the column that was named. The message repeats
            nothing of a row.
    """
    lines = [(number, cells) for number, cells in _cells(text) if any(cells)]
    if not lines:
        raise RefusedError(_TRIED, "it is empty", "Give a file with a contact id or an address in each row")
    header = [] if any(map(_is_contact, lines[0][1])) else lines.pop(0)[1]
    if len(lines) > MOST_ROWS:
        raise RefusedError(_TRIED, f"it has {len(lines):,} rows", f"Split it: at most {MOST_ROWS:,} are read at once")
    names = [_name(cell) for cell in header]
    contacts = _contact_columns(names, lines)
    verdict = _verdict_column(names, verdict_column)
    if verdict is None and any(name and name not in _CONTACT_COLUMNS for name in names):
        raise RefusedError(
            _TRIED,
            "it has several columns, and none of them has a name that says what a verifier found",
            "Name the column with --verdict-column, or give a file with the contacts alone",
        )
    if not names and max(len(cells) for _, cells in lines) > 1:
        raise RefusedError(
            _TRIED, "it has several columns and no header", "Add a first row with the names of the columns"
        )
    rows = tuple(
        _row(
            number,
            [cell for place in contacts if (cell := _at(cells, place))],
            Said.LISTED if verdict is None else meaning_of(_at(cells, verdict)),
        )
        for number, cells in lines
    )
    return ImportFile(rows, verdict is not None)


def _row(number: int, contact: Sequence[str], said: Said) -> ImportRow:
    """A row of the cells that name its contact, the id before the address."""
    first = contact[0] if contact else ""
    beside = next((cell for cell in contact[1:] if "@" in cell), "") if id_in(first) is not None else ""
    return ImportRow(number, first, said, beside)


def _cells(text: str) -> Iterable[tuple[int, list[str]]]:
    # Lines end as spreadsheets end them: other characters that Python takes for an end stand within cells.
    lines = list(io.StringIO(text.removeprefix("\ufeff"), newline=None))
    first = next((line for line in lines if line.strip()), "")
    named = _SEPARATOR_LINE.fullmatch(first)
    if named:
        # Excel says in a line of its own what stands between the columns.
        lines[lines.index(first)] = "\n"
    delimiter = named[1] if named else max(",;\t", key=first.count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise RefusedError(
            _TRIED, f"line {reader.line_num} is no row of a table", "Save it as CSV once more"
        ) from error


def _contact_columns(names: Sequence[str], lines: Sequence[tuple[int, list[str]]]) -> list[int]:
    """The places of the contact's columns: the id before the address, which counts where a row has no id of ours."""
    if not lines:
        raise RefusedError(_TRIED, "it has a header and no row below", "Give the contacts in the rows below it")
    if not names:
        return [0]
    found = [names.index(known) for known in _CONTACT_COLUMNS if known in names]
    if not found:
        raise RefusedError(
            _TRIED,
            "no column of its header is known to hold contacts",
            "Name that column contact_id or email",
        )
    return found


def _verdict_column(names: Sequence[str], wanted: str | None) -> int | None:
    if wanted is not None:
        if _name(wanted) not in names:
            raise RefusedError(_TRIED, "it has no column with the name that was given", "Compare it with its first row")
        return names.index(_name(wanted))
    return next((names.index(known) for known in _VERDICT_COLUMNS if known in names), None)


def _is_contact(cell: str) -> bool:
    return "@" in cell or id_in(cell) is not None


def _at(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def _name(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
