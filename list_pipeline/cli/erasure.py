"""The commands that remove for good: a person, and old records."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import (
    By,
    Contact,
    DryRun,
    Yes,
    confirm,
    give,
    opened_services,
    progress,
    say,
    show_table,
)
from list_pipeline.core.wording import count_text, ids_text, names_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.core.erasure import ErasureReport
    from list_pipeline.operations.plans.erasure_by_person import Erased


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(erase)
    app.command()(retention)


def erase(
    contact: Contact,
    by: By,
    reason: Annotated[str, typer.Option(help="Why: who asked for the erasure, and when.")],
    also_at_mailjet: Annotated[
        bool, typer.Option("--also-at-mailjet", help="Delete the person at Mailjet too. Nobody can take that back.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Remove a person from every table and the cache, and prove it by a search; counts stay, under a keyed hash."""
    from list_pipeline.operations.plans.erasure_by_person import erase_person
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        if not dry_run:
            confirm("Erasing a person", "nobody can take an erasure back", yes=yes)
        if also_at_mailjet and not dry_run:
            note_flag(services, by="command")
        done = erase_person(
            services,
            contact,
            by=by,
            reason=reason,
            at_mailjet=also_at_mailjet,
            dry_run=dry_run,
            progress=progress,
        )
    give(
        {
            "report": None if done.report is None else done.report.as_json(),
            "erased_before": done.erased_before,
            "dry_run": done.is_dry_run,
            "deleted_at_mailjet": done.at_mailjet,
        }
    )
    _show(done)


def _show(done: Erased) -> None:
    if done.report is None:
        at = f" on {utc_text(done.erased_before)} UTC" if done.erased_before is not None else ""
        say(f"This person was erased{at}. Nothing was found since.")
        return
    report = done.report
    show_table(
        ("table", "rows", "removed", "rewritten"),
        ((one.table, f"{one.before:,}", f"{one.removed:,}", f"{one.rewritten:,}") for one in report.tables),
    )
    would = "would be " if done.is_dry_run else ""
    say(
        f"{report.rows:,} rows {would}erased; they are counted on under {report.pseudonym}. "
        f"The search of {report.columns_searched:,} columns in {report.tables_searched:,} tables found the person nowhere."
    )
    for sentence in _sentences(report, done):
        say(f"- {sentence}")


def _sentences(report: ErasureReport, done: Erased) -> list[str]:
    said = []
    if done.erased_before is not None:
        said.append(f"Erased before on {utc_text(done.erased_before)} UTC, and read again since.")
    if report.kept_off_because:
        because = names_text([one.value.replace("_", " ") for one in report.kept_off_because], 5)
        said.append(f"Never put on a campaign list again by the product: {because}.")
    if report.waiting_plans:
        said.append(
            f"Left out when it is carried out: plan {ids_text(report.waiting_plans)} had an item of this person."
        )
    if done.at_mailjet:
        said.append("Mailjet deleted the person: off every list, without an address, purged after 30 days.")
    else:
        said.append(
            "Mailjet was not asked: where the person still is on a list there, the next sync reads the address again. "
            "Delete the person there, or erase with --also-at-mailjet."
        )
    return said


def retention(dry_run: DryRun = False) -> None:
    """Remove old messages, errors of runs, texts of advisors and requests, and summarise old history, as the daily job does."""
    from list_pipeline.core.retention import history_sentences
    from list_pipeline.operations.retention.old_records import remove_old_records

    with opened_services() as services:
        done = remove_old_records(services, dry_run=dry_run)
    for kind, rows in done.rows.items():
        say(f"{kind.value.replace('_', ' ')}: {rows:,}{' would go' if done.is_dry_run else ' removed'}")
    if done.erased:
        say(f"{count_text(done.erased, 'contact')} erased that Mailjet erased.")
    for failure in done.failures:
        say(f"- {failure}")
    for sentence in history_sentences(done.history, is_dry_run=done.is_dry_run):
        say(sentence)
    if not done.is_all:
        say("There is more: run it again, or leave it to the daily job.")
    give(
        {
            "rows": done.rows,
            "erased": done.erased,
            "failures": done.failures,
            "is_all": done.is_all,
            "history": asdict(done.history),
            "dry_run": done.is_dry_run,
        }
    )
