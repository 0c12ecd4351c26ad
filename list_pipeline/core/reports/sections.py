"""The parts of the maintenance message that are sentences, and who chose them; and the health of the lists.

Belongs here: summary, concerns, recommendations, next steps, and one line for each list. Does not belong here: the
figures of the run (``message``), and which statements these are (``core.reports.statements``, ``agents``).

No sentence is a model's: it may have chosen among statements, and a mark says so. They are escaped and cut all the same.
"""

from __future__ import annotations

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import BounceTrend, SizeTrend
from list_pipeline.core.messages.slack_blocks import Mrkdwn, compose, joined, untrusted
from list_pipeline.core.plans.corrections import why_left_words
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import KeyMetric, ListRates, MaintenanceFacts, Trend
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.wording import count_text, kept_rate_text

MOST_ENTRIES = 3
"""Entries of a list that the message shows; the run's asset and the ledger have all of them."""

_ARROWS = {Trend.UP: " ↑", Trend.DOWN: " ↓", Trend.STABLE: "", Trend.NONE: ""}
HEALTH_ICONS = {HealthStatus.HEALTHY: "🟢", HealthStatus.WARNING: "🟡", HealthStatus.CRITICAL: "🔴"}
_BOUNCE_TRENDS = {
    BounceTrend.IMPROVING: "Bounces of all three lists together are going down.",
    BounceTrend.STABLE: "Bounces of all three lists together stay as they were.",
    BounceTrend.DEGRADING: "Bounces of all three lists together are going up.",
}
_SIZE_TRENDS = {SizeTrend.GROWING: "; growing", SizeTrend.SHRINKING: "; shrinking"}


def assessment(facts: MaintenanceFacts) -> list[Mrkdwn]:
    """The summary, and who chose its sentences."""
    report = facts.report
    summary = report.executive_summary.strip() if report is not None else ""
    lines = [untrusted(summary or "No summary was written for this run.", 800)]
    source = facts.report.source if facts.report is not None else AdviceSource.POLICY
    lines.append(Mrkdwn(f"_{who_chose(source)}_"))
    return lines


def who_chose(*sources: AdviceSource) -> str:
    """Whether a model had a part in sentences, for people."""
    if AdviceSource.MODEL in sources:
        return "Written from the figures. The AI model chose which of these sentences come first; it decided nothing."
    return "Written from the figures, without the AI model."


def attention(facts: MaintenanceFacts) -> list[Mrkdwn]:
    """Concerns, recommendations and next steps under a small title each; none where there is nothing to say."""
    report = facts.report
    if report is None:
        return []
    # What code knows of the next steps in these states stands in a section of its own already.
    is_said = facts.status in (RunStatus.PENDING_REVIEW, RunStatus.FAILED)
    parts = (
        ("Concerns", report.concerns),
        ("Recommendations", report.recommendations),
        ("Next steps", () if is_said else report.next_steps),
    )
    lines: list[Mrkdwn] = []
    for title, entries in parts:
        if entries:
            lines.append(compose("_{title}_", title=title))
            lines += [joined([Mrkdwn("•"), untrusted(entry, 300)], " ") for entry in entries[:MOST_ENTRIES]]
            if len(entries) > MOST_ENTRIES:
                lines.append(compose("• {more} more in the report", more=f"{len(entries) - MOST_ENTRIES:,}"))
    return lines


def taken_back(facts: MaintenanceFacts) -> list[Mrkdwn]:
    """How much of the maintenance was taken back, and what stands and why; nothing where nothing was taken back."""
    found = facts.taken_back
    if found is None:
        return []
    lines = [
        compose(
            "{taken_back} taken back, {left} left as they are.",
            taken_back=count_text(found.taken_back, "change"),
            left=f"{found.left:,}",
        )
    ]
    lines += [
        compose("• {count}: {why}", count=f"{count:,}", why=why_left_words(reason))
        for reason, count in sorted(found.left_because.items())
    ]
    if found.by_person:
        lines.append(Mrkdwn("An undo by mistake is taken back with `list-pipeline redo`."))
    return lines


def metric_value(metric: KeyMetric) -> str:
    """A figure with the way it went."""
    return f"{metric.value}{_ARROWS[metric.trend]}"


def list_health(facts: MaintenanceFacts) -> list[Mrkdwn]:
    """One line for each list: its state, and delivery and bounces with the interval in which the true rates lie."""
    rates = {each.role: each for each in facts.list_rates}
    lines = [_of_list(each, rates.get(each.role)) for each in facts.assessments]
    trends = {each.bounce_trend for each in facts.list_rates} & _BOUNCE_TRENDS.keys()
    if lines and len(trends) == 1:
        lines.append(Mrkdwn(_BOUNCE_TRENDS[trends.pop()]))
    return lines


def _of_list(health: HealthAssessment, rates: ListRates | None) -> Mrkdwn:
    urgency = f", urgency {health.urgency.value}" if health.urgency is not Urgency.LOW else ""
    if rates is None or rates.delivered is None or rates.bounced is None:
        words = ": no campaign of it was read yet"
    else:
        delivered, bounced = kept_rate_text(rates.delivered), kept_rate_text(rates.bounced)
        words = f": delivered {delivered}, bounced {bounced} of its last campaign"
    return compose(
        "{icon} *{list}* {status}{urgency}{rates}{size}",
        icon=HEALTH_ICONS[health.status],
        list=health.role.label,
        status=health.status.value,
        urgency=urgency,
        rates=words,
        size=_SIZE_TRENDS.get(rates.size_trend, "") if rates is not None else "",
    )
