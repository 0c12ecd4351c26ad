"""The calendar: a picture of the next weeks, what is late, and every entry by its day."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from list_pipeline.core.campaign_stages.calendar import EntryKind, EntryState
from list_pipeline.core.campaign_stages.policy import CALENDAR
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.pictures import DaysRow, Mark, Span, days_svg
from list_pipeline.core.wording import instant_text
from list_pipeline.operations.campaign_stages.calendar import Calendar
from list_pipeline.operations.campaign_stages.calendar import calendar as calendar_of
from list_pipeline.operations.services import Services
from list_pipeline.pages.rendering import drawn, page


def router(services: Services) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter()

    @routes.get("/calendar")
    def calendar(
        request: Request,
        start: Annotated[date | None, Query(alias="from")] = None,
        days: Annotated[int, Query(ge=1, le=CALENDAR.most_days)] = CALENDAR.days_shown,
    ) -> Response:
        found = calendar_of(services, start, days)
        # What began before the window and reaches into it stands on its first day.
        by_day = groupby(found.entries, lambda one: max(one.at.astimezone(UTC).date(), found.start))
        return page(
            request,
            "calendar.html",
            found=found,
            last=found.end - timedelta(days=1),
            picture=_picture(found),
            days=[(day, list(entries)) for day, entries in by_day],
        )

    return routes


def _picture(found: Calendar) -> Markup:
    rows = []
    for role in CAMPAIGN_LISTS:
        mine = [one for one in found.entries if one.list is role]
        marks = [
            Mark(
                one.at,
                redact_addresses(f"{instant_text(one.at)}: {one.title}. {one.words}"),
                is_hollow=one.state in (EntryState.CANCELLED, EntryState.SKIPPED),
            )
            for one in mine
            if one.kind is EntryKind.ROUND
        ]
        spans = [
            # A freeze whose end is not known lasts at least until now.
            Span(one.at, one.until or max(one.at, found.as_of), f"{one.title} from {instant_text(one.at)}. {one.words}")
            for one in mine
            if one.kind is EntryKind.FREEZE
        ]
        rows.append(DaysRow(role.label, marks, spans))
    svg = days_svg("Rounds and freezes of the lists", found.start, found.days, rows, now=found.as_of)
    return drawn(svg)
