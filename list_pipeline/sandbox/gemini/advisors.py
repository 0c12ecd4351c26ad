"""Sensible answers to the advisors' questions, worked out from the data in the prompt.

Belongs here: the judgement, and the choice among the statements that the data offers. Does not belong here: reading prompts and
schemas (``answers``).

Data is read by the names that prompts use; what is missing is taken for unknown. Nothing is written: a field of sentences gets
the ids of statements.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeGuard

Data = dict[str, Any]

_PASSING = re.compile(r"temporar|try again|greylist|transient|timed out|\blater\b|\bretry", re.IGNORECASE)

# List health


_LIMITS = {
    "hard_concerning_percent": 2.0,
    "hard_critical_percent": 5.0,
    "soft_to_monitor_percent": 5.0,
    "soft_concerning_percent": 10.0,
    "delivery_issues_percent": 95.0,
    "delivery_critical_percent": 90.0,
    "shrinkage_percent": 10.0,
}
"""The published thresholds, where the data does not give its own."""


def list_health(data: Data) -> Data:
    """Published thresholds applied to the last campaign; a rate is beyond one only with its whole interval."""
    limits = {name: float(value) for name, value in {**_LIMITS, **_part(data, "limits")}.items() if _is_number(value)}
    sends = _part(data, "last_campaign")
    critical, concerning = _is_beyond(sends, limits, _CRITICAL), _is_beyond(sends, limits, _CONCERNING)
    change = data.get("size_change_a_month_percent")
    shrinks = _is_number(change) and float(change) < -limits["shrinkage_percent"]
    degrades = bool(sends) and data.get("bounce_trend_of_all_lists") == "degrading"
    if not sends:
        status, urgency, confidence = "warning", "medium", 0.72
    elif critical:
        status, urgency, confidence = "critical", "critical" if degrades else "high", 0.92
    elif concerning or shrinks or degrades:
        status, urgency, confidence = "warning", "medium" if degrades else "low", 0.88
    else:
        status, urgency, confidence = "healthy", "low", 0.94
    is_ill = status != "healthy"
    return {
        "list_reference": str(data.get("list_reference", "")),
        "concerns": _chosen(data, "concerns", ("rate_rose", "may_be_beyond") if is_ill else ()),
        "risk_factors": _chosen(data, "risk_factors", ("suppressed_since",) if is_ill else ()),
        "rationale": _chosen(data, "rationale", ("rates", "hard_bounces", "trend")),
        "status": status,
        "urgency": urgency,
        "confidence": confidence,
    }


_CRITICAL = (
    ("hard_bounces", "hard_critical_percent", False),
    ("bounces", "bounces_critical_percent", False),
    ("deliveries", "delivery_critical_percent", True),
)
_CONCERNING = (
    ("hard_bounces", "hard_concerning_percent", False),
    ("soft_bounces", "soft_to_monitor_percent", False),
    ("deliveries", "delivery_issues_percent", True),
)


def _is_beyond(sends: Data, limits: Data, wanted: tuple[tuple[str, str, bool], ...]) -> bool:
    for field, limit_name, is_floor in wanted:
        rate, limit = _part(sends, field), limits.get(limit_name)
        nearest = rate.get("high_percent" if is_floor else "low_percent", rate.get("rate_percent"))
        if limit is not None and _is_number(nearest) and (nearest < limit if is_floor else nearest > limit):
            return True
    return False


# Optimization


def optimization(data: Data) -> Data:
    """Repeats the policy's sorting, and is more careful with borderline contacts whose failure looks passing."""
    groups, contacts = _rows(data, "groups"), _rows(data, "contacts")
    doubted = any(_is_doubtful(contact) for contact in contacts)
    return {
        "judgements": [_judgement(each) for each in (*groups, *contacts)],
        "concerns": _chosen(data, "concerns", ("passing_words", "differing_reasons") if doubted else ()),
        "rationale": _chosen(data, "rationale", ("largest_group",)),
        "expected_impact": _chosen(data, "expected_impact", ("reputation",)),
        "breakdown": dict(_part(data, "breakdown")),
        "confidence": 0.86 if doubted else 0.93,
    }


def _judgement(item: Data) -> Data:
    sorting, own = item.get("sorting"), item.get("confidence")
    confidence, reason = float(own) if _is_number(own) else 0.1, "none"
    if "hits" in item:
        reason = "same_reason" if int(item["hits"]) > 1 else "failures"
    if _is_doubtful(item):
        sorting, confidence = "monitor_closely", round(confidence * 0.8, 2)
        reason = "differing_reasons" if item.get("same_reason") is False else "passing_words"
    elif item.get("deliveries_before", 0) >= 3:
        confidence, reason = round(confidence * 0.95, 2), "reached_before"
    return {"reference": item["reference"], "reason": reason, "sorting": sorting, "confidence": confidence}


def _is_doubtful(item: Data) -> bool:
    """A careful reader doubts where the receiver's own words call the state passing, or the reasons differ."""
    return bool(_PASSING.search(str(item.get("server_words", "")))) or item.get("same_reason") is False


# Rebalancing


