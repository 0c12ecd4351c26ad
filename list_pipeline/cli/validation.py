"""The commands about campaigns before they are sent: validating a list, and letting a blocked campaign go."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.wording import utc_text
from list_pipeline.operations.services import Services


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(validate)
    app.command()(unblock)


def validate(
    key: Annotated[str | None, typer.Argument(help="The campaign's key; nothing to list what is scheduled.")] = None,
) -> None:
    """Validate the list of a scheduled campaign now. A critical finding blocks the campaign: status 2."""
    from list_pipeline.operations.validation.validate import validate as run

    with opened_services() as services:
        if key is None:
            _list(services)
            return
        with console.status("Reading Mailjet"):
            found = run(services, key)
    table = Table("rule", "result", "found", "to do")
    for result in found.results:
        table.add_row(result.rule.value.replace("_", " "), result.severity.value, result.words, result.action)
    console.print(table)
    if found.is_continued:
        console.print("An earlier validation was not settled: it was continued. Repeat the command to judge anew.")
    console.print(("Blocked. " if found.stored.is_blocking else "") + found.fate, markup=False)
    if found.stored.is_blocking:
        raise typer.Exit(2)


def _list(services: Services) -> None:
    from list_pipeline.operations.campaigns.discovery import discover
    from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming, upcoming_campaigns

    discover(services)
    discover_upcoming(services)
    table = Table("key", "campaign", "list", "scheduled (UTC)", "expected", "status", "validated")
    for campaign, validation in upcoming_campaigns(services):
        table.add_row(
            campaign.key,
            campaign.name,
            campaign.list_role.label,
            utc_text(campaign.scheduled_at),
            f"{campaign.expected:,}" if campaign.expected is not None else "-",
            campaign.status,
            f"{validation.verdict.value}, {utc_text(validation.validated_at)}" if validation else "-",
        )
    console.print(table)


def unblock(
    key: Annotated[str, typer.Argument(help="The campaign's key.")],
    by: Annotated[str, typer.Option(help="Who decides: a name, and no address.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Let a blocked campaign go; a schedule that the block cancelled is set again for the same time."""
    from list_pipeline.operations.validation.campaign_block import override

    with opened_services() as services:
        done = override(services, key, by=by, note=note)
    console.print(f"{key} was let go by {by}. {done.fate}", markup=False)
