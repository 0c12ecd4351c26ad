"""Campaigns: all of them, and one with everything that happened to it in the order of time."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from list_pipeline.operations.run_requests.offers import offers_about_campaign
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.campaign_story import campaign_story
from list_pipeline.operations.views.pages import campaigns_page, validation_shown
from list_pipeline.pages.common import ENTRIES, After, Key, Number
from list_pipeline.pages.rendering import page


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/campaigns")
    def campaigns(request: Request, after: After = 0) -> Response:
        return page(request, "campaigns.html", found=campaigns_page(services, after=after, limit=ENTRIES))

    @routes.get("/campaigns/{key}")
    def campaign(request: Request, key: Key) -> Response:
        story = campaign_story(services, key)
        return page(request, "campaign.html", story=story, offers=offers_about_campaign(services, key))

    @routes.get("/validations/{number}")
    def validation(request: Request, number: Number) -> Response:
        return page(request, "validation.html", found=validation_shown(services, number))

    return routes