def rebalancing(data: Data) -> Data:
    """Says why the plan is as it is, and repeats what has to come back as it was."""
    waiting = bool(_rows(data, "deferred_moves") or _rows(data, "deferred_enrolments"))
    return {
        "rationale": _chosen(data, "rationale", ("reason", "proof", "order_kept")),
        "expected_impact": _chosen(data, "expected_impact", ("comparable_rounds",)),
        "alternatives_considered": _offered(data, "alternatives_considered"),
        "concerns": _chosen(data, "concerns", ("part_waits",) if waiting else ()),
        "requires_rebalancing": bool(data.get("requires_rebalancing")),
        "target_distribution": dict(_part(data, "target_distribution")),
        "movements_total": int(data.get("movements_total", 0)),
        "confidence": 0.88 if waiting else 0.92,
    }


# Reporting


_NEWS = ("lists_need_attention", "worst_lists", "held", "waiting", "failed_maintenances", "sender_refused", "sent")
_GOOD_NEWS = ("rebalanced", "rebalancing_planned", "all_healthy", "lists_comparable")


def reporting(data: Data) -> Data:
    """The report of a run or of a week: what needs people first, then what went well."""
    return {
        "concerns": _chosen(data, "concerns", ("bounces_go_up", "list_shrinks", "met_a_send", "campaigns_unread")),
        "recommendations": _chosen(data, "recommendations", ("check_list", "even_out", "check_change")),
        "next_steps": _chosen(data, "next_steps"),
        "actions_taken": _chosen(data, "actions_taken"),
        "key_metrics": [str(each["label"]) for each in _rows(data, "key_metrics") if "label" in each][:4],
        "executive_summary": _chosen(data, "executive_summary", (*_GOOD_NEWS[:2], *_NEWS, *_GOOD_NEWS[2:])),
        # Of a week's report only.
        "highlights": _offered(data, "highlights"),
        "week_over_week": _chosen(data, "week_over_week"),
    }


# A wrap-up


def list_quality(data: Data) -> Data:
    """The rules' grade, with what its bounces show."""
    return {
        **_of_a_send(data),
        "bounce_analysis": _chosen(data, "bounce_analysis", ("mostly_hard", "bounces_within_limits", "mostly_soft")),
        "concerns": _chosen(data, "concerns", ("few_messages",)),
        "quality": _part(data, "rules").get("quality", "concerning"),
    }


def delivery_analysis(data: Data) -> Data:
    """The rules' grade, with what is known of the delivery."""
    return {
        **_of_a_send(data),
        "insights": _chosen(data, "insights", ("operators_later", "opened")),
        "technical_issues": _chosen(data, "technical_issues", ("delivery_open",)),
        "performance": _part(data, "rules").get("performance", "concerning"),
    }


def comparison(data: Data) -> Data:
    """The rules' trend, with what is shown of it."""
    return {
        **_of_a_send(data),
        "insights": _chosen(data, "insights", ("better", "older_figures")),
        "concerns": _chosen(data, "concerns"),
        "trend": _part(data, "rules").get("trend") or "cannot tell",
    }


def recommendation(data: Data) -> Data:
    """What is urgent first, then what is worth doing after any send."""
    usual = ("wait_for_open", "keep_course", "keep_what_worked", "act_on_no_difference", "let_maintenance", "day_after")
    return {
        **_of_a_send(data),
        "recommendations": _chosen(data, "recommendations", usual)[:5],
        "predictions": _offered(data, "predictions"),
        "risk_factors": _chosen(data, "risk_factors", ("rate_risk", "next_soon")),
    }


def report_formatting(data: Data) -> Data:
    """Verdicts, what is urgent, then what to do first."""
    return {"executive_summary": _chosen(data, "executive_summary", ("found", "recommended"))[:3]}


def _of_a_send(data: Data) -> Data:
    tried = _part(data, "this_send").get("tried")
    is_known = _is_number(tried) and tried >= 200
    return {"list_reference": str(data.get("list_reference", "")), "confidence": 0.92 if is_known else 0.86}


ANSWERS: dict[str, Callable[[Data], Data]] = {
    "list_health": list_health,
    "optimization": optimization,
    "rebalancing": rebalancing,
    "reporting": reporting,
    "list_quality": list_quality,
    "delivery_analysis": delivery_analysis,
    "comparison": comparison,
    "recommendation": recommendation,
    "report_formatting": report_formatting,
}
"""By advisor: from the data of its question to the fields of its answer."""


def _part(data: Data, name: str) -> Data:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _rows(data: Data, name: str) -> list[Data]:
    found = data.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _chosen(data: Data, part: str, kinds: tuple[str, ...] = ()) -> list[str]:
    """The statements of a part that are said in any case, and those of some kinds in their order."""
    rows = _rows(_part(data, "statements"), part)
    fixed = [str(each["id"]) for each in rows if each.get("said_anyway")]
    others = [str(each["id"]) for each in rows if not each.get("said_anyway")]
    return [*fixed, *(each for kind in kinds for each in others if each.partition(":")[0] == kind)]


def _offered(data: Data, part: str) -> list[str]:
    """Every statement of a part."""
    return [str(each["id"]) for each in _rows(_part(data, "statements"), part)]
