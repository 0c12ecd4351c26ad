"""The command line: ``list-pipeline``. A way in on the same operations as the Dagster assets, and no decision of its own.

How errors end, and with which exit code: ``program``. Nothing here shows an address.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version as installed_version
from io import TextIOWrapper
from typing import Annotated

import typer

from list_pipeline.cli import (
    alarms,
    audience,
    backups,
    cache,
    corrections,
    cycles,
    decisions,
    erasure,
    evidence_card,
    launches,
    mass_changes,
    mcp,
    observe,
    preflight,
    quarantine,
    reconciliation,
    replay,
    reviewers,
    reviews,
    sender_faults,
    serve,
    shadow,
    slack,
    states,
    timeline,
    tokens,
    told_events,
    unreadable,
    validation,
    weekly,
)
from list_pipeline.cli.common import (
    By,
    Whole,
    Yes,
    confirm,
    give,
    opened_services,
    opened_whatever_schema,
    progress,
    say,
    say_csv,
    say_lines,
    say_values,
    show_table,
    working,
)
from list_pipeline.cli.program import Program, not_written
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.wording import count_text, utc_text

_MODES = ("read_only", "approval_required", "auto", "graduated")

app = typer.Typer(
    cls=Program,
    # Markup of rich would be read in names that others wrote, and a traceback of its own shows local variables.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Keeps three rotating Mailjet campaign lists healthy.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"list-pipeline {installed_version('list_pipeline')}\n")
        raise typer.Exit


@app.callback()
def program(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version, and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps three rotating Mailjet campaign lists healthy."""


