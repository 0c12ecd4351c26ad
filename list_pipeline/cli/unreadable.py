"""The command that shows which rows at Mailjet cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import Whole, give, opened_services, say, show_table
from list_pipeline.core.unreadable_rows import consequence_words, kind_words
from list_pipeline.core.wording import utc_text

if TYPE_CHECKING:
    from list_pipeline.storage.unreadable_rows import KeptRow


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(unreadable)


def unreadable(
    ended: Annotated[int, typer.Option(min=0, help="Show so many of the latest that are over, too.")] = 0,
) -> None:
    """Show which rows at Mailjet cannot be read, what is wrong with each, and what is left alone because of it."""
    from list_pipeline.storage.unreadable_rows import ended_rows, open_rows

    with opened_services() as services, services.database.begin() as connection:
        kept = (*open_rows(connection), *ended_rows(connection, ended))
    give({"rows": [one.as_json() for one in kept]})
    if kept:
        show_table(
            ("what", Whole("id"), Whole("contact"), "Mailjet campaign", "what is wrong", "since (UTC)", "until (UTC)"),
            (_cells(one) for one in kept),
        )
    unread = [one.row for one in kept if one.ended_at is None]
    say(f"{consequence_words(unread)}." if unread else "Every row at Mailjet can be read.")


def _cells(kept: KeptRow) -> tuple[str, ...]:
    row = kept.row
    return (
        kind_words(row.kind),
        str(row.row_id) if row.row_id > 0 else "-",
        str(row.contact_id or "-"),
        str(row.mailjet_campaign_id or "-"),
        row.problem,
        utc_text(kept.first_seen_at),
        utc_text(kept.ended_at) if kept.ended_at else "",
    )
