"""The command that shows which rows at Mailjet cannot be read."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import give, opened_services, say
from list_pipeline.core.unreadable_rows import consequence_words, row_words
from list_pipeline.core.wording import utc_text


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
    for one in kept:
        until = f" until {utc_text(one.ended_at)}" if one.ended_at else ""
        say(f"{row_words(one.row)} (since {utc_text(one.first_seen_at)}{until} UTC)")
    unread = [one.row for one in kept if one.ended_at is None]
    say(f"{consequence_words(unread)}." if unread else "Every row at Mailjet can be read.")
