"""What people see of the health of the three lists: figures with intervals, and what was made of them.

The asset itself stands beside the suppression plan, because one step asks for both at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from list_pipeline.defs import metadata as md
from list_pipeline.storage.health import StoredAssessment

_UNKNOWN = "unknown"


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
        last = each.figures.get("last_campaign") or {}
        name = each.assessment.role.value
        shown |= md.counts(
            {
                f"{name}_bounce_rate_percent": (last.get("bounces") or {}).get("rate_percent"),
                f"{name}_delivery_rate_percent": (last.get("deliveries") or {}).get("rate_percent"),
                f"{name}_mailable": each.figures.get("mailable_contacts"),
            }
        )
    if problem:
        shown["problem"] = md.text(problem)
    return shown


def _row(each: StoredAssessment) -> dict[str, Any]:
    own, figures = each.assessment, each.figures
    last: Mapping[str, Any] = figures.get("last_campaign") or {}
    change = figures.get("size_change_a_month_percent")
    return {
        "list": own.role.label,
        "status": own.status.value,
        "urgency": own.urgency.value,
        "rules alone": f"{each.rules_status.value}, {each.rules_urgency.value}",
        "mailable": figures.get("mailable_contacts") if figures.get("mailable_contacts") is not None else _UNKNOWN,
        "from target": _signed(figures.get("variance_percent")),
        "hard": _rate(last.get("hard_bounces")),
        "soft": _rate(last.get("soft_bounces")),
        "delivered": _rate(last.get("deliveries")),
        "suppressed": _rate(figures.get("suppressed_of_recently_mailed")),
        "bounces go": figures.get("bounce_trend_of_all_lists"),
        "size goes": figures.get("size_trend", "") + ("" if change is None else f" ({_signed(change)} a month)"),
        "last sent": figures.get("last_campaign_date"),
    }


def _rate(rate: Mapping[str, Any] | None) -> str:
    if rate is None or rate["rate_percent"] is None:
        return _UNKNOWN
    return f"{rate['rate_percent']:.2f} % ({rate['low_percent']:.2f} to {rate['high_percent']:.2f})"


def _signed(percent: float | None) -> str:
    return _UNKNOWN if percent is None else f"{percent:+.1f} %"


def _rationale(each: StoredAssessment) -> str:
    own = each.assessment
    sure = "" if own.confidence is None else f", confidence {own.confidence:.2f}"
    return f"{own.role.label}: {own.rationale} (written by the {own.source.value}{sure})"


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
