"""When a campaign is due for its maintenance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from list_pipeline.core.campaigns.eligibility import (
    CAMPAIGN_LIFE,
    SENT_STATUSES,
    CampaignStatus,
    CampaignTimes,
    Eligibility,
    EligibilityVerdict,
    eligible,
)

ENDED = datetime(2025, 3, 3, 12, tzinfo=UTC)


def campaign(
    campaign_id: str = "a",
    status: CampaignStatus = CampaignStatus.SENT,
    ended: datetime | None = ENDED,
    started: datetime | None = None,
    scheduled: datetime | None = None,
) -> CampaignTimes:
    return CampaignTimes(campaign_id, status, ended, started, scheduled)


def due(
    campaign: CampaignTimes, as_of: datetime, *, delay_hours: float = 24, lookback_days: float = 7
) -> EligibilityVerdict:
    return eligible(campaign, as_of, delay_hours=delay_hours, lookback_days=lookback_days)


def test_a_campaign_is_due_exactly_24_hours_after_the_end_of_sending() -> None:
    early = due(campaign(), ENDED + timedelta(hours=24, microseconds=-1))
    assert (early.verdict, early.is_eligible) == (Eligibility.NOT_YET, False)
    assert early.reason == "it is due at 2025-03-04 12:00 UTC"
    assert due(campaign(), ENDED + timedelta(hours=24)).is_eligible


def test_a_campaign_that_was_sent_is_never_about_to_be_sent_again() -> None:
    assert set(CAMPAIGN_LIFE.table) == set(CampaignStatus)
    before = {CampaignStatus.SCHEDULED, CampaignStatus.READY, CampaignStatus.BLOCKED}
    assert not any(set(CAMPAIGN_LIFE.table[status]) & before for status in (*SENT_STATUSES, CampaignStatus.LAUNCHING))


def test_time_zero_is_the_end_else_the_start_else_the_schedule() -> None:
    start, schedule = ENDED - timedelta(hours=2), ENDED - timedelta(hours=3)
    assert campaign(started=start, scheduled=schedule).time_zero == ENDED
    assert campaign(ended=None, started=start, scheduled=schedule).time_zero == start
    assert campaign(ended=None, scheduled=schedule).time_zero == schedule


@pytest.mark.parametrize("status", [CampaignStatus.SENT, CampaignStatus.COMPLETED])
def test_sent_and_completed_campaigns_are_taken(status: CampaignStatus) -> None:
    assert due(campaign(status=status), ENDED + timedelta(days=2)).is_eligible


@pytest.mark.parametrize("status", sorted(set(CampaignStatus) - {CampaignStatus.SENT, CampaignStatus.COMPLETED}))
def test_other_statuses_are_not(status: CampaignStatus) -> None:
    verdict = due(campaign(status=status), ENDED + timedelta(days=2))
    assert verdict.verdict is Eligibility.NOT_SENT
    assert status in verdict.reason


def test_a_campaign_without_any_time_is_reported_and_not_guessed() -> None:
    verdict = due(campaign(ended=None), ENDED)
    assert (verdict.verdict, verdict.due_at) == (Eligibility.TIME_UNKNOWN, None)


def test_an_old_campaign_is_left_to_a_person() -> None:
    assert due(campaign(), ENDED + timedelta(days=7)).is_eligible
    verdict = due(campaign(), ENDED + timedelta(days=7, seconds=1))
    assert verdict.verdict is Eligibility.TOO_OLD
    assert "more than 7 days ago" in verdict.reason
    assert due(campaign(), ENDED + timedelta(days=20), lookback_days=30).is_eligible


def test_delay_and_time_zones_are_respected() -> None:
    tokyo = timezone(timedelta(hours=9))
    verdict = due(campaign(ended=ENDED.astimezone(tokyo)), ENDED + timedelta(hours=1), delay_hours=72)
    assert verdict.reason == "it is due at 2025-03-06 12:00 UTC"
