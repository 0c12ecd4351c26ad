"""The sender's faults after one campaign."""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.incidents.operators import OPERATORS
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.sender_faults.listing import ListedFault, listed_faults
from list_pipeline.operations.access import Storing
from list_pipeline.storage import sender_faults
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign


@dataclass(frozen=True, slots=True)
class FaultList:
    """What there is to repair after a campaign, and which one that was."""

    campaign_key: str
    campaign_name: str
    faults: tuple[ListedFault, ...]

    @property
    def contacts(self) -> int:
        """Those who were kept although they failed."""
        return sum(one.contacts for one in self.faults)


def faults_after(services: Storing, campaign: Campaign, sweep: Sweep) -> tuple[ListedFault, ...]:
    """What there is to repair on the sender's side after a campaign, as one sweep saw it; empty where that sweep found nothing
    of the kind, and where it was not read."""
    with services.database.begin() as connection:
        found = sender_faults.faults_of(connection, campaign.campaign_id, sweep.value)
        if found is None:
            return ()
        return listed_faults(found, sender_faults.faults_before(connection, campaign.campaign_id), OPERATORS)


def faults_listed(services: Storing, key: str | None) -> FaultList:
    """The sender's faults of a campaign by its key, or of the last one whose failures were read.

    Raises:
        NotFoundError: there is no such campaign, or its failures were not read yet.
    """
    with services.database.begin() as connection:
        campaign = sent_campaigns.campaign_by_key(connection, key) if key is not None else None
        read = sender_faults.last_reading(connection, key)
        if read is None:
            raise NotFoundError(
                f"Listing what to repair after {key or 'the last campaign'}",
                "no failures were read of it" if key else "no campaign's failures were read yet",
                "Run its maintenance first, or materialize bounce_data",
            )
        campaign = campaign or sent_campaigns.campaign_by_key(connection, read[0])
    return FaultList(campaign.key, campaign.name, faults_after(services, campaign, Sweep(read[1])))
