"""Campaigns: all of them, and one with everything that happened to it in the order of time."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from list_pipeline.core.campaign_stages.wrapup import Figure
from list_pipeline.core.campaign_stages.wrapup_picture import rates_beside, rates_picture
from list_pipeline.core.wording import rate_text
from list_pipeline.operations.launches.shown import launch_offers
from list_pipeline.operations.run_requests.offers import offers_about_campaign
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.campaign_story import CampaignStory, campaign_story
from list_pipeline.operations.views.pages import campaigns_page, validation_shown
from list_pipeline.pages.common import ENTRIES, After, Key, Number
from list_pipeline.pages.rendering import drawn, page


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/campaigns")
    def campaigns(request: Request, after: After = 0) -> Response:
        return page(request, "campaigns.html", found=campaigns_page(services, after=after, limit=ENTRIES))

    @routes.get("/campaigns/{key}")
    def campaign(request: Request, key: Key) -> Response:
        story = campaign_story(services, key)
        return page(
            request,
            "campaign.html",
            story=story,
            offers=offers_about_campaign(services, key),
            launch_offers=launch_offers(services, key),
            rates=_rates(story),
        )

    @routes.get("/validations/{number}")
    def validation(request: Request, number: Number) -> Response:
        return page(request, "validation.html", found=validation_shown(services, number))

    return routes


def _rates(story: CampaignStory) -> dict[str, Any] | None:
    """The first figures beside those of earlier sends, as a picture and as the table of the same; None: there are none."""
    if (found := story.first_figures) is None:
        return None
    svg = rates_picture(found.counts, found.compared)
    rows = [
        (figure.label, [(name, rate_text(rate)) for name, rate in rates_beside(figure, found.counts, found.compared)])
        for figure in Figure
    ]
    sentences = found.operators.sentences if found.operators is not None else ()
    return {"picture": svg and drawn(svg), "rows": rows, "operators": sentences}
