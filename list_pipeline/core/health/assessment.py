"""The health of a campaign list: its figures, and what the rules make of them.

Belongs here: what is said about a list, and the rules. Does not belong here: the figures (``figures``) and where
they come from (``operations.health.assessments``), how a trend is told from chance (``figures``), a model's opinion
(``agents.health``).

**When a rate is beyond a limit.** Only when the whole interval is: 12 of 200 may be chance, 60 of 1,000 are not. A rate
beyond a limit whose interval is not is a risk to be named, no concern. What is not known is never taken for good: a
list of which no campaign was read gets a warning that says so, and no rate is ever zero for want of recipients.

**How a lasting trend weighs more than one spike.** Status says how bad the worst figure is. Urgency says how sure it is
that it stays:

========  =========  ==============  ========
status    one spike  cannot be told  lasting
========  =========  ==============  ========
healthy   low        low             low
warning   low        medium          medium
critical  high       high            critical
========  =========  ==============  ========

*Lasting*: the bounce rate of the three lists degrades, or the campaigns of this list before the last one were beyond
the limit as well, with their whole interval. *A spike*: those campaigns are known and were seen within it. A degrading
trend is a warning of its own while every rate is still within its limits; one spike never is more urgent than that,
unless it is critical. The worked example of elevated bounces (1,150 contacts, 50 hard and 21 soft bounces, degrading,
shrinking) is a warning of medium urgency by this table, and it is why a lasting warning is not high. Both worked
examples agree with the intervals, so that no limit had to be judged by the rate as it was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.figures import BounceTrend, ListFigures, SendFigures, SizeTrend
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.complaints import (
    COMPLAINT_ALERT_PERCENT,
    COMPLAINT_TARGET_PERCENT,
    ComplaintStanding,
)
from list_pipeline.core.plans.plan import Urgency, max_urgency
from list_pipeline.core.wording import Rate, limit_text, percent_text, rate_text

__all__ = [
    "HealthAssessment",
    "HealthPolicy",
    "HealthStatus",
    "Limit",
    "ListFigures",
    "Rate",
    "RulesAssessment",
    "SendFigures",
    "judge_health",
    "limits_of",
    "rationale_sentences",
]


class HealthStatus(StrEnum):
    """The health of a list, from best to worst."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place from the best, 0, to the worst."""
        return list(HealthStatus).index(self)

    @property
    def condition(self) -> str:
        """It as a list is called that has it, behind "is"."""
        return "to be watched" if self is HealthStatus.WARNING else self.value


@dataclass(frozen=True, slots=True)
class RulesAssessment:
    """The rules' assessment of a list, in sentences that hold no word of a model."""

    status: HealthStatus
    urgency: Urgency
    concerns: tuple[str, ...]
    risk_factors: tuple[str, ...]
    reputation_impact: str
    rationale: str


@dataclass(frozen=True, slots=True)
class HealthAssessment:
    """The health of one list as the rest of the product reads it.

    Attributes:
        status: the worse of the rules' and the advisor's, as far as the advisor's counts; so is ``urgency``.
        confidence: the advisor's, as it says itself, from 0 to 1; None when it gave no usable answer.
        source: who chose the sentences. They are the rules' own and statements that are true of the list, never a model's.
    """

    role: ListRole
    status: HealthStatus
    urgency: Urgency
    concerns: tuple[str, ...]
    risk_factors: tuple[str, ...]
    reputation_impact: str
    rationale: str
    confidence: float | None
    source: AdviceSource

    def as_json(self) -> dict[str, Any]:
        """The assessment for a JSON column of the ledger or of a week's row."""
        return {
            "list": self.role.value,
            "status": self.status.value,
            "urgency": self.urgency.value,
            "concerns": list(self.concerns),
            "risk_factors": list(self.risk_factors),
            "reputation_impact": self.reputation_impact,
            "rationale": self.rationale,
            "confidence": self.confidence,
            "source": self.source.value,
        }


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """The limits by which a list is judged, in percent.

    The worked thresholds of the product's specification. A total bounce rate up to 2 % is its state "healthy" and one
    above 10 % its state "cleanup".
    """

    hard_concerning: float = 2.0
    hard_critical: float = 5.0
    soft_to_monitor: float = 5.0
    soft_concerning: float = 10.0
    bounces_concerning: float = 2.0
    bounces_critical: float = 10.0
    delivery_issues: float = 95.0
    delivery_critical: float = 90.0
    complaint_target: float = COMPLAINT_TARGET_PERCENT
    complaint_alert: float = COMPLAINT_ALERT_PERCENT
    shrinkage: float = 10.0
    """Loss of mailable contacts a month."""
    few_recipients: int = 200
    """Below so many, the rates of a campaign say little."""
    recent_campaigns: int = 3
    """Campaigns of a list that count as recent, the last one included: about as many cycles."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one rate. ``is_floor``: the rate has to be above it rather than below."""

    name: str
    rate: Callable[[SendFigures], Rate]
    percent: float
    status: HealthStatus
    verdict: str
    is_floor: bool = False

    def is_passed(self, figures: SendFigures) -> bool:
        """Whether the rate is beyond the limit with its whole interval."""
        rate = self.rate(figures)
        nearest = rate.high if self.is_floor else rate.low
        return nearest is not None and self._is_beyond(nearest)

    def may_be_passed(self, figures: SendFigures) -> bool:
        """Whether the rate as it was seen is beyond the limit."""
        percent = self.rate(figures).percent
        return percent is not None and self._is_beyond(percent)

    def _is_beyond(self, percent: float) -> bool:
        return percent < self.percent if self.is_floor else percent > self.percent

    def may_be_reached(self, figures: SendFigures) -> bool:
        """Whether the rate is within the limit as it was seen, and the true one may still be beyond it."""
        rate = self.rate(figures)
        farthest = rate.low if self.is_floor else rate.high
        return farthest is not None and self._is_beyond(farthest) and not self.may_be_passed(figures)

    def words(self, figures: SendFigures, verdict: str) -> str:
        """The rate, its interval and the limit."""
        side = "below" if self.is_floor else "above"
        return f"{self.name} is {rate_text(self.rate(figures))}, {verdict} {side} {limit_text(self.percent)}."


