"""The figures of a campaign list: sizes, rates with their intervals, and trends told from chance.

Belongs here: what is known about a list, with its units, and the arithmetic of the two trends. Does not belong here:
what follows from a figure (``assessment``) and where it comes from (``operations.health.assessments``).

None means: not known. It never stands for zero.

**Bounce rate.** Comparing two percentages calls a change after almost every campaign: with 1,000 recipients and an
unchanged rate, "higher than last time" is wrong nine times of ten. So the newest three campaigns are held against the
three before, each side as a beta distribution, and a change is called only when it exceeds a margin that matters with
95 %. Three campaigns are one cycle, so that each side holds every list once; with fewer nothing is said. The rate of
campaigns varies by more than chance among contacts (subject, weather, receivers), which is why their attempts count for
fewer than they are.

**Size.** The change between two counts of a list, at least two weeks apart, as percent a month of 30 days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.complaints import ComplaintRate, complaint_rate
from list_pipeline.core.wording import Rate, date_text, interval_ends, rate_ends, told_percent


class BounceTrend(StrEnum):
    """Where the bounce rate of all three lists together goes. ``stable``: no change that matters can be shown."""

    IMPROVING = "improving"
    STABLE = "stable"
    DEGRADING = "degrading"
    UNKNOWN = "cannot tell yet"


class SizeTrend(StrEnum):
    """Where the number of mailable contacts of a list goes."""

    GROWING = "growing"
    STABLE = "stable"
    SHRINKING = "shrinking"
    UNKNOWN = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class SendFigures:
    """The ends of the messages of one or several campaigns of a list, in contacts.

    Attributes:
        campaigns: how many campaigns these are.
        recipients: contacts mailed, a contact counted once a campaign: the base of every rate.
        delivered: neither failed nor still being tried.
        complaints: contacts who reported the campaigns as spam; None: not known.
        overdispersion: by how much more than by chance the account's campaigns differ (share); 0: not known, and then the
            contacts of a campaign are taken for independent.
    """

    campaigns: int
    recipients: int
    hard: int
    soft: int
    delivered: int
    complaints: int | None = None
    overdispersion: float = 0.0

    @property
    def hard_rate(self) -> Rate:
        """Hard bounces of the recipients."""
        return self._rate(self.hard)

    @property
    def soft_rate(self) -> Rate:
        """Soft bounces of the recipients."""
        return self._rate(self.soft)

    @property
    def bounce_rate(self) -> Rate:
        """Hard and soft bounces of the recipients."""
        return self._rate(self.hard + self.soft)

    @property
    def delivery_rate(self) -> Rate:
        """Deliveries of the recipients."""
        return self._rate(self.delivered)

    @property
    def complaint_rate(self) -> ComplaintRate | None:
        """Complaints of the recipients; None: not known."""
        return complaint_rate(self.complaints, self.recipients)

    def _rate(self, count: int) -> Rate:
        """A rate whose interval is as wide as the campaigns differ: each says as much as ``n / (1 + (n - 1) rho)`` of its n
        recipients would if nothing but chance told them apart."""
        each = self.recipients / self.campaigns if self.campaigns else 0.0
        return Rate(count, self.recipients, 1 + max(0.0, each - 1) * self.overdispersion)

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
            complaints=_sum(each.complaints for each in parts),
            overdispersion=max(each.overdispersion for each in parts),
        )

    def without(self, other: SendFigures) -> SendFigures:
        """The figures of the remaining campaigns, where ``other`` is some of these."""
        return SendFigures(
            self.campaigns - other.campaigns,
            self.recipients - other.recipients,
            self.hard - other.hard,
            self.soft - other.soft,
            self.delivered - other.delivered,
            None if self.complaints is None or other.complaints is None else self.complaints - other.complaints,
            self.overdispersion,
        )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if None in known else sum(one for one in known if one is not None)


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
    complaints: ShownRate | None = None


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
            suppressed_of_recently_mailed=shown_rate(self.suppression),
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
        hard_bounces=shown_rate(sends.hard_rate),
        soft_bounces=shown_rate(sends.soft_rate),
        bounces=shown_rate(sends.bounce_rate),
        deliveries=shown_rate(sends.delivery_rate),
        complaints=_complaints(sends.complaint_rate),
    )


def _complaints(rate: ComplaintRate | None) -> ShownRate | None:
    if rate is None:
        return None
    return ShownRate(rate.complaints, *interval_ends(rate.percent, rate.low, rate.high))


def shown_rate(rate: Rate | None) -> ShownRate | None:
    """A rate with the interval that it has, rounded; None stays None."""
    if rate is None:
        return None
    percent, low, high = rate_ends(rate)
    return ShownRate(rate.count, percent, low, high)


def rounded(value: float | None) -> float | None:
    """A size that is no whole number, to a tenth of a contact; None stays None."""
    return None if value is None else round(value, 1)


@dataclass(frozen=True, slots=True)
class TrendFigures:
    """The figures by which a trend is called.

    The bounce figures were chosen by simulation (three old campaigns against three new ones, 1,000 recipients each, with
    the variation below): an unchanged rate is called changed in about one case of twenty, a rise from 2 % to 5 % is
    found in about nine of ten, one from 2 % to 3 % in about one of four.
    """

    campaigns: int = 3
    """Campaigns a side: one cycle."""
    min_attempts: int = 200
    """Fewest recipients a side."""
    prior_bounces: float = 1.0
    """What is believed before the first campaign: a bounce rate of 2 %, as firmly as 50 attempts would say it."""
    prior_deliveries: float = 49.0
    variation: float = 0.003
    """Correlation of the outcomes within a campaign, where the account's own is not known. 1,000 attempts then say as much as
    250 independent ones."""
    margin_points: float = 0.25
    """Least change that matters, in percentage points."""
    certainty: float = 0.95
    """Least probability that the change exceeds the margin."""

    size_days_min: float = 14.0
    """Fewest days between the two counts of a list."""
    size_days_max: float = 45.0
    """Counts older than this say nothing about now."""
    size_stable_percent: float = 2.0
    """Up to this change a month a list is stable: what rebalancing leaves between the lists anyway."""


@dataclass(frozen=True, slots=True)
class CampaignBounces:
    """Hard and soft bounces of one campaign's recipients."""

    bounces: int
    recipients: int

    def __post_init__(self) -> None:
        if not 0 <= self.bounces <= self.recipients:
            raise ValueError(f"{self.bounces} bounces of {self.recipients} recipients are impossible")


