"""The command about the calendar: what is planned, late and done, of everything or of one campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import Whole, day_of, give, opened_services, say, show_table
from list_pipeline.core.campaign_stages.policy import CALENDAR
from list_pipeline.core.wording import count_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.core.campaign_stages.calendar import CalendarEntry


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(timeline)


def timeline(
    key: Annotated[
        str | None, typer.Argument(help="Only this campaign, from its first stage to its last look.")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day (UTC); a week ago when left out."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=CALENDAR.most_days, help="How many days.")] = CALENDAR.days_shown,
) -> None:
    """Show the calendar: rounds, stages, validations, maintenances, freezes of lists, deadlines and weekly checks, and what is
    late. Nothing is asked of Mailjet."""
    from list_pipeline.operations.campaign_stages.calendar import calendar, campaign_calendar_of

    if key is not None:
        with opened_services() as services:
            entries = campaign_calendar_of(services, key)
        _show(entries)
        give({"campaign": key, "entries": list(entries)})
        return
    with opened_services() as services:
        found = calendar(services, day_of(start), days)
    if found.entries:
        _show(found.entries)
    else:
        say(f"Nothing from {found.start} on, within {count_text(found.days, 'day')}.")
    for one in found.late:
        say(f"Late: {utc_text(one.at)} {one.title}. {one.words}")
    if found.after is not None and found.entries:
        say(f"What follows: --from {found.after}.")
    give(
        {
            "from": found.start,
            "to": found.end,
            "as_of": found.as_of,
            "entries": list(found.entries),
            "late": list(found.late),
            "next_from": found.after,
            "previous_from": found.before,
        }
    )


def _show(entries: Sequence[CalendarEntry]) -> None:
    show_table(
        (Whole("when (UTC)"), "until", "state", "what", "how it stands", Whole("campaign")),
        (
            (
                utc_text(one.at),
                utc_text(one.until) if one.until is not None else "-",
                one.state.value.replace("_", " "),
                one.title,
                one.words,
                one.campaign or "-",
            )
            for one in entries
        ),
    )
