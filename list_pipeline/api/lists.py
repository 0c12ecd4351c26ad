"""The five lists: ``/api/lists``. Sizes are those of our rows, as the last look at Mailjet left them."""

from __future__ import annotations

from fastapi import APIRouter

from list_pipeline.api.common import Model, Reader, shown_as
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.lists import ListShown, lists_shown


class Lists(Model):
    """The five lists, in contacts. ``deviation_percent``: how far the campaign lists are apart; None: they are empty."""

    model_config = shown_as(
        lists=[
            {
                "list": "campaign_1",
                "label": "List 1",
                "raw": 1189,
                "mailable": 1177,
                "unsubscribed": 9,
                "excluded": 3,
                "quarantined": 7,
                "lastSyncedAt": "2026-11-21T10:00:00Z",
                "states": [{"machine": "health", "state": "healthy", "since": "2026-11-21T10:02:00Z"}],
            }
        ],
        deviationPercent=2.0,
    )

    lists: tuple[ListShown, ...]
    deviation_percent: float | None


def router(services: Services) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter(prefix="/api/lists", tags=["lists"])

    @routes.get("")
    def lists(_: Reader) -> Lists:
        found = lists_shown(services)
        return Lists(lists=found.lists, deviation_percent=found.deviation_percent)

    return routes
