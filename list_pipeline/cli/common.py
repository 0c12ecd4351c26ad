"""The shared parts of the commands: services opened for one command, what is asked before what cannot be taken back, arguments.

What a command says, to people and to machines, goes through ``output``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated

import typer

from list_pipeline.cli.output import (
    Whole,
    answer,
    cleaned,
    console,
    give,
    progress,
    say,
    say_csv,
    say_lines,
    say_values,
    show_table,
    working,
)
from list_pipeline.core.errors import ConfigurationError, ListPipelineError
from list_pipeline.logs import configure_logging, flush_errors
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import logged_with
from list_pipeline.settings import read_settings
from list_pipeline.storage import migrations

__all__ = [
    "By",
    "Contact",
    "DryRun",
    "NotConfirmedError",
    "Whole",
    "Yes",
    "confirm",
    "console",
    "contact_id_of",
    "day_of",
    "give",
    "opened_services",
    "opened_whatever_schema",
    "progress",
    "say",
    "say_csv",
    "say_lines",
    "say_values",
    "show_table",
    "working",
]

Contact = Annotated[str, typer.Argument(help="The contact's id, or its address (which is not shown or logged).")]
By = Annotated[str, typer.Option(help="Who decides: a name, and no address.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]


class NotConfirmedError(ListPipelineError):
    """What cannot be taken back was not confirmed; nothing was done."""


@contextmanager
def opened_services() -> Iterator[Services]:
    """Services made of the environment, closed after the command; on a schema of this version.

    Raises:
        ConfigurationError: a setting is wrong, or migrations are missing.
    """
    with opened_whatever_schema() as services:
        with services.database.begin() as connection:
            missing = migrations.missing(connection)
        if missing:
            raise ConfigurationError(
                "Reading the schema of DATABASE_URL", migrations.missing_words(missing), "Run `list-pipeline migrate`"
            )
        yield services


@contextmanager
def opened_whatever_schema() -> Iterator[Services]:
    """Services for the few commands that have to work while migrations are missing: those about the schema itself, the one
    that says what is wrong, and the one that stops changes.

    Information is logged only where LOG_LEVEL asks for it: a command's answer says what was done.
    """
    settings = read_settings()
    configure_logging(settings, level=None if "log_level" in settings.model_fields_set else "warning")
    with Services(settings) as services:
        try:
            with logged_with(run_id=services.run_id):
                yield services
        finally:
            flush_errors()


def confirm(tried: str, consequence: str, *, yes: bool) -> None:
    """Ask a person before something that cannot be taken back. With ``yes`` nothing is asked.

    Args:
        tried: what is about to be done, for the error.
        consequence: what it means, as a sentence.

    Raises:
        NotConfirmedError: the person said no, or nobody can be asked: no terminal, or the answer is for a machine.
    """
    if yes:
        return
    if answer.is_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotConfirmedError(
            tried,
            f"nobody confirmed it, and there is nobody to ask: {consequence}",
            "Repeat it with --yes if it is meant",
        )
    sys.stderr.write(cleaned(f"{tried}: {consequence}. Go on? [y/N] "))
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise NotConfirmedError(tried, "it was not confirmed", "Nothing was done")


def day_of(given: datetime | None) -> date | None:
    """The day (UTC) that an option names; None where it was left out.

    Raises:
        typer.BadParameter: no mail was sent so long ago, or will be so soon.
    """
    if given is not None and not 2000 <= given.year < 2200:  # far from the ends of the calendar
        raise typer.BadParameter("a day from 2000-01-01 to 2199-12-31")
    return given.date() if given is not None else None


def contact_id_of(services: Services, named: str) -> int:
    """The id of the contact that an argument names by id or address. No message repeats the address.

    Raises:
        NotFoundError: nobody has that address, or it is neither.
        RefusedError: several contacts have it.
    """
    from list_pipeline.operations.plans.single_contacts import contact_of

    return contact_of(services, named)
