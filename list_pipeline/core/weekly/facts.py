"""The facts of a week's report and message: the figures, with everything that was concluded from them.

Belongs here: the facts, and the few sentences about a week that several places say alike. Does not belong here: figures
and rules (``figures``), and the layout of the message (``message``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import ActionItem, ExecutiveReport, KeyMetric, Trend
from list_pipeline.core.weekly.figures import MOST_ACTION_ITEMS, Change, Issue, WeekFigures
from list_pipeline.core.weekly.silence import Silence
from list_pipeline.core.wording import UNKNOWN, Rate, percent_interval_text, percent_text


@dataclass(frozen=True, slots=True)
class WeekLinks:
    """Where details are. The links are None when no base is configured."""

    check_id: int
    run_id: str = ""
    app_url: str | None = None
    run_url: str | None = None
    partition_url: str | None = None


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """A week with what was concluded from it.

    Attributes:
        sizes_note: what has to be known about the sizes, else empty.
        next_campaign: the one that is scheduled next, in words; empty for a week that was checked late.
        silence: contacts without a sign of life; None: they were not counted.
        weeks: the weeks that were checked before, oldest first, and this one: for showing where the sizes went.
    """

    figures: WeekFigures
    assessments: Sequence[HealthAssessment]
    changes: Sequence[Change]
    issues: Sequence[Issue]
    urgency: Urgency
    links: WeekLinks
    sizes_note: str = ""
    report: ExecutiveReport | None = None
    weeks: Sequence[WeekFigures] = ()
    silence: Silence | None = None
    next_campaign: str = ""

    @property
    def is_fine(self) -> bool:
        """Balanced, no list critical, and nothing that calls people."""
        ill = any(each.status is HealthStatus.CRITICAL for each in self.assessments)
        return self.figures.is_balanced is True and not ill and not self.urgency.pages_people


def change_text(change: Change) -> str:
    """A figure in two weeks, e.g. ``Bounce rate 2.1 % after 1.9 %: chance may explain the difference``. A figure with bounds is
    said with them, e.g. ``Complaint rate 0.24 % (0.14 to 0.39 %) after 0.10 % (0.04 to 0.21 %): cannot tell whether it
    changed``.
    """
    now = _value(change.now, change.unit, change.bounds_now)
    said = f"{change.label} {now} after {_value(change.before, change.unit, change.bounds_before)}"
    difference = change.difference
    if difference is None:
        return said
    if not change.is_shown and difference:
        is_bounded = change.bounds_now is not None and change.bounds_before is not None
        return f"{said}: {'cannot tell whether it changed' if is_bounded else 'chance may explain the difference'}"
    return said


def differences(changes: Sequence[Change]) -> Iterator[Change]:
    """The changes of which both weeks are known and differ by more than chance."""
    for change in changes:
        if change.difference and change.is_shown:
            yield change


def _value(value: float | None, unit: str, bounds: tuple[float, float] | None = None) -> str:
    if value is not None and bounds is not None:
        return percent_interval_text(value, *bounds)
    if unit == "percent":
        return percent_text(value)
    return UNKNOWN if value is None else f"{round(value):,}"


WeekMetric = Literal[
    "campaigns_sent",
    "contacts_suppressed",
    "contacts_rebalanced",
    "new_contacts",
    "mailable_contacts",
    "largest_deviation",
    "bounce_rate",
    "delivery_rate",
    "complaint_rate",
    "suppression_list",
]
"""The names of the figures that a week's report may put first."""


def week_metrics(facts: WeekFacts) -> dict[str, KeyMetric]:
    """Every figure of the set that is known of the week, in order. What was not read is left out."""
    figures, done = facts.figures, facts.figures.activity
    trends = {change.name: _trend(change) for change in facts.changes}
    mailable = [each.size.mailable for each in figures.lists if each.size is not None]
    suppression = next((size.raw for role, size in figures.sizes.items() if role.value == "suppression"), None)
    known: tuple[tuple[str, str, str | None, str], ...] = (
        ("campaigns_sent", "Campaigns Sent", f"{done.campaigns_sent:,}", "campaigns_sent"),
        ("contacts_suppressed", "Contacts Suppressed", f"{done.suppressed:,}", "suppressed"),
        ("contacts_rebalanced", "Contacts Rebalanced", f"{done.rebalanced:,}", ""),
        ("new_contacts", "New Contacts", f"{done.new_contacts:,}", "new_contacts"),
        ("mailable_contacts", "Can Be Mailed", f"{sum(mailable):,}" if mailable else None, ""),
        (
            "largest_deviation",
            "Largest Distance From the Mean",
            _percent(figures.deviation_percent),
            "deviation_percent",
        ),
        ("bounce_rate", "Average Bounce Rate", _rate(figures.bounce_rate), "bounce_rate_percent"),
        ("delivery_rate", "Average Delivery Rate", _rate(figures.delivery_rate), "delivery_rate_percent"),
        (
            "complaint_rate",
            "Complaint Rate",
            None if figures.complaint_rate is None else figures.complaint_rate.text,
            "complaint_rate_percent",
        ),
        (
            "suppression_list",
            "Suppression List",
            None if suppression is None else f"{suppression:,}",
            "suppression_contacts",
        ),
    )
    return {
        name: KeyMetric(name, label, value, trends.get(change, Trend.NONE))
        for name, label, value, change in known
        if value is not None
    }


def _percent(percent: float | None) -> str | None:
    return None if percent is None else percent_text(percent)


def _rate(rate: Rate | None) -> str | None:
    return None if rate is None else _percent(rate.percent)


def _trend(change: Change) -> Trend:
    if change.difference is None:
        return Trend.NONE
    if not change.is_shown or not change.difference:
        return Trend.STABLE
    return Trend.UP if change.difference > 0 else Trend.DOWN


def action_items(
    issues: Sequence[Issue], advised: Sequence[ActionItem], fallback: Sequence[str]
) -> tuple[ActionItem, ...]:
    """The action items, most urgent first, each once. The rules' items come before an advisor's of the same urgency; where
    there are none at all, recommendations take their place.

    Where an advisor's item is more urgent than everything that was found, it counts as that: words call nobody.
    """
    most = max((list(Urgency).index(issue.urgency) for issue in issues), default=0)
    own = [ActionItem(issue.urgency, issue.action) for issue in issues]
    theirs = [ActionItem(list(Urgency)[min(list(Urgency).index(one.priority), most)], one.text) for one in advised]
    items: dict[str, ActionItem] = {}
    for item in (*own, *theirs) or tuple(ActionItem(Urgency.LOW, text) for text in fallback):
        items.setdefault(item.text, item)
    ordered = sorted(items.values(), key=lambda item: -list(Urgency).index(item.priority))
    return tuple(ordered[:MOST_ACTION_ITEMS])
