"""What was told of a campaign beside what its reading shows."""

from __future__ import annotations

from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.told_events.comparison import Compared, comparison_text
from list_pipeline.operations.access import Deciding
from list_pipeline.storage import told_figures
from list_pipeline.storage.campaigns.sent_campaigns import Campaign


def compare(services: Deciding, campaign: Campaign, sweep: Sweep) -> Compared | None:
    """The comparison; None where no events are to come: no password is set, and none ever came."""
    with services.database.begin() as connection:
        found = told_figures.compare(connection, campaign.campaign_id, sweep.value)
    is_set = services.settings.event_webhook_password is not None
    return found if is_set or found.since is not None else None


def compared_text(told: Compared, campaign: Campaign) -> str:
    """A comparison in words, held against when the campaign was sent."""
    return comparison_text(told, campaign.send_started_at or campaign.sent_at)


def told_line(services: Deciding, campaign: Campaign, sweep: Sweep) -> str:
    """What the Event API missed of a campaign, in words; empty where no events are to come."""
    found = compare(services, campaign, sweep)
    return compared_text(found, campaign) if found is not None else ""
