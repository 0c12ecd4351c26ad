"""How many a scheduled campaign may expect, after we changed its list ourselves.

The number from when it was scheduled is corrected by our own changes since, and stands as of now: what others changed at the
list in that time still shows as a difference in the validation.

Does not belong here: the first expectation (``scheduled_campaigns``), and the validation (``operations.validation``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.validation.own_changes import net_change
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.membership import members
from list_pipeline.storage.validation import results as validation_rows


def follow_own_changes(connection: Connection, now: datetime) -> None:
    """Let the scheduled campaigns expect what we changed at the lists, with the recipients of the cycle that these are.

    Args:
        now: when it is true (UTC); no bulk job of ours is under way.
    """
    sizes = {role: size.mailable for role, size in members.stored_sizes(connection).items()}
    for campaign in scheduled_campaigns.not_sent_yet(connection):
        if campaign.retired_at is not None or campaign.expected is None or campaign.expected_at is None:
            continue
        role = campaign.list_role
        changed = net_change(role, validation_rows.own_changes(connection, campaign.expected_at))
        before = sum(sizes[each] for each in CAMPAIGN_LISTS[: role.round_number - 1])
        scheduled_campaigns.expect_anew(connection, campaign.campaign_id, campaign.expected + changed, before + 1, now)
