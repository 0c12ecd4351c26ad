"""The next campaign is named by key, list and time in every report."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.campaigns.next_campaign import NextCampaign, next_campaign_text
from list_pipeline.core.lists import ListRole


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (CampaignStatus.SCHEDULED, "2026-11-27-r2-d8 to List 2 at 2026-11-27 09:15 UTC."),
        (CampaignStatus.BLOCKED, "2026-11-27-r2-d8 to List 2 at 2026-11-27 09:15 UTC, blocked by its validation."),
    ],
)
def test_the_next_campaign_is_a_sentence(status: CampaignStatus, words: str) -> None:
    at = datetime(2026, 11, 27, 9, 15, tzinfo=UTC)
    assert next_campaign_text(NextCampaign("2026-11-27-r2-d8", ListRole.CAMPAIGN_2, at, status)) == words


def test_where_nothing_is_scheduled_that_is_said() -> None:
    assert next_campaign_text(None) == "None is scheduled at Mailjet."
