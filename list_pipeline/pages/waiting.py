"""What waits for people: the page that they come to."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from list_pipeline.operations.launches.shown import open_launches
from list_pipeline.operations.reviews.waiting import what_waits
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.lists import lists_shown
from list_pipeline.operations.views.pages import coming_campaigns, logs_page
from list_pipeline.pages.rendering import page

_LATEST = 5


def router(services: Services) -> APIRouter:
    """The route, on the services of the process."""
    routes = APIRouter()

    @routes.get("/waiting")
    def waiting(request: Request) -> Response:
        return page(
            request,
            "waiting.html",
            waits=what_waits(services),
            launches=open_launches(services),
            mode=operating_mode(services),
            no_change_because=change_block_reason(services),
            lists=lists_shown(services),
            coming=coming_campaigns(services, most=_LATEST),
            logs=logs_page(services, after=0, limit=_LATEST).entries,
        )

    return routes
