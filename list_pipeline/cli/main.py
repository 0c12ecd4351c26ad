"""The command line: ``list-pipeline``. A way in on the same operations as the Dagster assets, and no decision of its own.

Errors of the product end with status 1 and say what to do; nothing here shows an address.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from list_pipeline.cli import (
    cache,
    corrections,
    cycles,
    decisions,
    observe,
    reconciliation,
    reviews,
    states,
    validation,
    weekly,
)
from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.wording import utc_text

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Keeps three rotating Mailjet campaign lists healthy."
)


@app.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL up to date."""
    from list_pipeline.operations.setup import prepare

    with opened_services() as services:
        applied = prepare(services)
    console.print(f"Applied: {', '.join(applied)}" if applied else "The schema is up to date.")


@app.command()
def rollback(
    everything: Annotated[bool, typer.Option("--all", help="Take all migrations back, with their data.")] = False,
) -> None:
    """Take the newest migration back. Back the database up first."""
    from list_pipeline.storage import migrations

    with opened_services() as services:
        taken_back = migrations.rollback(services.database, everything=everything)
    console.print(f"Taken back: {', '.join(taken_back)}" if taken_back else "No migration is applied.")


@app.command()
def sync(full: Annotated[bool, typer.Option(help="Read every list whole.")] = False) -> None:
    """Bring members, sends, recipients and past bounces up to date."""
    from list_pipeline.operations.synchronisation import synchronise

    with opened_services() as services, console.status("Reading Mailjet"):
        report = synchronise(services, full=full, progress=console.print)
    console.print(f"{report.rows_read:,} rows read in {report.requests} requests, {report.rows_changed:,} changed.")
    for finding in report.findings:
        console.print(f"- {finding}")


@app.command()
def campaigns() -> None:
    """List the known campaigns with the state of their maintenance."""
    from list_pipeline.operations.runs.attempts import given_up
    from list_pipeline.storage.campaigns.sent_campaigns import maintenance_states

    with opened_services() as services:
        with services.database.begin() as connection:
            states = maintenance_states(connection, "24h")
        left = given_up(services)
    table = Table("key", "campaign", "round", "cycle", "sent (UTC)", "recipients", "maintenance")
    for state in states:
        one = state.campaign
        table.add_row(
            one.key,
            one.name,
            str(one.round_number),
            str(one.cycle_number or "-"),
            utc_text(one.sent_at),
            f"{one.recipient_count:,}" if one.recipient_count is not None else "-",
            f"{state.log_status or '-'}{f', {state.changes_left:,} changes left' if state.changes_left else ''}",
        )
    console.print(table)
    for name in left:
        console.print(f"Given up, only a person starts it again: {name}", markup=False)


@app.command()
def maintain(key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")]) -> None:
    """Run the maintenance of one campaign, or continue it; what was done is not done again. Exits with 1 where it failed."""
    from list_pipeline.core.runs.status import RunStatus
    from list_pipeline.operations.maintenance.workflow import maintain as run

    with opened_services() as services:
        done = run(services, key, progress=console.print)
    console.print(as_text(done.report.message), markup=False)
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
    sys.stdout.write(table.to_csv(index=False))


@app.command("show-log")
def show_log(log_id: Annotated[int, typer.Argument(help="Number of the maintenance log row.")]) -> None:
    """Show one row of the maintenance ledger."""
    from list_pipeline.storage.runs.ledger import log_by_id

    with opened_services() as services, services.database.begin() as connection:
        row = log_by_id(connection, log_id)
    if row is None:
        console.print(f"There is no maintenance log {log_id}.")
        raise typer.Exit(1)
    for name, value in row.items():
        console.print(f"{name}: {value}", markup=False)


cache.register(app)
reviews.register(app)
reconciliation.register(app)
decisions.register(app)
corrections.register(app)
states.register(app)
cycles.register(app)
validation.register(app)
weekly.register(app)
observe.register(app)


@app.command()
def mode(
    wanted: Annotated[
        str | None, typer.Argument(help="read_only, approval_required, auto, or graduated; nothing to show it.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who decides: a name, and no address. Needed to set it.")] = "",
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    history: Annotated[int, typer.Option(min=0, help="Show so many of the latest changes, too.")] = 0,
) -> None:
    """Show or set how much the product does by itself. read_only also stops a run before its next change."""
    from list_pipeline.core.safety.modes import Mode
    from list_pipeline.operations.reviews.operating_mode import choose_mode
    from list_pipeline.operations.safety.confirmed_lists import why_unconfirmed
    from list_pipeline.operations.safety.modes import operating_mode
    from list_pipeline.storage.runs.ledger import mode_changes

    words = (*(one.value for one in Mode), "graduated")
    if wanted is not None and wanted not in words:
        raise typer.BadParameter(f"{', '.join(words)}; not {wanted!r}")
    with opened_services() as services:
        if wanted is not None:
            choose_mode(services, None if wanted == "graduated" else Mode(wanted), by=by, note=note)
        console.print(operating_mode(services).value)
        with services.database.begin() as connection:
            if why := why_unconfirmed(connection, services.settings):
                console.print(f"No list is changed now: {why}.", markup=False)
            changes = mode_changes(connection, history)
    for one in changes:
        said = f": {one['note']}" if one["note"] else ""
        words_of = one["mode"] or "graduated"
        console.print(f"{utc_text(one['changed_at'])} {words_of} by {one['changed_by']}{said}", markup=False)


def main() -> None:
    """Run, and end with status 1 and a sentence where the product itself says no."""
    try:
        app()
    except ListPipelineError as error:
        Console(stderr=True, soft_wrap=True).print(f"Error: {error}", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
