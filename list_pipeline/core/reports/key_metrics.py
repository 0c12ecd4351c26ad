"""The figures that a report may put first: a closed set, each computed from the facts.

Belongs here: which figures these are, their labels, values and trends. Does not belong here: which of them a report
shows (``agents.reporting``), and where they stand in a message (``message``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.reports.facts import KeyMetric, MaintenanceFacts, Trend
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.wording import percent_text, share_text, told_percent


class Metric(StrEnum):
    """The names of the figures, in the order in which they are shown."""

    CONTACTS_SUPPRESSED = "contacts_suppressed"
    CONTACTS_REBALANCED = "contacts_rebalanced"
    MAILABLE_CONTACTS = "mailable_contacts"
    LARGEST_DEVIATION = "largest_deviation"
    NOT_DELIVERED = "not_delivered"
    COMPLAINT_RATE = "complaint_rate"
    REFUSED_BY_OUR_FAULT = "refused_because_of_the_sender"
    HELD_FOR_REVIEW = "held_for_review"
    FAILED_SUPPRESSIONS = "failed_suppressions"
    SUPPRESSION_LIST = "suppression_list"


def key_metrics(facts: MaintenanceFacts) -> Mapping[Metric, KeyMetric]:
    """Every figure of the set that is known of a run, in order. What was not read is left out, never shown as zero."""
    suppression, rebalancing = facts.suppression, facts.rebalancing
    found = [
        _metric(
            Metric.CONTACTS_SUPPRESSED,
            "Contacts Suppressed",
            done_of(suppression.confirmed_total, suppression.planned_total, facts),
        ),
        _metric(
            Metric.CONTACTS_REBALANCED,
            "Contacts Rebalanced",
            done_of(rebalancing.confirmed, rebalancing.planned, facts),
        ),
    ]
    lists = {each.role: each for each in facts.lists}
    mailable = [lists[role] for role in CAMPAIGN_LISTS if role in lists]
    after = [each.mailable_after for each in mailable if each.mailable_after is not None]
    if mailable and len(after) == len(CAMPAIGN_LISTS):
        before_total, total = sum(each.mailable_before for each in mailable), sum(after)
        found.append(_metric(Metric.MAILABLE_CONTACTS, "Can Be Mailed", f"{total:,}", _trend(before_total, total)))
    if facts.deviation_after is not None:
        trend = Trend.NONE
        if facts.deviation_before is not None:
            trend = _trend(told_percent(facts.deviation_before), told_percent(facts.deviation_after))
        value = percent_text(facts.deviation_after)
        found.append(_metric(Metric.LARGEST_DEVIATION, "Largest Distance From the Average", value, trend))
    failures = sum(facts.bounces.values())
    if facts.recipients > 0:
        value = share_text(failures, facts.recipients)
        found.append(_metric(Metric.NOT_DELIVERED, "Not Delivered or Complained", value))
    if facts.complaint_rate is not None:
        found.append(_metric(Metric.COMPLAINT_RATE, "Complaint Rate", percent_text(facts.complaint_rate)))
    for metric, label, count in (
        (
            Metric.REFUSED_BY_OUR_FAULT,
            "Refused Because of the Sender",
            sum(fault.contacts for fault in facts.sender_faults),
        ),
        (Metric.HELD_FOR_REVIEW, "Held for a Person", suppression.held_for_review),
        (Metric.FAILED_SUPPRESSIONS, "Failed Suppressions", suppression.failed_total),
    ):
        if count:
            found.append(_metric(metric, label, f"{count:,}"))
    suppressed = lists.get(ListRole.SUPPRESSION)
    if suppressed is not None and suppressed.raw_after is not None:
        trend = _trend(suppressed.raw_before, suppressed.raw_after)
        found.append(_metric(Metric.SUPPRESSION_LIST, "Suppression List", f"{suppressed.raw_after:,}", trend))
    return {Metric(each.name): each for each in found}


def done_of(confirmed: int, planned: int, facts: MaintenanceFacts) -> str:
    """Done and planned together, so that a plan is never read as done."""
    if confirmed == planned:
        return f"{confirmed:,}"
    untouched = facts.status in (RunStatus.READ_ONLY, RunStatus.PENDING_REVIEW, RunStatus.REJECTED)
    if untouched and confirmed == 0:
        return f"0 ({planned:,} planned)"
    return f"{confirmed:,}/{planned:,}"


def _metric(metric: Metric, label: str, value: str, trend: Trend = Trend.NONE) -> KeyMetric:
    return KeyMetric(metric.value, label, value, trend)


def _trend(before: float, after: float) -> Trend:
    if before == after:
        return Trend.STABLE
    return Trend.UP if after > before else Trend.DOWN
