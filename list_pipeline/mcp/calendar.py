"""The tool about the calendar: what is planned, late and done."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from list_pipeline.core.campaign_stages.calendar import CalendarEntry
from list_pipeline.mcp.arguments import Arguments, KeyFilter, Limit
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.campaign_stages.calendar import calendar as calendar_of

_MOST_DAYS = 35


class DaysWanted(Arguments):
    """Which days."""

    start: Annotated[date | None, Field(alias="from", description="The first day (UTC); a week ago when left out.")] = (
        None
    )
    days: Annotated[int, Field(ge=1, le=_MOST_DAYS, description="How many days.")] = 21
    campaign: KeyFilter = None
    limit: Limit = 60


class Days(Result):
    """Days of the calendar. ``to``: the day after the last; ``late``: late now, wherever it lies; ``next_from``: ``from`` of
    the days after, or of those that did not fit here; None: nothing lies so far ahead."""

    start: date
    to: date
    as_of: datetime
    entries: tuple[CalendarEntry, ...]
    entries_in_all: int
    late: tuple[CalendarEntry, ...]
    next_from: date | None


def calendar(call: Call, asked: DaysWanted) -> Days:
    """Show what is planned, late and done by day: rounds, freezes of lists, validations, stages of campaigns, maintenances,
    last hours to decide on plans, weekly checks. Each says how it stands. Use it for what comes next, and for what is late."""
    found = calendar_of(call.services, asked.start, asked.days)
    every = tuple(one for one in found.entries if asked.campaign in (None, one.campaign))
    shown, left = every[: asked.limit], every[asked.limit :]
    following = max(left[0].at.date(), found.start + timedelta(days=1)) if left else found.after
    return Days(
        start=found.start,
        to=found.end,
        as_of=found.as_of,
        entries=shown,
        entries_in_all=len(every),
        late=tuple(one for one in found.late if asked.campaign in (None, one.campaign))[: asked.limit],
        next_from=following,
    )


TOOLS = (reading(calendar, "Calendar"),)