def limits_of(policy: HealthPolicy) -> tuple[tuple[Limit, ...], ...]:
    """The limits of each rate, the gravest first: of one rate only the gravest that is passed is spoken of."""
    warning, critical = HealthStatus.WARNING, HealthStatus.CRITICAL

    def hard(each: SendFigures) -> Rate:
        return each.hard_rate

    def soft(each: SendFigures) -> Rate:
        return each.soft_rate

    def total(each: SendFigures) -> Rate:
        return each.bounce_rate

    def delivery(each: SendFigures) -> Rate:
        return each.delivery_rate

    return (
        (
            Limit("The hard bounce rate", hard, policy.hard_critical, critical, "critical:"),
            Limit("The hard bounce rate", hard, policy.hard_concerning, warning, "concerning:"),
        ),
        (
            Limit("The soft bounce rate", soft, policy.soft_concerning, warning, "concerning:"),
            Limit("The soft bounce rate", soft, policy.soft_to_monitor, warning, "to be monitored:"),
        ),
        (
            Limit("The bounce rate", total, policy.bounces_critical, critical, "the list needs a cleanup:"),
            Limit("The bounce rate", total, policy.bounces_concerning, warning, "concerning:"),
        ),
        (
            Limit("The delivery rate", delivery, policy.delivery_critical, critical, "critical:", is_floor=True),
            Limit("The delivery rate", delivery, policy.delivery_issues, warning, "with issues:", is_floor=True),
        ),
    )


REPUTATION_IMPACT = {
    HealthStatus.HEALTHY: "Nothing in these figures harms the sender's reputation.",
    HealthStatus.WARNING: "Receivers may begin to slow down or filter our mail if this goes on.",
    HealthStatus.CRITICAL: "Receivers are likely to filter or refuse our mail until the list is cleaned.",
}


def judge_health(figures: ListFigures, policy: HealthPolicy | None = None) -> RulesAssessment:
    """Assess a list by the rules. Never fails: an unknown figure is named and not taken for good."""
    policy = policy or HealthPolicy()
    passed = list(_passed(figures, policy))
    concerns = [words for _, words, _ in passed]
    statuses = [status for status, _, _ in passed]
    lasts = [each for _, _, each in passed]
    if not figures.is_known:
        concerns.append("The bounces of no campaign of this list are known yet, so that its rates are unknown.")
        statuses.append(HealthStatus.WARNING)
        lasts.append(False)
    if figures.bounce_trend is BounceTrend.DEGRADING:
        concerns.append("The bounce rate of the three lists together degrades.")
        statuses.append(HealthStatus.WARNING)
        # Whatever else is passed is no passing thing then.
        lasts = [True] * (len(lasts) + 1)
    if (complaint := _complaint(figures, policy)) is not None:
        concerns.append(complaint[1])
        statuses.append(complaint[0])
        lasts.append(None)
    if figures.size_change_percent is not None and figures.size_change_percent < -policy.shrinkage:
        concerns.append(
            f"The list shrinks by {percent_text(-figures.size_change_percent)} a month, more than "
            f"{limit_text(policy.shrinkage)}: to be investigated."
        )
        statuses.append(HealthStatus.WARNING)
        lasts.append(True)
    status = max(statuses, key=lambda each: each.rank, default=HealthStatus.HEALTHY)
    return RulesAssessment(
        status=status,
        urgency=_urgency(list(zip(statuses, lasts, strict=True))),
        concerns=tuple(concerns),
        risk_factors=tuple(_risks(figures, policy)),
        reputation_impact=REPUTATION_IMPACT[status]
        if figures.is_known
        else "Not known before a campaign of this list was read.",
        rationale=" ".join(rationale_sentences(figures, status, len(concerns))),
    )