def bounce_trend(campaigns: Sequence[CampaignBounces], figures: TrendFigures | None = None) -> BounceTrend:
    """The trend of the bounce rate.

    Args:
        campaigns: of all three lists, oldest first; those that nobody received are left out.
    """
    figures = figures or TrendFigures()
    sent = [each for each in campaigns if each.recipients]
    new, old = sent[-figures.campaigns :], sent[-2 * figures.campaigns : -figures.campaigns]
    if len(old) < figures.campaigns or min(_recipients(new), _recipients(old)) < figures.min_attempts:
        return BounceTrend.UNKNOWN
    before, after = _belief(old, figures), _belief(new, figures)
    margin = figures.margin_points / 100
    if probability_above(after, before, margin) > figures.certainty:
        return BounceTrend.DEGRADING
    if probability_above(before, after, margin) > figures.certainty:
        return BounceTrend.IMPROVING
    return BounceTrend.STABLE


def _recipients(campaigns: Iterable[CampaignBounces]) -> int:
    return sum(each.recipients for each in campaigns)


@dataclass(frozen=True, slots=True)
class Beta:
    """A beta distribution: what is believed of a rate. Both parameters are at least 1."""

    a: float
    b: float

    def __post_init__(self) -> None:
        if min(self.a, self.b) < 1:
            raise ValueError("the density of this beta distribution has no maximum")


