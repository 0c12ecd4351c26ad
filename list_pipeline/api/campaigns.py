"""Campaigns: ``/api/campaigns``, all of them page by page, and one with everything about it.

Does not belong here: taking a maintenance back (``corrections``), and starting one (``triggers``).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from list_pipeline.api.common import After, Key, Limit, Model, Reader, shown_as
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.lists import ListRole
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.campaign_story import CampaignStory, campaign_story
from list_pipeline.operations.views.pages import campaigns_page
from list_pipeline.storage.views import CampaignRow

_EXAMPLE: dict[str, Any] = {
    "number": 12,
    "key": "2026-11-20-r1-7",
    "name": "November",
    "list": "campaign_1",
    "round": 1,
    "cycle": 4,
    "status": "SENT",
    "scheduledAt": "2026-11-20T09:00:00Z",
    "sentAt": "2026-11-20T09:12:00Z",
    "recipients": 1122,
    "maintenance": "success",
    "changesLeft": None,
}


class Campaigns(Model):
    """Campaigns, those that were found last first."""

    model_config = shown_as(campaigns=[_EXAMPLE], nextAfter=None)

    campaigns: tuple[CampaignRow, ...]
    next_after: int | None


class Campaign(Model):
    """A campaign with its timeline, attempts, plans, questions and validations."""

    model_config = shown_as(
        story={
            "campaign": _EXAMPLE,
            "timeline": [{"at": "2026-11-20T09:12:00Z", "what": "sent", "words": "Sent to List 1.", "by": None}],
            "runs": [],
            "plans": [],
            "questions": [],
            "validations": [],
            "stages": [],
            "overrides": [],
            "launches": [],
            "wrapup": None,
            "firstFigures": None,
        }
    )

    story: CampaignStory


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/campaigns", tags=["campaigns"])

    @routes.get("")
    def campaigns(
        _: Reader,
        after: After = 0,
        limit: Limit = 50,
        status: CampaignStatus | None = None,
        on_list: Annotated[ListRole | None, Query(alias="list", description="The list that it is sent to.")] = None,
        cycle: Annotated[int | None, Query(ge=1, le=10**6)] = None,
    ) -> Campaigns:
        found = campaigns_page(services, after=after, limit=limit, status=status, role=on_list, cycle=cycle)
        return Campaigns(campaigns=found.entries, next_after=found.next_after)

    @routes.get("/{key}")
    def campaign(key: Key, _: Reader) -> Campaign:
        return Campaign(story=campaign_story(services, key))

    return routes
