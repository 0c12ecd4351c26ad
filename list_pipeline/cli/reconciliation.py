"""The command about drift: comparing Mailjet's lists with our rows, and accepting what was found. No address is shown."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from list_pipeline.cli.common import console, opened_services

_MOST_ROWS = 50


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reconcile)


def reconcile(
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept what the last reconciliation found; changes may go on.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who accepts: a name, and no address.")] = "",
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
) -> None:
    """Compare Mailjet's lists with our rows and show what differs; changes nothing at Mailjet."""
    from list_pipeline.operations.drift.reconciliation import reconcile as compare
    from list_pipeline.operations.plans.dead_jobs import look_for_lost_jobs
    from list_pipeline.operations.safety import restore_guard

    with opened_services() as services:
        if accept:
            closed = restore_guard.accept(services, by=by, note=note)
            console.print(f"Accepted by {by}: changes may go on; {closed} note(s) about drift closed.", markup=False)
            return
        with console.status("Reading Mailjet"):
            look_for_lost_jobs(services, console.print)
            found = compare(services, progress=console.print)
    table = Table("contact", "list", "what", "in our rows", "at Mailjet", "explanation")
    for finding in found.findings[:_MOST_ROWS]:
        role = finding.list_role.label if finding.list_role else "-"
        table.add_row(
            str(finding.contact_id), role, finding.kind.words, finding.ours, finding.theirs, finding.explanation
        )
    if found.findings:
        console.print(table)
    if len(found.findings) > _MOST_ROWS:
        console.print(f"... and {len(found.findings) - _MOST_ROWS} more, in the table reconciliation_finding.")
    for plan_id, content_hash in found.proposals:
        console.print(f"Plan {plan_id} ({content_hash[:12]}) proposes a repair and waits for a decision.", markup=False)
    if found.stopped_because:
        console.print(f"No list is changed: {found.stopped_because}.", markup=False)
        console.print("Accept with: list-pipeline reconcile --accept --by NAME", markup=False)
    elif not found.findings:
        console.print(f"{found.contacts_compared:,} contacts compared; Mailjet and our rows agree.")
