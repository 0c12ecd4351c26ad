"""The figures of a campaign list: sizes, rates with their intervals, trends.

Belongs here: what is known about a list, with its units. Does not belong here: what follows from a
figure (``assessment``) and where it comes from (``operations.health.assessments``).

None means: not known. It never stands for zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.health.trends import BounceTrend, SizeTrend
from list_pipeline.core.lists import ListRole
from list_pipeline.core.percentages import Rate
from list_pipeline.core.wording import date_text, rate_ends, told_percent


@dataclass(frozen=True, slots=True)
class SendFigures:
    """The ends of the messages of one or several campaigns of a list, in contacts.

    Attributes:
        campaigns: how many campaigns these are.
        recipients: contacts mailed, a contact counted once a campaign: the base of every rate.
        delivered: neither failed nor still being tried.
    """

    campaigns: int
    recipients: int
    hard: int
    soft: int
    delivered: int

    @property
    def hard_rate(self) -> Rate:
        """Hard bounces of the recipients."""
        return Rate(self.hard, self.recipients)

    @property
    def soft_rate(self) -> Rate:
        """Soft bounces of the recipients."""
        return Rate(self.soft, self.recipients)

    @property
    def bounce_rate(self) -> Rate:
        """Hard and soft bounces of the recipients."""
        return Rate(self.hard + self.soft, self.recipients)

    @property
    def delivery_rate(self) -> Rate:
        """Deliveries of the recipients."""
        return Rate(self.delivered, self.recipients)

    @classmethod
    def together(cls, parts: Sequence[SendFigures]) -> SendFigures | None:
        """The figures of all these campaigns, so that each weighs as its recipients; None without any."""
        if not parts:
            return None
        return cls(
            campaigns=sum(each.campaigns for each in parts),
            recipients=sum(each.recipients for each in parts),
            hard=sum(each.hard for each in parts),
            soft=sum(each.soft for each in parts),
            delivered=sum(each.delivered for each in parts),
        )

    def without(self, other: SendFigures) -> SendFigures:
        """The figures of the remaining campaigns, where ``other`` is some of these."""
        return SendFigures(
            self.campaigns - other.campaigns,
            self.recipients - other.recipients,
            self.hard - other.hard,
            self.soft - other.soft,
            self.delivered - other.delivered,
        )


@dataclass(frozen=True, slots=True)
class ShownRate:
    """A rate with its interval in percent, rounded for people: a part of ``ShownFigures``."""

    contacts: int
    rate_percent: float | None
    low_percent: float | None
    high_percent: float | None


@dataclass(frozen=True, slots=True)
class ShownSends:
    """What campaigns did, with rounded rates: a part of ``ShownFigures``."""

    campaigns: int
    recipients: int
    hard_bounces: ShownRate | None
    soft_bounces: ShownRate | None
    bounces: ShownRate | None
    deliveries: ShownRate | None


@dataclass(frozen=True, slots=True)
class ShownFigures:
    """The figures of a list as they are stored with its assessment and told to an advisor, rounded. None: not known.

    Attributes:
        target_contacts: mean mailable size of the three lists; ``variance_contacts``: above (or, negative, below) it.
        last_campaign_date: ISO date, or ``Never``.
        bounce_trend_of_all_lists: of all three lists together, since one list alone has too few campaigns to tell.
        size_change_a_month_percent: of the mailable size, a month of 30 days.
    """

    mailable_contacts: int | None
    target_contacts: float | None
    third_of_master_list_contacts: float | None
    variance_contacts: float | None
    variance_percent: float | None
    last_campaign_date: str
    last_campaign: ShownSends | None
    recent_campaigns: ShownSends | None
    suppressed_of_recently_mailed: ShownRate | None
    bounce_trend_of_all_lists: BounceTrend
    size_trend: SizeTrend
    size_change_a_month_percent: float | None


@dataclass(frozen=True, slots=True)
class ListFigures:
    """Everything about one list that rules and advisor judge by, computed beforehand. None means: not known.

    Attributes:
        mailable: contacts that would get the next campaign.
        target: mean mailable size of the three lists.
        master_third: a third of the master list's mailable contacts, which the three lists could hold each.
        last: the list's last campaign whose bounces were read whole; ``recent``: its last few, that one included.
        suppression: of the contacts that the recent campaigns mailed, those who are suppressed by now.
        bounce_trend: of all three lists together, since one list alone has too few campaigns to tell.
        size_change_percent: of the mailable size, a month of 30 days.
        last_campaign_at: when the list was last sent to.
    """

    role: ListRole
    mailable: int | None = None
    target: float | None = None
    master_third: float | None = None
    last: SendFigures | None = None
    recent: SendFigures | None = None
    suppression: Rate | None = None
    bounce_trend: BounceTrend = BounceTrend.UNKNOWN
    size_trend: SizeTrend = SizeTrend.UNKNOWN
    size_change_percent: float | None = None
    last_campaign_at: datetime | None = None

    @property
    def is_known(self) -> bool:
        """Whether the rates of a campaign are known."""
        return self.last is not None and self.last.recipients > 0

    @property
    def before_last(self) -> SendFigures | None:
        """The recent campaigns without the last one; None when there are none."""
        if self.recent is None or self.last is None or self.recent.campaigns <= self.last.campaigns:
            return None
        return self.recent.without(self.last)

    @property
    def variance(self) -> float | None:
        """Mailable contacts above (or, negative, below) the target."""
        return None if self.mailable is None or self.target is None else self.mailable - self.target

    @property
    def variance_percent(self) -> float | None:
        """The variance in percent of the target; not known for a target of nothing."""
        variance = self.variance
        return 100 * variance / self.target if variance is not None and self.target else None

    def shown(self) -> ShownFigures:
        """The figures rounded, rates with their intervals: what is stored, and what an advisor is told."""
        at = self.last_campaign_at
        return ShownFigures(
            mailable_contacts=self.mailable,
            target_contacts=rounded(self.target),
            third_of_master_list_contacts=rounded(self.master_third),
            variance_contacts=rounded(self.variance),
            variance_percent=told_percent(self.variance_percent),
            last_campaign_date=date_text(at) if at is not None else "Never",
            last_campaign=_sends(self.last),
            recent_campaigns=_sends(self.recent),
            suppressed_of_recently_mailed=_rate(self.suppression),
            bounce_trend_of_all_lists=self.bounce_trend,
            size_trend=self.size_trend,
            size_change_a_month_percent=told_percent(self.size_change_percent),
        )


def _sends(sends: SendFigures | None) -> ShownSends | None:
    if sends is None:
        return None
    return ShownSends(
        campaigns=sends.campaigns,
        recipients=sends.recipients,
        hard_bounces=_rate(sends.hard_rate),
        soft_bounces=_rate(sends.soft_rate),
        bounces=_rate(sends.bounce_rate),
        deliveries=_rate(sends.delivery_rate),
    )


def _rate(rate: Rate | None) -> ShownRate | None:
    if rate is None:
        return None
    percent, low, high = rate_ends(rate)
    return ShownRate(rate.count, percent, low, high)


def rounded(value: float | None) -> float | None:
    """A size that is no whole number, to a tenth of a contact; None stays None."""
    return None if value is None else round(value, 1)
