"""The sender's faults of a campaign as a list: who refuses us and why, how many contacts that concerns, and whether it grows.

Belongs here: grouping by mail operator and cause, and the trend. Does not belong here: the phrases of advice
(``core.bounces.classes``), and the look of the list in a message or table.

A change is called only where the intervals of both rates lie apart. Two 95 % intervals that just touch are already a difference
of more than 99 %, which suits a list of many lines that is looked at after each campaign: with a milder test one line in twenty
would be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.bounces.classes import BounceReason, advice_for
from list_pipeline.core.incidents.groups import operator_group
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.wording import Rate

CAMPAIGNS_COMPARED = 6
"""Earlier campaigns that a fault is compared with: two cycles, so that each list is among them twice."""


class FaultTrend(StrEnum):
    """How often a fault struck, held against the campaigns before."""

    NEW = "new"
    """None of the campaigns before had it."""
    MORE = "more than before"
    AS_BEFORE = "no change can be shown"
    LESS = "less than before"
    GONE = "gone"
    """This campaign had it not once, and that is no chance."""
    UNKNOWN = "nothing to compare with"


@dataclass(frozen=True, slots=True)
class FaultCount:
    """The contacts of one domain that were refused for one cause. ``domain``: None where it is not known any more."""

    domain: str | None
    reason: BounceReason
    contacts: int


@dataclass(frozen=True, slots=True)
class CampaignFaults:
    """What a campaign met. ``recipients``: contacts mailed. ``sent_at``: UTC."""

    sent_at: datetime
    recipients: int
    faults: Sequence[FaultCount]


@dataclass(frozen=True, slots=True)
class ListedFault:
    """One line of the list.

    Attributes:
        operator: who refuses: the mail operator; ``other domains`` where it is not known.
        reason: why.
        contacts: kept although they failed, since this failure is ours.
        before: the same of the campaigns before, oldest first.
        trend: held against all of those together.
        advice: what to do, for people; may be empty.
    """

    operator: str
    reason: BounceReason
    contacts: int
    before: tuple[int, ...]
    trend: FaultTrend
    advice: str


def listed_faults(
    campaign: CampaignFaults, before: Iterable[CampaignFaults], operators: Operators
) -> tuple[ListedFault, ...]:
    """What there is to repair after a campaign: the causes that struck most contacts first, those that are gone last.

    Args:
        campaign: the one that is looked at.
        before: earlier campaigns, in any order; the last ``CAMPAIGNS_COMPARED`` that anybody received count.
        operators: who runs the mail of a domain.
    """
    sent = sorted((one for one in before if one.recipients), key=lambda one: one.sent_at)[-CAMPAIGNS_COMPARED:]
    now = _by_cause(campaign, operators)
    earlier = [_by_cause(one, operators) for one in sent]
    mailed_before = sum(one.recipients for one in sent)
    listed = []
    for cause in {*now, *(cause for one in earlier for cause in one)}:
        counts = tuple(one[cause] for one in earlier)
        trend = _trend(now[cause], campaign.recipients, sum(counts), mailed_before)
        if now[cause] or trend is FaultTrend.GONE:
            operator, reason = cause
            listed.append(ListedFault(operator, reason, now[cause], counts, trend, advice_for(reason)))
    return tuple(sorted(listed, key=lambda one: (-one.contacts, one.operator, one.reason.value)))


def _by_cause(campaign: CampaignFaults, operators: Operators) -> Counter[tuple[str, BounceReason]]:
    found: Counter[tuple[str, BounceReason]] = Counter()
    for fault in campaign.faults:
        found[operator_group(fault.domain or "", operators).name, fault.reason] += fault.contacts
    return found


def _trend(now: int, mailed: int, before: int, mailed_before: int) -> FaultTrend:
    if not mailed_before or not mailed:
        return FaultTrend.UNKNOWN
    if not before:
        return FaultTrend.NEW
    # More contacts than recipients: somebody left the record of the send, not the failures.
    this, earlier = Rate(min(now, mailed), mailed), Rate(min(before, mailed_before), mailed_before)
    if (this.low or 0.0) > (earlier.high or 0.0):
        return FaultTrend.MORE
    if (this.high or 0.0) < (earlier.low or 0.0):
        return FaultTrend.LESS if now else FaultTrend.GONE
    return FaultTrend.AS_BEFORE
