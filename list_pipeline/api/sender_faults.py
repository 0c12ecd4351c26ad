"""What to repair on the sender's side: ``/api/sender-faults``."""

from __future__ import annotations

from fastapi import APIRouter

from list_pipeline.api.common import KeyFilter, Model, Reader, shown_as
from list_pipeline.core.sender_faults.listing import ListedFault
from list_pipeline.operations.sender_faults.listing import faults_listed
from list_pipeline.operations.services import Services


class SenderFaults(Model):
    """Who refused us after a campaign and why. ``contacts``: kept although they failed."""

    model_config = shown_as(
        campaign="2026-11-20-r1-7",
        contacts=12,
        faults=[
            {
                "operator": "other domains",
                "reason": "sender_blocked",
                "contacts": 12,
                "before": [0, 3],
                "trend": "more than before",
                "advice": "Look at the sender's reputation.",
            }
        ],
    )

    campaign: str
    contacts: int
    faults: tuple[ListedFault, ...]


def router(services: Services) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter(prefix="/api/sender-faults", tags=["sender faults"])

    @routes.get("")
    def sender_faults(_: Reader, campaign: KeyFilter = None) -> SenderFaults:
        found = faults_listed(services, campaign)
        return SenderFaults(campaign=found.campaign_key, contacts=found.contacts, faults=found.faults)

    return routes