def _complaint(figures: ListFigures, policy: HealthPolicy) -> tuple[HealthStatus, str] | None:
    """What surely too many complaints about the last campaign mean; None: not too many, not sure, or not known."""
    rate = figures.last.complaint_rate if figures.last is not None else None
    if rate is None:
        return None
    limits = {
        ComplaintStanding.ALERT: (HealthStatus.CRITICAL, "critical", policy.complaint_alert),
        ComplaintStanding.ABOVE_TARGET: (HealthStatus.WARNING, "concerning", policy.complaint_target),
    }
    found = limits.get(rate.standing(policy.complaint_target, policy.complaint_alert))
    if found is None:
        return None
    status, verdict, limit = found
    return status, f"The complaint rate is {rate.text}, {verdict}: above {limit_text(limit)}."


def _passed(figures: ListFigures, policy: HealthPolicy) -> Iterator[tuple[HealthStatus, str, bool | None]]:
    """The limits that the last campaign passed: how bad, in words, and whether it lasts (None: cannot be told).

    The last campaign may be too small to pass a limit that the recent ones pass together: that lasts by itself.
    """
    if figures.last is None:
        return
    before = figures.before_last
    for of_one_rate in limits_of(policy):
        for limit in of_one_rate:
            if limit.is_passed(figures.last):
                yield limit.status, limit.words(figures.last, limit.verdict), _lasted(limit, before)
                break
            if (
                before is not None
                and figures.recent is not None
                and _lasts(limit, figures.last, before, figures.recent)
            ):
                words = limit.words(figures.recent, limit.verdict)
                yield (
                    limit.status,
                    words.replace(" is ", f" of the last {figures.recent.campaigns} campaigns is ", 1),
                    True,
                )
                break


def _lasted(limit: Limit, before: SendFigures | None) -> bool | None:
    """Whether the campaigns before the last one were beyond a limit too; None when that cannot be told."""
    if before is None or not before.recipients or (limit.may_be_passed(before) and not limit.is_passed(before)):
        return None
    return limit.is_passed(before)


def _lasts(limit: Limit, last: SendFigures, before: SendFigures, recent: SendFigures) -> bool:
    return limit.is_passed(recent) and limit.may_be_passed(last) and limit.may_be_passed(before)


def _urgency(found: list[tuple[HealthStatus, bool | None]]) -> Urgency:
    """By the table above; the highest of all that was found."""
    urgencies = [Urgency.LOW]
    for status, lasts in found:
        if status is HealthStatus.CRITICAL:
            urgencies.append(Urgency.CRITICAL if lasts else Urgency.HIGH)
        elif lasts is not False:
            urgencies.append(Urgency.MEDIUM)
    return max_urgency(*urgencies)


def _risks(figures: ListFigures, policy: HealthPolicy) -> Iterator[str]:
    last = figures.last
    if last is not None and last.recipients:
        for of_one_rate in limits_of(policy):
            if any(limit.is_passed(last) for limit in of_one_rate):
                continue
            for limit in of_one_rate:
                if limit.may_be_passed(last):
                    yield limit.words(last, "by chance or not")
                    break
        complaints = last.complaint_rate
        is_unclear = complaints is not None and complaints.percent >= policy.complaint_target
        if complaints is not None and is_unclear and _complaint(figures, policy) is None:
            yield (
                f"The complaint rate is {complaints.text}, by chance or not above the target of "
                f"{limit_text(policy.complaint_target)}."
            )
        if last.recipients < policy.few_recipients:
            yield f"The last campaign had {last.recipients} recipients, too few for narrow rates."
    if figures.bounce_trend is BounceTrend.UNKNOWN:
        yield "There are too few campaigns to tell where the bounce rate goes."
    if figures.size_trend is SizeTrend.SHRINKING and not (
        figures.size_change_percent is not None and figures.size_change_percent < -policy.shrinkage
    ):
        yield "The list shrinks."


def rationale_sentences(figures: ListFigures, status: HealthStatus, concerns: int) -> tuple[str, str, str]:
    """The rules' reasons for a status: what they found, the rates, and where the bounce rate goes."""
    found = {0: "no limit is passed", 1: "one thing is to be looked at"}.get(
        concerns, f"{concerns} things are to be looked at"
    )
    rates = "No campaign of it was read yet."
    if figures.last is not None and figures.is_known:
        rates = (
            f"Of its last campaign {rate_text(figures.last.bounce_rate)} bounced and "
            f"{rate_text(figures.last.delivery_rate)} were delivered."
        )
    trend = {
        BounceTrend.UNKNOWN: "Where the bounce rate of the three lists goes cannot be told yet.",
        BounceTrend.STABLE: "The bounce rate of the three lists shows no change that matters.",
    }.get(figures.bounce_trend, f"The bounce rate of the three lists is {figures.bounce_trend.value}.")
    return f"{figures.role.label} counts as {status.value}: {found}.", rates, trend
