"""When a campaign is due for its maintenance.

Belongs here: time zero, the delay, the look-back bound, the statuses and which may follow which. Does not belong here:
whether the maintenance was already done or failed before (its log says so), and who looks for due campaigns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.life_cycles import LifeCycle, life_cycle
from list_pipeline.core.wording import duration_text, instant_text


class CampaignStatus(StrEnum):
    """Where a campaign is, from its draft to the end of its sending; Mailjet decides, but for READY and BLOCKED.

    READY and BLOCKED: what the validation before the send said. COMPLETED: set by whoever wraps a campaign up.
    """

    SCHEDULED = "SCHEDULED"
    READY = "READY"
    LAUNCHING = "LAUNCHING"
    SENT = "SENT"
    COMPLETED = "COMPLETED"
    BLOCKED = "BLOCKED"


CAMPAIGN_LIFE: LifeCycle[CampaignStatus] = life_cycle(
    "a campaign",
    {
        CampaignStatus.SCHEDULED: (
            CampaignStatus.READY,
            CampaignStatus.BLOCKED,
            CampaignStatus.LAUNCHING,
            CampaignStatus.SENT,
        ),
        # Another date or list: what was found out says nothing about it.
        CampaignStatus.READY: (
            CampaignStatus.SCHEDULED,
            CampaignStatus.BLOCKED,
            CampaignStatus.LAUNCHING,
            CampaignStatus.SENT,
        ),
        # Mailjet sends a blocked campaign too, where its schedule was left alone.
        CampaignStatus.BLOCKED: (CampaignStatus.READY, CampaignStatus.LAUNCHING, CampaignStatus.SENT),
        # Mailjet's numbers decide whether sending has ended: a send that goes on is launching again.
        CampaignStatus.LAUNCHING: (CampaignStatus.SENT, CampaignStatus.COMPLETED),
        CampaignStatus.SENT: (CampaignStatus.LAUNCHING, CampaignStatus.COMPLETED),
        CampaignStatus.COMPLETED: (),
    },
)
"""Which status of a campaign may follow which."""

SENT_STATUSES = (CampaignStatus.SENT, CampaignStatus.COMPLETED)
"""The campaign was sent."""


class Eligibility(StrEnum):
    """The verdict on one campaign."""

    ELIGIBLE = "eligible"
    NOT_YET = "not_yet"
    NOT_SENT = "not_sent"
    TOO_OLD = "too_old"
    TIME_UNKNOWN = "time_unknown"


@dataclass(frozen=True, slots=True)
class CampaignTimes:
    """The known times of a campaign's sending. ``campaign_id`` is our own id; instants are aware, None where unknown."""

    campaign_id: str
    status: CampaignStatus
    send_ended_at: datetime | None
    send_started_at: datetime | None
    scheduled_at: datetime | None

    @property
    def time_zero(self) -> datetime | None:
        """The end of sending, else its start, else the scheduled time."""
        return self.send_ended_at or self.send_started_at or self.scheduled_at


@dataclass(frozen=True, slots=True)
class EligibilityVerdict:
    """Whether a campaign is due, and why in words. ``due_at`` is time zero plus the delay."""

    campaign: CampaignTimes
    verdict: Eligibility
    reason: str
    due_at: datetime | None

    @property
    def is_eligible(self) -> bool:
        """True when its maintenance may run now."""
        return self.verdict is Eligibility.ELIGIBLE


def eligible(
    campaign: CampaignTimes, as_of: datetime, *, delay_hours: float, lookback_days: float
) -> EligibilityVerdict:
    """Whether a campaign's maintenance is due at an instant.

    Args:
        campaign: its status and times.
        as_of: the instant, aware.
        delay_hours: hours from time zero until it is due; exactly then it is.
        lookback_days: a time zero longer ago is not taken up by itself, so that a first start does not process the
            complete history; a person may still ask for it.
    """
    zero = campaign.time_zero
    due_at = None if zero is None else zero + timedelta(hours=delay_hours)
    if campaign.status not in SENT_STATUSES:
        return EligibilityVerdict(campaign, Eligibility.NOT_SENT, f"its status is {campaign.status.value}", due_at)
    if zero is None or due_at is None:
        return EligibilityVerdict(
            campaign, Eligibility.TIME_UNKNOWN, "it has no end or start of sending and no scheduled time", None
        )
    if as_of < due_at:
        return EligibilityVerdict(campaign, Eligibility.NOT_YET, f"it is due at {instant_text(due_at)}", due_at)
    if zero < as_of - timedelta(days=lookback_days):
        return EligibilityVerdict(
            campaign,
            Eligibility.TOO_OLD,
            f"it was sent at {instant_text(zero)}, more than {duration_text(timedelta(days=lookback_days))} ago",
            due_at,
        )
    return EligibilityVerdict(campaign, Eligibility.ELIGIBLE, f"it has been due since {instant_text(due_at)}", due_at)
