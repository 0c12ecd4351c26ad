"""The tool about what to repair on the sender's side."""

from __future__ import annotations

from list_pipeline.core.sender_faults.listing import ListedFault
from list_pipeline.mcp.arguments import Arguments, KeyFilter
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.sender_faults.listing import faults_listed


class FaultsWanted(Arguments):
    """After which campaign; without one, after the last whose failures were read."""

    campaign: KeyFilter = None


class SenderFaults(Result):
    """Who refused us after a campaign and why. ``contacts``: kept although they failed."""

    campaign: str
    contacts: int
    faults: tuple[ListedFault, ...]


def sender_faults(call: Call, asked: FaultsWanted) -> SenderFaults:
    """List which mail operators refused a campaign for a fault of the sender (reputation, authentication, content), how many
    contacts that met, whether it grows, and what to repair. Nobody is suppressed for these."""
    found = faults_listed(call.services, asked.campaign)
    return SenderFaults(campaign=found.campaign_key, contacts=found.contacts, faults=found.faults)


TOOLS = (reading(sender_faults, "The sender's faults"),)