def _belief(campaigns: Iterable[CampaignBounces], figures: TrendFigures) -> Beta:
    """The prior and the campaigns, each with as many attempts as it is worth."""
    a, b = figures.prior_bounces, figures.prior_deliveries
    for each in campaigns:
        worth = 1 / (1 + (each.recipients - 1) * figures.variation)
        a += each.bounces * worth
        b += (each.recipients - each.bounces) * worth
    return Beta(a, b)


_STEPS = 400
"""Of the integration, over the part of the scale where the first distribution lies."""
_WIDTH = 10
"""How far it is followed from its mean, in standard deviations."""


def probability_above(one: Beta, other: Beta, margin: float = 0.0) -> float:
    """The probability that the first rate exceeds the second by more than ``margin`` (a share), by Simpson's rule."""
    mean = one.a / (one.a + one.b)
    deviation = math.sqrt(mean * (1 - mean) / (one.a + one.b + 1))
    low, high = max(0.0, mean - _WIDTH * deviation), min(1.0, mean + _WIDTH * deviation)
    step = (high - low) / _STEPS
    total = 0.0
    for number in range(_STEPS + 1):
        x = low + number * step
        weight = 1 if number in (0, _STEPS) else (4 if number % 2 else 2)
        total += weight * _density(one, x) * beta_share_below(other, x - margin)
    return min(1.0, max(0.0, total * step / 3))


def _density(beta: Beta, x: float) -> float:
    if not 0 < x < 1:
        # The ends have a density only where a parameter is 1.
        at_zero = beta.b if x == 0 and beta.a == 1 else 0.0
        return beta.a if x == 1 and beta.b == 1 else at_zero
    return math.exp(_log_term(beta, x) - math.log(x) - math.log1p(-x))


def _log_term(beta: Beta, x: float) -> float:
    """The logarithm of x^a (1-x)^b / B(a, b)."""
    constant = math.lgamma(beta.a + beta.b) - math.lgamma(beta.a) - math.lgamma(beta.b)
    return constant + beta.a * math.log(x) + beta.b * math.log1p(-x)


def beta_share_below(beta: Beta, x: float) -> float:
    """The probability that a rate is at most ``x``: the regularised incomplete beta function.

    By its continued fraction (Abramowitz and Stegun 26.5.8), evaluated with Lentz's method on the side of the mean where
    it converges fast. Of what the standard library has, only the logarithm of the gamma function helps here.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (beta.a + 1) / (beta.a + beta.b + 2):
        return 1.0 - beta_share_below(Beta(beta.b, beta.a), 1 - x)
    a, b = beta.a, beta.b
    tiny = 1e-300
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1), tiny)
    value = d
    for m in range(1, 1_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away(1 + term * d, tiny)
            c = _away(1 + term / c, tiny)
            value *= c * d
        if abs(c * d - 1) < 1e-13:
            return min(1.0, math.exp(_log_term(beta, x)) * value / a)
    raise ArithmeticError(f"the incomplete beta function of {a}, {b} at {x} did not converge")


def _away(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def size_trend(
    sizes: Sequence[tuple[datetime, int]], now: datetime, figures: TrendFigures | None = None
) -> tuple[SizeTrend, float | None]:
    """The trend of a list's size, and its change in percent a month.

    Args:
        sizes: counts of mailable contacts with their instants (UTC), in any order.

    Returns:
        "Cannot tell yet" and None when no two counts are far enough apart, or the older one was of an empty list.
    """
    figures = figures or TrendFigures()
    since = now - timedelta(days=figures.size_days_max)
    counted = sorted((at, size) for at, size in sizes if since <= at <= now)
    if not counted:
        return SizeTrend.UNKNOWN, None
    (began_at, began), (ended_at, ended) = counted[0], counted[-1]
    days = (ended_at - began_at) / timedelta(days=1)
    if days < figures.size_days_min or began == 0:
        return SizeTrend.UNKNOWN, None
    change = 100 * (ended - began) / began * 30 / days
    if abs(change) <= figures.size_stable_percent:
        return SizeTrend.STABLE, change
    return (SizeTrend.GROWING if change > 0 else SizeTrend.SHRINKING), change
