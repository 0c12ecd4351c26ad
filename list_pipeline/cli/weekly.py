"""The command about the weekly health check: runs the check of a week, or shows the one that was made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from list_pipeline.cli.common import day_of, give, opened_services, progress, say, say_lines, working
from list_pipeline.core.messages.slack_blocks import as_text


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(weekly)


def weekly(
    week: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Monday of the week (UTC); the latest that is due when left out."),
    ] = None,
) -> None:
    """Check the lists for a week and report it; a week that was checked is shown as it was."""
    from list_pipeline.operations.weekly.report import check_week

    monday = day_of(week)
    with opened_services() as services, working("Checking the week"):
        checked = check_week(services, monday, progress=progress)
    say_lines(as_text(checked.report.message))
    notified = checked.notified
    say(f"Row {checked.run.row.check_id} of list_health_check; message: {notified.report.state}.")
    if notified.report.error:
        say(f"- {notified.report.error}")
    if notified.alert is not None:
        say(f"Critical alert: {notified.alert.state}.")
    give(
        {
            "check_id": checked.run.row.check_id,
            "report": as_text(checked.report.message),
            "message": notified.report.state,
            "message_error": notified.report.error or None,
            "critical_alert": notified.alert.state if notified.alert is not None else None,
        }
    )
