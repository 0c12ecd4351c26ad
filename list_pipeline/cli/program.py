"""What all commands have in common as one program: the option ``--json``, and how an error ends a command.

Belongs here: the boundary behind which no error is a traceback. Does not belong here: any command.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Annotated, Any, Never, TextIO

import structlog
import typer
from typer.core import TyperGroup

from list_pipeline.cli.common import NotConfirmedError
from list_pipeline.cli.output import answer, cleaned, write_json
from list_pipeline.core.errors import (
    ConfigurationError,
    IncompleteDataError,
    ListPipelineError,
    LockHeldError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from list_pipeline.logs import quiet_until_configured, track

log = structlog.get_logger(__name__)


class ExitCode(IntEnum):
    """How a command ends. ``docs/operations.md`` says what each means to whoever called it."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    BLOCKED = 3
    NOT_CONFIRMED = 4
    DEFECT = 70
    INTERRUPTED = 130


_KINDS: Sequence[tuple[type[ListPipelineError], str]] = (
    (NotConfirmedError, "not_confirmed"),
    (ConfigurationError, "configuration"),
    (NotFoundError, "not_found"),
    (RefusedError, "refused"),
    (IncompleteDataError, "incomplete_data"),
    (LockHeldError, "locked"),
    (TransientError, "unavailable"),
)
"""The kind of an error in a JSON document; ``failed`` is any other one of ours."""

_NOT_WRITTEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""How writing the answer fails: nobody reads on, the disk is full, the terminal is gone."""


def _asked_for_json(value: bool) -> None:
    answer.is_json = answer.is_json or value


def _only_json(
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document for machines.", callback=_asked_for_json, expose_value=False),
    ] = False,
) -> None:
    """A command that is never called: the library makes the option of it that each command is given."""


def _json_option() -> Any:
    made = typer.Typer(add_completion=False)
    made.command()(_only_json)
    (option,) = [one for one in typer.main.get_command(made).params if one.name == "as_json"]
    return option


class Program(TyperGroup):
    """The group of all commands. Each takes ``--json``; whatever goes wrong ends with a sentence and an exit code."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        _take_json(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Never:
        """Run one command and leave with its exit code."""
        answer.begin()
        quiet_until_configured()
        words = list(sys.argv[1:] if args is None else args)
        try:
            _refuse_no_text(words)
            code = super().main(
                args=words or ["--help"],
                prog_name=prog_name,
                complete_var=complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except ListPipelineError as error:
            code = _end(_kind(error), str(error), _parts(error))
        except typer.TyperException as error:
            answer.is_json = "--json" in words
            code = _end("usage", _usage(error), {}, ExitCode.MISUSED)
        except typer.Abort:
            code = _end("interrupted", "Interrupted.", {}, ExitCode.INTERRUPTED)
        except Exception as error:  # noqa: BLE001  # the boundary: nobody is shown a traceback who did not ask for one
            code = _defect(error)
        else:
            if code == ExitCode.INTERRUPTED:
                code = _end("interrupted", "Interrupted.", {}, ExitCode.INTERRUPTED)
            elif answer.is_json and answer.document:
                code = _written(answer.document) or code
        finally:
            answer.begin()
        sys.exit(code or ExitCode.DONE)


def _take_json(commands: Mapping[str, Any]) -> None:
    for command in commands.values():
        if isinstance(command, TyperGroup):
            _take_json(command.commands)
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            command.params.append(_json_option())


def _refuse_no_text(words: Sequence[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise typer.BadParameter("an argument is no text in UTF-8") from None


def _kind(error: ListPipelineError) -> str:
    return next((kind for base, kind in _KINDS if isinstance(error, base)), "failed")


def _parts(error: ListPipelineError) -> dict[str, str]:
    return {"tried": error.tried, "happened": error.happened, "next_step": error.next_step}


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    hint = f" Try `{context.command_path} --help`." if context is not None else ""
    words = error.format_message().rstrip()
    return f"{words if words.endswith(('.', '?')) else words + '.'}{hint}"


def _defect(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _NOT_WRITTEN:
        return not_written(error)
    track("a command failed", error)
    log.debug("a command failed", exc_info=error)
    return _end(
        "defect",
        f"The command failed in a way that was not expected ({type(error).__name__}). Repeat it with LOG_LEVEL=debug and "
        "report what it says.",
        {},
        ExitCode.DEFECT,
    )


def _written(document: Mapping[str, Any]) -> int:
    """Write the answer; the exit code of one that nobody read to its end, else 0."""
    try:
        write_json(document)
    except OSError as error:
        return not_written(error)
    return ExitCode.DONE


def not_written(error: OSError, stream: TextIO | None = None) -> int:
    """Say that the answer could not be written, but to somebody who stopped reading; the exit code. What is left of the output
    is dropped: Python would print an error of its own about it while it ends.

    Args:
        stream: the one that failed; standard output where it is not known.
    """
    if not isinstance(error, BrokenPipeError):
        with suppress(OSError):
            sys.stderr.write(f"Error: The answer could not be written: {os.strerror(error.errno or 0)}.\n")
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())
    return ExitCode.FAILED


def _end(kind: str, message: str, parts: Mapping[str, str], code: int | None = None) -> int:
    """Say why a command ends, and give its exit code."""
    if code is None:
        code = ExitCode.NOT_CONFIRMED if kind == "not_confirmed" else ExitCode.FAILED
    # Whoever reads may have stopped, as `head` does: the exit code says it all the same.
    with suppress(OSError):
        if answer.is_json:
            write_json(
                {**answer.document, "error": {"kind": kind, "message": message, **parts, "exit_code": int(code)}}
            )
        else:
            sys.stderr.write(cleaned(f"Error: {message}") + "\n")
    return int(code)
