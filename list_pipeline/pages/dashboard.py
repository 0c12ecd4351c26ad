"""The dashboard: what runs now, and how everything went lately, in pictures with their figures beside them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.pictures import Point, bars_svg, over_time_svg
from list_pipeline.core.wording import percent_text, rate_text
from list_pipeline.operations.monitoring.dashboard import Dashboard, dashboard, present_now
from list_pipeline.operations.services import Services
from list_pipeline.pages.losses import latest_faults
from list_pipeline.pages.rendering import drawn, page

WINDOWS = (7, 30, 90, 365)
"""Days that are offered."""
_MOST_BARS = 12
_LONGEST_BAR = 190


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/dashboard")
    def board(request: Request, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
        found = dashboard(services, days)
        return page(
            request,
            "dashboard.html",
            found=found,
            now=found.present,
            days=days,
            windows=WINDOWS,
            bounces=_bounces(found),
            balance=_balance(found),
            suppressed=_changed(found, "suppressed"),
            moved=_changed(found, "moved"),
            faults=latest_faults(services),
        )

    @routes.get("/dashboard/now")
    def now(request: Request) -> Response:
        return page(request, "now.html", now=present_now(services))

    return routes


def _bounces(found: Dashboard) -> Markup:
    series = {
        role.label: [
            Point(one.bounces.sent_at, one.rate.percent or 0.0, rate_text(one.rate), one.rate.low, one.rate.high)
            for one in found.bounces
            if one.bounces.list is role
        ]
        for role in CAMPAIGN_LISTS
    }
    return drawn(over_time_svg("Bounces of each campaign", series, unit=" %"))


def _balance(found: Dashboard) -> Markup:
    points = [Point(one.at, one.percent, percent_text(one.percent)) for one in found.balance]
    return drawn(over_time_svg("How far the lists are apart", {"Lists": points} if points else {}, unit=" %"))


def _changed(found: Dashboard, what: str) -> Markup:
    latest = found.changed[-_MOST_BARS:]
    # The day and the round of a key, where they name a campaign: its number at Mailjet says nothing to people.
    short = ["-".join(one.campaign.split("-")[:4]) for one in latest]
    names = short if len(set(short)) == len(short) else [one.campaign for one in latest]
    values = {name: int(getattr(one, what)) for name, one in zip(names, latest, strict=True)}
    title = "Suppressed after each campaign" if what == "suppressed" else "Moved after each campaign"
    return drawn(bars_svg(title, values, longest=_LONGEST_BAR))
