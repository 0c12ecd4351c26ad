"""Suppressing the contacts of a file, and taking that back. No row of the file is shown; people look lines up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import By, Yes, confirm, give, opened_services, progress, say
from list_pipeline.cli.correction_output import show_corrections
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.wording import count_text, ids_text

if TYPE_CHECKING:
    from list_pipeline.operations.verdict_imports.importing import Import

_MOST_BYTES = 200_000_000
_TRIED = "Reading the file of verdicts"


def suppress_file(file: Path, verdict_column: str | None, *, by: str, reason: str, dry_run: bool) -> None:
    """Read a file, and suppress its contacts or say what would become of them.

    Raises:
        NotFoundError: there is no such file.
        RefusedError: it is no table that can be read.
    """
    from list_pipeline.core.verdict_imports.files import read_file
    from list_pipeline.operations.safety.modes import note_flag
    from list_pipeline.operations.verdict_imports.importing import preview, suppress_listed

    read = read_file(_text_of(file), verdict_column)
    with opened_services() as services:
        if dry_run:
            _show(preview(services, read), len(read.rows), has_verdicts=read.has_verdicts, dry_run=True)
            return
        note_flag(services, by="command")
        done = suppress_listed(services, read, by=by, note=reason, progress=progress)
    _show(done, len(read.rows), has_verdicts=read.has_verdicts, dry_run=False)


def undo_import(
    plan_id: Annotated[int, typer.Argument(help="Number of the import's plan, as `suppress --file` named it.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")],
    yes: Yes = False,
) -> None:
    """Take an import back: whom it suppressed goes back to its lists, as far as that is right by now. Asks first."""
    from list_pipeline.operations.safety.modes import note_flag
    from list_pipeline.operations.verdict_imports.importing import take_back

    with opened_services() as services:
        confirm(f"Taking import {plan_id} back", "everybody whom it suppressed may be mailed again", yes=yes)
        note_flag(services, by="command")
        done = take_back(services, plan_id, by=by, note=note, progress=progress)
    show_corrections([done])


def _text_of(file: Path) -> str:
    if str(file) == "-":
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        try:
            with file.open("rb") as opened:
                raw = opened.read(_MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise NotFoundError(_TRIED, "there is no such file", "Give its path, or - for standard input") from error
        except OSError as error:
            raise RefusedError(_TRIED, f"it cannot be opened ({error.strerror})", "Look at its permissions") from error
    if len(raw) > _MOST_BYTES:
        raise RefusedError(_TRIED, f"it is larger than {_MOST_BYTES // 1_000_000} MB", "Split it")
    # Spreadsheets write UTF-8 with a mark, UTF-16 with one, or the code page of Western Europe.
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RefusedError(_TRIED, "it is no text", "Save it as CSV in UTF-8")


def _show(found: Import, rows: int, *, has_verdicts: bool, dry_run: bool) -> None:
    from list_pipeline.core.verdict_imports.judgement import left_words

    ids = [item.contact_id for item in found.judged.items]
    what = "with a verifier's verdicts" if has_verdicts else "without verdicts: each contact is meant"
    whom = f": {ids_text(ids, most=20)}" if ids else "."
    say(f"{count_text(rows, 'row')} {what}. {count_text(len(ids), 'contact')} to suppress{whom}")
    for words in left_words(found.judged.left):
        say(f"- {words}")
    for check in found.gate.failed_checks:
        say(f"- {check.words}")
    if dry_run:
        say("Nothing was changed.")
        if found.blocked_because:
            say(f"It would be refused now: {found.blocked_because}.")
    elif found.waits:
        say(f"Plan {found.plan_id} waits: `list-pipeline approve {found.plan_id} {found.content_hash[:12]} --by NAME`")
    give(
        {
            "dry_run": dry_run,
            "rows": rows,
            "plan": found.plan_id,
            "content_hash": found.content_hash or None,
            "suppress": ids,
            "left": {why.value: list(lines) for why, lines in found.judged.left.items()},
            "gate": found.gate.outcome.value,
            "checks": {check.name: check.words for check in found.gate.checks},
            "waits": found.waits,
            "refused_because": found.blocked_because,
        }
    )
    if found.correction is not None:
        show_corrections([found.correction])
