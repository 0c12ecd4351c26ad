"""The command that shows which rows at Mailjet cannot be read."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.table import Table

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.unreadable_rows import consequence_words, kind_words
from list_pipeline.core.wording import utc_text


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(unreadable)


def unreadable(
    ended: Annotated[int, typer.Option(min=0, help="Show so many of the latest that are over, too.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for machines, without addresses.")] = False,
) -> None:
    """Show which rows at Mailjet cannot be read, what is wrong with each, and what is left alone because of it."""
    from list_pipeline.storage.unreadable_rows import ended_rows, open_rows

    with opened_services() as services, services.database.begin() as connection:
        kept = (*open_rows(connection), *ended_rows(connection, ended))
    if as_json:
        sys.stdout.write(json.dumps({"rows": [one.as_json() for one in kept]}) + "\n")
        return
    table = Table("what", "id", "contact", "Mailjet campaign", "what is wrong", "since (UTC)", "until (UTC)")
    for one in kept:
        row = one.row
        table.add_row(
            kind_words(row.kind),
            str(row.row_id) if row.row_id > 0 else "-",
            str(row.contact_id or "-"),
            str(row.mailjet_campaign_id or "-"),
            row.problem,
            utc_text(one.first_seen_at),
            utc_text(one.ended_at) if one.ended_at else "",
        )
    if kept:
        console.print(table)
    unread = [one.row for one in kept if one.ended_at is None]
    words = f"{consequence_words(unread)}." if unread else "Every row at Mailjet can be read."
    console.print(words, markup=False)
