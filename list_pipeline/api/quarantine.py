"""Who is kept from mail for a while: ``/api/quarantined``. Does not belong here: ending it (``corrections``)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from list_pipeline.api.common import LARGEST_ID, Limit, Model, Reader, shown_as
from list_pipeline.operations.quarantine.release import QuarantinedContact, quarantined_page
from list_pipeline.operations.services import Services


class Quarantined(Model):
    """Who is in quarantine or waits for it, by contact id. ``next_after``: ``after`` of the next page, if any."""

    model_config = shown_as(
        quarantined=[
            {
                "contactId": 254510270,
                "contact": "b***@s***.example",
                "reason": "incident",
                "state": "active",
                "startedAt": "2026-11-21T10:02:00Z",
                "endsAt": "2026-11-28T10:02:00Z",
                "campaign": "2026-11-20-r1-7",
                "plan": 14,
            }
        ],
        nextAfter=None,
    )

    quarantined: tuple[QuarantinedContact, ...]
    next_after: int | None


def router(services: Services) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter(prefix="/api/quarantined", tags=["quarantine"])

    @routes.get("")
    def quarantined(
        _: Reader,
        after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="Contacts with a larger id.")] = 0,
        limit: Limit = 50,
    ) -> Quarantined:
        found = quarantined_page(services, after=after, limit=limit)
        return Quarantined(quarantined=found.entries, next_after=found.next_after)

    return routes
