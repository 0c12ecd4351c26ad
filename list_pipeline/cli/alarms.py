"""The command that shows alarms, and tries whether they arrive."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import By, give, opened_services, say, show_table
from list_pipeline.core.wording import utc_text


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(alarms)


def alarms(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show so many; open ones come first.")] = 20,
    test: Annotated[
        bool, typer.Option("--test", help="Raise an alarm that says that it is a test, and end it.")
    ] = False,
    by: By = "",
) -> None:
    """Show the alarms that are open and the latest that are over, and whether whoever is on call was told. Exits with 1 where a
    test did not arrive."""
    from list_pipeline.core.messages.delivery import DeliveryState
    from list_pipeline.operations.alarms.look import end_test, raise_test
    from list_pipeline.operations.alarms.tell import tell_waiting
    from list_pipeline.storage.alarms import latest

    told = []
    with opened_services() as services:
        if test:
            problem = raise_test(services, by=by)
            told += tell_waiting(services)
            end_test(services, problem)
            told += tell_waiting(services)
        with services.database.begin() as connection:
            rows = latest(connection, limit)
    show_table(
        ("alarm", "kind", "what", "raised at (UTC)", "over at (UTC)", "told"),
        (
            (
                str(row["alarm_id"]),
                row["kind"].replace("_", " "),
                row["summary"],
                utc_text(row["raised_at"]),
                utc_text(row["resolved_at"], unknown="open"),
                ", ".join(f"{one['receiver']} {one['action']}: {one['state']}" for one in row["told"]) or "nobody",
            )
            for row in rows
        ),
    )
    for one in told:
        say(f"{one.receiver.value}, {one.action.value}: {one.state.value}{f'. {one.error}' if one.error else ''}")
    give({"alarms": [dict(row) for row in rows], "told": told})
    if test and not (told and all(one.state is DeliveryState.SENT for one in told)):
        raise typer.Exit(1)
