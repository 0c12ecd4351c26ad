"""Attempts at maintenances and validations: all of them, and one. Messages in Slack link to the latter."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from list_pipeline.operations.services import Services
from list_pipeline.operations.views.ledger_entries import maintenance_shown
from list_pipeline.operations.views.pages import logs_page
from list_pipeline.pages.common import ENTRIES, After, KeyFilter, Number
from list_pipeline.pages.rendering import page


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/list-management")
    def logs(request: Request, after: After = 0, campaign: KeyFilter = None) -> Response:
        found = logs_page(services, after=after, limit=ENTRIES, campaign=campaign or None)
        return page(request, "logs.html", found=found, campaign=campaign)

    @routes.get("/list-management/{number}")
    def log(request: Request, number: Number) -> Response:
        return page(request, "log.html", shown=maintenance_shown(services, number))

    return routes
