"""The command about the states of the lists."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import Whole, give, opened_services, say, show_table
from list_pipeline.core.wording import utc_text


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(states)


def states(
    history: Annotated[bool, typer.Option("--history", help="Show the transitions that led there, too.")] = False,
    list_number: Annotated[
        int | None, typer.Option("--list", min=1, max=3, help="Only the history of this list.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many of the latest transitions.")] = 50,
) -> None:
    """Show where each campaign list is: its health, and its life cycle between two campaigns."""
    from list_pipeline.core.lists import CAMPAIGN_LISTS
    from list_pipeline.operations.list_states import history as state_history

    with opened_services() as services:
        present = state_history.states(services)
        role = CAMPAIGN_LISTS[list_number - 1] if list_number else None
        noted = state_history.history(services, role, limit=limit) if history else ()
    show_table(
        ("list", "machine", "state", "since (UTC)"),
        ((row.list_role.label, row.machine, row.state, utc_text(row.since)) for row in present),
    )
    if not present:
        say("Nothing is noted yet: run a maintenance first.")
    if noted:
        show_table(
            ("when (UTC)", "list", "machine", "from", "to", "because", Whole("campaign or week")),
            (
                (
                    utc_text(one.at, seconds=True),
                    one.list_role.label,
                    one.machine,
                    one.from_state,
                    one.to_state,
                    one.reason or one.event.words,
                    one.campaign_key or (one.week.isoformat() if one.week else "-"),
                )
                for one in noted
            ),
        )
    give({"states": present, "history": noted})