@app.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL up to date."""
    from list_pipeline.operations.setup import prepare

    with opened_whatever_schema() as services:
        applied = prepare(services)
    say(f"Applied: {', '.join(applied)}" if applied else "The schema is up to date.")
    give({"applied": applied})


@app.command()
def rollback(
    everything: Annotated[bool, typer.Option("--all", help="Take all migrations back, with their data.")] = False,
    yes: Yes = False,
) -> None:
    """Take the newest migration back, with its tables and their data; asks first. Back the database up before."""
    from list_pipeline.storage import migrations

    with opened_whatever_schema() as services:
        wanted = migrations.to_take_back(services.database, everything=everything)
        if wanted:
            named = wanted[0] if len(wanted) == 1 else f"{wanted[0]} to {wanted[-1]}"
            what = f"{count_text(len(wanted), 'migration')} ({named})"
            confirm(f"Taking back {what}", "their tables are dropped, with what is stored in them", yes=yes)
        taken_back = migrations.rollback(services.database, everything=everything) if wanted else []
    say(f"Taken back: {', '.join(taken_back)}" if taken_back else "No migration is applied.")
    give({"taken_back": taken_back})


@app.command()
def sync(full: Annotated[bool, typer.Option(help="Read every list whole.")] = False) -> None:
    """Bring members, sends, recipients and past bounces up to date."""
    from list_pipeline.operations.erasure.rows import follow_erasures
    from list_pipeline.operations.synchronisation import synchronise

    with opened_services() as services, working("Reading Mailjet"):
        report = synchronise(services, full=full, progress=progress)
        report.findings += follow_erasures(services).findings
    say(f"{report.rows_read:,} rows read in {report.requests} requests, {report.rows_changed:,} changed.")
    for finding in report.findings:
        say(f"- {finding}")
    give(
        {
            "rows_read": report.rows_read,
            "rows_changed": report.rows_changed,
            "requests": report.requests,
            "findings": report.findings,
        }
    )


@app.command()
def campaigns() -> None:
    """List the known campaigns with the state of their maintenance."""
    from list_pipeline.operations.runs.attempts import given_up
    from list_pipeline.storage.campaigns.sent_campaigns import maintenance_states

    with opened_services() as services:
        with services.database.begin() as connection:
            states = maintenance_states(connection, Sweep.H24.value)
        left = given_up(services)
    show_table(
        (Whole("key"), "campaign", "round", "cycle", "sent (UTC)", "recipients", "maintenance"),
        (
            (
                state.campaign.key,
                state.campaign.name,
                str(state.campaign.round_number),
                str(state.campaign.cycle_number or "-"),
                utc_text(state.campaign.sent_at),
                f"{state.campaign.recipient_count:,}" if state.campaign.recipient_count is not None else "-",
                f"{state.log_status or '-'}{f', {state.changes_left:,} changes left' if state.changes_left else ''}",
            )
            for state in states
        ),
    )
    for name in left:
        say(f"Given up, only a person starts it again: {name}")
    give(
        {
            "campaigns": [
                {
                    "key": state.campaign.key,
                    "name": state.campaign.name,
                    "round": state.campaign.round_number,
                    "cycle": state.campaign.cycle_number,
                    "sent_at": state.campaign.sent_at,
                    "recipients": state.campaign.recipient_count,
                    "maintenance": state.log_status,
                    "changes_left": state.changes_left,
                }
                for state in states
            ],
            "given_up": left,
        }
    )


@app.command()
def maintain(key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")]) -> None:
    """Run the maintenance of one campaign, or continue it; what was done is not done again. Exits with 1 where it failed."""
    from list_pipeline.core.runs.status import RunStatus
    from list_pipeline.operations.maintenance.workflow import maintain as run

    with opened_services() as services:
        done = run(services, key, progress=progress)
    say_lines(as_text(done.report.message))
    give({"key": key, "status": done.report.facts.status, "report": as_text(done.report.message)})
    if done.report.facts.status is RunStatus.FAILED:
        raise typer.Exit(1)


@app.command()
def export(
    key: Annotated[str, typer.Argument(help="The campaign's key.")],
    what: Annotated[str, typer.Argument(help="bounces, suppression or rebalancing.")] = "bounces",
) -> None:
    """Write what is stored about a campaign as CSV to standard output: contact ids and masked addresses only."""
    from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, PlanKind
    from list_pipeline.operations.views.exports import bounce_table, plan_table

    if what not in ("bounces", *MAINTENANCE_PLANS):
        raise typer.BadParameter("bounces, suppression or rebalancing")
    with opened_services() as services:
        table = bounce_table(services, key) if what == "bounces" else plan_table(services, key, PlanKind(what))
    say_csv(table.to_csv(index=False))
    give({"key": key, "what": what, "rows": json.loads(table.to_json(orient="records", date_format="iso"))})


@app.command("show-log")
def show_log(log_id: Annotated[int, typer.Argument(help="Number of the maintenance log row.")]) -> None:
    """Show one row of the maintenance ledger."""
    from list_pipeline.storage.runs.ledger import log_by_id

    with opened_services() as services, services.database.begin() as connection:
        row = log_by_id(connection, log_id)
    if row is None:
        raise NotFoundError(
            f"Reading maintenance log {log_id}", "there is no such row", "The report of a maintenance names its number"
        )
    say_values(dict(row))
    give({"log": dict(row)})


cache.register(app)
reviews.register(app)
reconciliation.register(app)
decisions.register(app)
corrections.register(app)
states.register(app)
timeline.register(app)
cycles.register(app)
launches.register(app)
mass_changes.register(app)
audience.register(app)
quarantine.register(app)
validation.register(app)
weekly.register(app)
observe.register(app)
preflight.register(app)
backups.register(app)
reviewers.register(app)
slack.register(app)
alarms.register(app)
mcp.register(app)
erasure.register(app)
unreadable.register(app)
evidence_card.register(app)
sender_faults.register(app)
serve.register(app)
mcp.register(app)
told_events.register(app)
replay.register(app)
shadow.register(app)
tokens.register(app)


@app.command()
def mode(
    wanted: Annotated[
        str | None,
        typer.Argument(
            help="read_only, approval_required, auto, or graduated; nothing to show it.",
            autocompletion=lambda: list(_MODES),
        ),
    ] = None,
    by: By = "",
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    history: Annotated[int, typer.Option(min=0, help="Show so many of the latest changes, too.")] = 0,
    yes: Yes = False,
) -> None:
    """Show or set how much the product does by itself. read_only also stops a run before its next change. auto, and giving the
    mode back to age and approvals, ask first: from then on lists may be changed without a person."""
    from list_pipeline.core.safety.modes import Mode
    from list_pipeline.operations.reviews.operating_mode import choose_mode
    from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
    from list_pipeline.storage.safety import mode_changes

    if wanted is not None and wanted not in _MODES:
        raise typer.BadParameter(f"{', '.join(_MODES)}; not {wanted!r}")
    # Also while migrations are missing: stopping changes must always be possible.
    with opened_whatever_schema() as services:
        if wanted in (Mode.AUTO, "graduated"):
            confirm(f"Setting the mode to {wanted}", "lists may then be changed without asking anybody", yes=yes)
        if wanted is not None:
            choose_mode(services, None if wanted == "graduated" else Mode(wanted), by=by, note=note)
        now, blocked = operating_mode(services), change_block_reason(services)
        with services.database.begin() as connection:
            changes = mode_changes(connection, history)
    say(now.value)
    if blocked:
        say(f"No list is changed now: {blocked}.")
    for one in changes:
        said = f": {one['note']}" if one["note"] else ""
        say(f"{utc_text(one['changed_at'])} {one['mode'] or 'graduated'} by {one['changed_by']}{said}")
    give(
        {
            "mode": now,
            "no_change_because": blocked,
            "changes": [
                {
                    "at": one["changed_at"],
                    "mode": one["mode"] or "graduated",
                    "by": one["changed_by"],
                    "note": one["note"],
                }
                for one in changes
            ],
        }
    )


def main() -> None:
    """Run one command, and leave with its exit code."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the command, as `>&-` does
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is no reason to fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="list-pipeline")
    except SystemExit as end:
        sys.exit(_flushed() or end.code)


def _flushed() -> int:
    """Write what is left of the output; the exit code where it cannot be written, else 0. Whoever read it may have stopped, as
    ``head`` does: that is no error, and Python would print one while it ends.
    https://docs.python.org/3/library/signal.html#note-on-sigpipe"""
    code = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            failed = not_written(error, stream)
            code = code or (0 if isinstance(error, BrokenPipeError) else failed)
    return code


if __name__ == "__main__":
    main()
