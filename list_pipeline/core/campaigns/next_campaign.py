"""The campaign that is scheduled next, as every report names it.

Does not belong here: which one that is (``operations.campaigns.scheduled_campaigns``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.lists import ListRole
from list_pipeline.core.wording import instant_text


@dataclass(frozen=True, slots=True)
class NextCampaign:
    """A campaign that Mailjet is to send next: its key, its list, and when (UTC)."""

    key: str
    list: ListRole
    at: datetime
    status: CampaignStatus


def next_campaign_text(one: NextCampaign | None) -> str:
    """The next campaign as a sentence; None: there is none."""
    if one is None:
        return "None is scheduled at Mailjet."
    blocked = ", blocked by its validation" if one.status is CampaignStatus.BLOCKED else ""
    return f"{one.key} to {one.list.label} at {instant_text(one.at)}{blocked}."
