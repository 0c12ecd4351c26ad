"""What people see of the health of the three lists: figures with intervals, and what was made of them.

The asset itself stands beside the suppression plan, because one step asks for both at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from list_pipeline.core.health.figures import ShownRate, ShownSends
from list_pipeline.core.wording import UNKNOWN, change_percent_text, confidence_text, kept_rate_text
from list_pipeline.defs import metadata as md
from list_pipeline.storage.health import StoredAssessment

_NOTHING_READ = ShownSends(0, 0, None, None, None, None)


def health_metadata(
    found: Sequence[StoredAssessment], consultations: Sequence[Mapping[str, Any]], problem: str = ""
) -> dict[str, dg.MetadataValue]:
    """The assessments for people, and what the consultations cost and came to. ``problem``: why there are none."""
    shown = {
        "lists": md.table([_row(each) for each in found]),
        "concerns": md.lines(
            [f"{each.assessment.role.label}: {words}" for each in found for words in each.assessment.concerns]
        ),
        "risk factors": md.lines(
            [f"{each.assessment.role.label}: {words}" for each in found for words in each.assessment.risk_factors]
        ),
        "rationale": md.lines([_rationale(each) for each in found]),
        "reputation": md.lines(
            [f"{each.assessment.role.label}: {each.assessment.reputation_impact}" for each in found]
        ),
        "consultations": md.table([_consultation(each) for each in consultations]),
    }
    for each in found:
        last, name = each.figures.last_campaign or _NOTHING_READ, each.assessment.role.value
        shown |= md.counts(
            {
                f"{name}_bounce_rate_percent": _percent(last.bounces),
                f"{name}_delivery_rate_percent": _percent(last.deliveries),
                f"{name}_mailable": each.figures.mailable_contacts,
            }
        )
    if problem:
        shown["problem"] = md.text(problem)
    return shown


def _row(each: StoredAssessment) -> dict[str, Any]:
    own, figures = each.assessment, each.figures
    last, change = figures.last_campaign or _NOTHING_READ, figures.size_change_a_month_percent
    return {
        "list": own.role.label,
        "status": own.status.value,
        "urgency": own.urgency.value,
        "rules alone": f"{each.rules_status.value}, {each.rules_urgency.value}",
        "mailable": figures.mailable_contacts if figures.mailable_contacts is not None else UNKNOWN,
        "from target": change_percent_text(figures.variance_percent),
        "hard": kept_rate_text(last.hard_bounces),
        "soft": kept_rate_text(last.soft_bounces),
        "delivered": kept_rate_text(last.deliveries),
        "suppressed": kept_rate_text(figures.suppressed_of_recently_mailed),
        "bounces go": figures.bounce_trend_of_all_lists.value,
        "size goes": figures.size_trend.value + ("" if change is None else f" ({change_percent_text(change)} a month)"),
        "last sent": figures.last_campaign_date,
    }


def _percent(rate: ShownRate | None) -> float | None:
    return None if rate is None else rate.rate_percent


def _rationale(each: StoredAssessment) -> str:
    own = each.assessment
    sure = "" if own.confidence is None else f", confidence {confidence_text(own.confidence)}"
    return f"{own.role.label}: {own.rationale} (chosen by the {own.source.value}{sure})"


def _consultation(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "list": each["subject"],
        "model": each["model"] or "none",
        "what became of it": each["outcome"],
        "verdict": each["verdict"],
        "tokens": sum(int(count) for count in each["tokens"].values()),
        "latency": "" if each["latency_ms"] is None else f"{each['latency_ms']} ms",
        "cost": "unknown" if each["cost_usd"] is None else f"${each['cost_usd']}",
    }
