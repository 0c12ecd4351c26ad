"""The calendar: ``/api/calendar`` as JSON, window by window, and ``/api/calendar.ics`` for calendar clients (RFC 5545).

Does not belong here: what stands in it (``operations.campaign_stages.calendar``), and the form of the feed
(``operations.campaign_stages.calendar_feed``).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from list_pipeline.api.common import FeedReader, Model, Reader, shown_as
from list_pipeline.core.campaign_stages.calendar import CalendarEntry
from list_pipeline.core.campaign_stages.policy import CALENDAR
from list_pipeline.core.tokens import FEED_PATH
from list_pipeline.operations.campaign_stages.calendar import calendar as calendar_of
from list_pipeline.operations.campaign_stages.calendar_feed import MEDIA_TYPE, feed
from list_pipeline.operations.services import Services

_EXAMPLE: dict[str, Any] = {
    "name": "round-12",
    "kind": "round",
    "state": "planned",
    "at": "2026-11-20T09:15:00Z",
    "until": None,
    "title": "Round 1 of cycle 4 to List 1: November",
    "words": "Not validated yet, 1,163 contacts expected.",
    "campaign": "2026-11-20-r1-d7",
    "list": "campaign_1",
    "changedAt": "2026-11-15T08:00:00Z",
}


class Calendar(Model):
    """A window of the calendar, its days in UTC. ``to``: the day after its last; ``late``: late now, wherever it lies."""

    model_config = shown_as(
        **{"from": "2026-11-16", "to": "2026-12-21"},
        asOf="2026-11-19T10:00:00Z",
        entries=[_EXAMPLE],
        late=[],
        nextFrom="2026-12-21",
        previousFrom="2026-10-12",
    )

    start: Annotated[date, Field(alias="from")]
    to: date
    as_of: datetime
    entries: tuple[CalendarEntry, ...]
    late: tuple[CalendarEntry, ...]
    next_from: date | None
    previous_from: date | None


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(tags=["calendar"])

    @routes.get("/api/calendar")
    def calendar(
        _: Reader,
        start: Annotated[
            date | None, Query(alias="from", description="The first day (UTC); a week ago when left out.")
        ] = None,
        days: Annotated[int, Query(ge=1, le=CALENDAR.most_days, description="How many days.")] = CALENDAR.days_shown,
    ) -> Calendar:
        found = calendar_of(services, start, days)
        return Calendar(
            start=found.start,
            to=found.end,
            as_of=found.as_of,
            entries=found.entries,
            late=found.late,
            next_from=found.after,
            previous_from=found.before,
        )

    @routes.get(FEED_PATH, response_class=Response, responses={200: {"content": {"text/calendar": {}}}})
    def calendar_feed(_: FeedReader) -> Response:
        return Response(feed(services), headers={"content-type": MEDIA_TYPE})

    return routes
