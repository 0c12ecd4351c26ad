"""What the first figures of a send say by the rules: the quality of the list, how it was delivered, and the trend.

Belongs here: the grades, and the limits by which they are given. Does not belong here: what can be said of a send
(``assessment_statements``), a model's opinion (``agents.wrapup``).

The limits are those by which a list is judged (``core.health.assessment``): the maintenance a day later must not call the same
figures otherwise. As there, a rate is beyond a limit only with its whole interval. Quality is that of bounces and complaints,
performance that of delivery.

=========== ==================================================================================
grade       when
=========== ==================================================================================
excellent   every rate is within its limits with its whole interval
good        no rate is surely beyond a limit, but one may be
concerning  a rate is surely beyond a limit, or no message was tried yet: unknown is not good
poor        a rate is surely beyond a critical limit, or bounces run away
=========== ==================================================================================

A mail operator or domain that stands out by its hard bounces makes the performance no better than concerning.

What is being tried again is open: it counts as delivered before a delivery rate is called surely too low, and as lost
before it is called surely high enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents
from list_pipeline.core.campaign_stages.wrapup import Compared, Delta, Direction, Figure, SendCounts, runs_away
from list_pipeline.core.health.assessment import HealthPolicy, HealthStatus, Limit, SendFigures, limits_of
from list_pipeline.core.monitoring.complaints import ComplaintRate, ComplaintStanding, complaint_rate


class Grade(StrEnum):
    """How good something is, from best to worst."""

    EXCELLENT = "excellent"
    GOOD = "good"
    CONCERNING = "concerning"
    POOR = "poor"

    @property
    def is_fine(self) -> bool:
        """Whether the rules have nothing against it."""
        return self in (Grade.EXCELLENT, Grade.GOOD)


class Trend(StrEnum):
    """What a send shows against earlier ones, from best to worst."""

    IMPROVING = "improving"
    CANNOT_TELL = "cannot tell"
    DECLINING = "declining"


Verdict = Grade | Trend
"""Of one thing; two that are compared are of the same kind."""


def rank(verdict: Verdict) -> int:
    """Its place from the best, 0, to the worst."""
    return list(type(verdict)).index(verdict)


def with_opinion(rules: Verdict, asked: Verdict) -> Verdict:
    """A verdict after an opinion: never better, one step worse at most, and never the worst, which rests on figures alone."""
    if rank(asked) <= rank(rules):
        return rules
    verdicts: Sequence[Verdict] = list(Grade) if isinstance(rules, Grade) else list(Trend)
    next_one, *further = verdicts[rank(rules) + 1 :]
    return next_one if further else rules


@dataclass(frozen=True, slots=True)
class FirstFigures:
    """What is assessed at a wrap-up: figures, and no name that people gave.

    Attributes:
        list_label: e.g. ``List 1``.
        is_sending: Mailjet has not ended yet.
        next_at: when the next campaign is to be launched (UTC); None: none is scheduled.
        early: the mail operators that stand out; None: nobody looked.
    """

    list_label: str
    counts: SendCounts
    compared: Sequence[Compared]
    is_sending: bool = False
    next_at: datetime | None = None
    early: EarlyIncidents | None = None

    @property
    def seen(self) -> SendFigures:
        """The counts as the limits of a list take them; never more than what was tried, whatever the counters say."""
        return _figures(self.counts, self.counts.delivered)

    @property
    def at_best(self) -> SendFigures:
        """The same if all that is being tried again arrives."""
        return _figures(self.counts, self.counts.delivered + self.counts.deferred)

    @property
    def complaints(self) -> ComplaintRate | None:
        """Complaints of what was tried; None: nothing was."""
        tried = self.counts.attempted
        return complaint_rate(min(self.counts.complained, tried), tried)


def _figures(counts: SendCounts, delivered: int) -> SendFigures:
    tried = counts.attempted
    hard = min(counts.hard_bounced, tried)
    return SendFigures(1, tried, hard, min(counts.soft_bounced, tried - hard), min(delivered, tried))


@dataclass(frozen=True, slots=True)
class SendVerdicts:
    """What the rules make of a send. ``trend``: None where there is no earlier send."""

    quality: Grade
    performance: Grade
    trend: Trend | None


def judge_send(figures: FirstFigures, policy: HealthPolicy | None = None) -> SendVerdicts:
    """Judge a send by its first figures. Never fails: what is not known is not taken for good."""
    policy = policy or HealthPolicy()
    return SendVerdicts(_quality(figures, policy), _performance(figures, policy), _trend(figures.compared))


def bounce_limits(policy: HealthPolicy) -> tuple[tuple[Limit, ...], ...]:
    """The limits of the bounce rates, of each rate the gravest first."""
    return tuple(each for each in limits_of(policy) if not each[0].is_floor)


def delivery_limits(policy: HealthPolicy) -> tuple[tuple[Limit, ...], ...]:
    """Those of the delivery rate."""
    return tuple(each for each in limits_of(policy) if each[0].is_floor)


def passed(limits: Sequence[Sequence[Limit]], figures: SendFigures) -> Iterator[Limit]:
    """The gravest limit of each rate that is surely passed."""
    for of_one_rate in limits:
        yield from [limit for limit in of_one_rate if limit.is_passed(figures)][:1]


def _quality(figures: FirstFigures, policy: HealthPolicy) -> Grade:
    limits = bounce_limits(policy)
    complaints = figures.complaints
    standing = (
        complaints.standing(policy.complaint_target, policy.complaint_alert)
        if complaints is not None
        else ComplaintStanding.BELOW_TARGET
    )
    if runs_away(figures.counts) or standing is ComplaintStanding.ALERT:
        return Grade.POOR
    found = _grade(limits, figures.seen, figures.seen)
    return Grade.CONCERNING if found.is_fine and standing is ComplaintStanding.ABOVE_TARGET else found


def _performance(figures: FirstFigures, policy: HealthPolicy) -> Grade:
    found = _grade(delivery_limits(policy), figures.at_best, figures.seen)
    stands_out = figures.early is not None and bool(figures.early.groups)
    return Grade.CONCERNING if stands_out and found.is_fine else found


def _grade(limits: Sequence[Sequence[Limit]], surely: SendFigures, at_worst: SendFigures) -> Grade:
    if not surely.recipients:
        return Grade.CONCERNING
    statuses = {limit.status for limit in passed(limits, surely)}
    if HealthStatus.CRITICAL in statuses:
        return Grade.POOR
    if statuses:
        return Grade.CONCERNING
    every = [limit for of_one_rate in limits for limit in of_one_rate]
    is_in_doubt = any(limit.may_be_reached(at_worst) or limit.may_be_passed(at_worst) for limit in every)
    return Grade.GOOD if is_in_doubt else Grade.EXCELLENT


# Against earlier sends

_GOOD_WHEN_HIGHER = (Figure.DELIVERY, Figure.OPEN, Figure.CLICK)
_OF_THE_TREND = (Figure.DELIVERY, Figure.BOUNCE, Figure.HARD_BOUNCE)


def is_shown(delta: Delta) -> bool:
    """Whether a difference is more than chance explains."""
    return delta.direction is not Direction.CANNOT_TELL


def is_worse(delta: Delta) -> bool:
    """Whether a difference is shown, and to the worse."""
    good = Direction.HIGHER if delta.figure in _GOOD_WHEN_HIGHER else Direction.LOWER
    return is_shown(delta) and delta.direction is not good


def _trend(compared: Sequence[Compared]) -> Trend | None:
    """Declining where delivery, bounces or hard bounces are surely worse than at an earlier send, whatever else is better."""
    if not any(each.deltas for each in compared):
        return None
    shown = [one for each in compared for one in each.deltas if one.figure in _OF_THE_TREND and _counts(each, one)]
    if any(map(is_worse, shown)):
        return Trend.DECLINING
    return Trend.IMPROVING if any(map(is_shown, shown)) else Trend.CANNOT_TELL


def _counts(compared: Compared, delta: Delta) -> bool:
    """Whether a difference speaks for the trend: what is tried again after half an hour has arrived a day later, or not."""
    return compared.earlier.counts.is_early or delta.figure is not Figure.DELIVERY
