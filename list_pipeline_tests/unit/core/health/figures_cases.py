"""Lists whose health is judged in tests: the worked examples, and how to make others."""

from __future__ import annotations

from datetime import UTC, datetime

from list_pipeline.core.health.figures import BounceTrend, ListFigures, SendFigures, SizeTrend
from list_pipeline.core.lists import ListRole
from list_pipeline.core.wording import Rate

SENT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def sends(recipients: int, hard: int = 0, soft: int = 0, others: int = 0, campaigns: int = 1) -> SendFigures:
    """Campaigns of which so many recipients failed; ``others`` for reasons that are no bounces."""
    return SendFigures(campaigns, recipients, hard, soft, recipients - hard - soft - others)


HEALTHY = ListFigures(
    role=ListRole.CAMPAIGN_1,
    mailable=1_200,
    target=1_200.0,
    last=sends(1_200, hard=10, soft=8),
    suppression=Rate(10, 1_200),
    bounce_trend=BounceTrend.STABLE,
    size_trend=SizeTrend.STABLE,
    last_campaign_at=SENT,
)
"""1,200 of 1,200 contacts, 1.5 % bounced (10 hard, 8 soft), 98.5 % delivered, 0.8 % suppressed, stable."""

ELEVATED = ListFigures(
    role=ListRole.CAMPAIGN_2,
    mailable=1_150,
    target=1_200.0,
    last=sends(1_150, hard=50, soft=21),
    suppression=Rate(48, 1_150),
    bounce_trend=BounceTrend.DEGRADING,
    size_trend=SizeTrend.SHRINKING,
    last_campaign_at=SENT,
)
"""1,150 of 1,200 contacts, 6.2 % bounced (50 hard, 21 soft), 93.8 % delivered, 4.2 % suppressed, degrading, shrinking."""
