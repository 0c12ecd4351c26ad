"""The checks of the weeks: all of them, and one. Messages in Slack link to the latter."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from list_pipeline.operations.services import Services
from list_pipeline.operations.views.ledger_entries import week_shown
from list_pipeline.operations.views.pages import checks_page
from list_pipeline.pages.common import ENTRIES, After, Number
from list_pipeline.pages.rendering import page


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/list-health")
    def weeks(request: Request, after: After = 0) -> Response:
        return page(request, "weeks.html", found=checks_page(services, after=after, limit=ENTRIES))

    @routes.get("/list-health/{number}")
    def week(request: Request, number: Number) -> Response:
        return page(request, "week.html", shown=week_shown(services, number))

    return routes
