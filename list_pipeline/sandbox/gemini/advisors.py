"""Sensible answers to the four advisors' questions, worked out from the data in the prompt.

Belongs here: the judgement and the sentences. Does not belong here: reading prompts and schemas (``answers``).

Data is read by the names that prompts use; what is missing is taken for unknown. Sentences repeat figures as they stand
in the data, and calculate none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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
    critical = list(_beyond(sends, limits, _CRITICAL))
    concerns = critical or list(_beyond(sends, limits, _CONCERNING))
    change = data.get("size_change_a_month_percent")
    shrinkage = limits["shrinkage_percent"]
    if _is_number(change) and float(change) < -shrinkage:
        concerns.append(f"The list shrinks by {_figure(abs(change))} % a month, more than {_figure(shrinkage)} %.")
    trend = str(data.get("bounce_trend_of_all_lists", "unknown"))
    if trend == "degrading" and sends:
        concerns.append("The bounce trend of the lists is degrading, which weighs more than one spike.")
    own = _part(data, "rules")
    if not sends:
        status, urgency, confidence = "warning", "medium", 0.72
        concerns = ["No campaign of this list was read, so its rates are not known."]
    elif critical:
        status, urgency, confidence = "critical", "critical" if trend == "degrading" else "high", 0.92
    elif concerns:
        status, urgency, confidence = "warning", "medium" if trend == "degrading" else "low", 0.88
    else:
        status, urgency, confidence = "healthy", "low", 0.94
    risks = [str(each) for each in own.get("risk_factors") or ()][:3]
    if data.get("size_trend") == "shrinking":
        risks.append("The list is shrinking, so every further loss weighs more.")
    rates = [
        f"{name} is {_figure(rate['rate_percent'])} %"
        for name, rate in _rates(sends)
        if rate.get("rate_percent") is not None
    ]
    said = (
        f"In the last campaign {', '.join(rates[:3])}."
        if rates
        else "Without a campaign there are no rates to judge by."
    )
    return {
        "list_reference": str(data.get("list_reference", "")),
        "concerns": concerns[:6],
        "risk_factors": risks[:6],
        "reputation_impact": {
            "healthy": "Nothing in these figures harms the reputation of the sender.",
            "warning": "Receivers may begin to slow our mail down if this goes on.",
            "critical": "Receivers are likely to refuse our mail until the list is cleaned.",
        }[status],
        "rationale": f"{said} {_VERDICT[status]}",
        "status": status,
        "urgency": urgency,
        "confidence": confidence,
    }


_VERDICT = {
    "healthy": "None of these is beyond its limit, so the list can be mailed as it is.",
    "warning": "That is reason to watch the list, and no reason to stop mailing it.",
    "critical": "That is far beyond what receivers put up with, so the list needs a cleanup before the next campaign.",
}
_CRITICAL = (
    ("hard_bounces", "hard bounce rate", "hard_critical_percent", False),
    ("bounces", "bounce rate", "bounces_critical_percent", False),
    ("deliveries", "delivery rate", "delivery_critical_percent", True),
)
_CONCERNING = (
    ("hard_bounces", "hard bounce rate", "hard_concerning_percent", False),
    ("soft_bounces", "soft bounce rate", "soft_to_monitor_percent", False),
    ("deliveries", "delivery rate", "delivery_issues_percent", True),
)


def _beyond(sends: Data, limits: Data, wanted: tuple[tuple[str, str, str, bool], ...]) -> Iterator[str]:
    for field, name, limit_name, is_floor in wanted:
        rate, limit = _part(sends, field), limits.get(limit_name)
        nearest = rate.get("high_percent" if is_floor else "low_percent", rate.get("rate_percent"))
        if limit is None or not _is_number(nearest):
            continue
        if nearest < limit if is_floor else nearest > limit:
            side = "below" if is_floor else "above"
            yield f"The {name} is {_figure(rate.get('rate_percent', nearest))} %, {side} the limit of {_figure(limit)} %."


def _rates(sends: Data) -> Iterator[tuple[str, Data]]:
    for field in ("hard_bounces", "soft_bounces", "deliveries"):
        yield f"the rate of {field.replace('_', ' ')}", _part(sends, field)


# Optimization


def optimization(data: Data) -> Data:
    """Repeats the policy's sorting, and is more careful with borderline contacts whose failure looks passing."""
    groups, contacts = _rows(data, "groups"), _rows(data, "contacts")
    doubted = [contact for contact in contacts if _is_doubtful(contact)]
    concerns = []
    if doubted:
        concerns.append("Some borderline contacts fail for a state that looks passing, so waiting costs little.")
    return {
        "judgements": [_judgement(each) for each in (*groups, *contacts)],
        "concerns": concerns,
        "rationale": _rationale(groups),
        "expected_impact": "Fewer failed deliveries in the next round protect the sender's reputation, at no loss of reach.",
        "breakdown": dict(_part(data, "breakdown")),
        "confidence": 0.86 if doubted else 0.93,
    }


def _judgement(item: Data) -> Data:
    sorting, own = item.get("sorting"), item.get("confidence")
    confidence = float(own) if _is_number(own) else 0.1
    reason = "The history supports the sorting of the policy."
    if _is_doubtful(item):
        sorting, confidence = "monitor_closely", round(confidence * 0.8, 2)
        reason = "The failure looks passing, so waiting costs little."
    elif item.get("deliveries_before", 0) >= 3:
        confidence, reason = round(confidence * 0.95, 2), "It was reached before, which speaks for some patience."
    return {"reference": item["reference"], "reason": reason, "sorting": sorting, "confidence": confidence}


def _is_doubtful(item: Data) -> bool:
    """A careful reader doubts where the receiver's own words call the state passing, or the reasons differ."""
    return bool(_PASSING.search(str(item.get("server_words", "")))) or item.get("same_reason") is False


def _rationale(groups: list[Data]) -> str:
    acting = [group for group in groups if group.get("sorting") == "suppress_now"]
    if not acting:
        return "No contact gave a reason to be suppressed, so all of them stay."
    largest = max(acting, key=lambda group: int(group.get("contacts", 0)))
    why = str(largest.get("reason", "bounces")).replace("_", " ")
    return (
        f"The largest group that is suppressed has {_count(largest.get('contacts', 0), 'contact')} with {why} "
        f"at {_count(largest.get('domains', 0), 'domain')}. "
        "Mailing addresses that cannot be reached costs reputation with every send, so they leave the lists."
    )


# Rebalancing


def rebalancing(data: Data) -> Data:
    """Explains the plan from its figures and repeats what has to come back as it was."""
    before, after = data.get("deviation_before_percent"), data.get("deviation_after_percent")
    moves, joins = int(data.get("movements_total", 0)), int(data.get("enrolments_total", 0))
    tolerance = data.get("tolerance_percent")
    alternatives, concerns = [], []
    if data.get("requires_rebalancing"):
        said = f"The plan makes {_count(moves, 'move')} and {_count(joins, 'enrolment')}."
        if _is_number(before) and _is_number(after):
            said += f" The deviation of the lists goes from {_figure(before)} % to {_figure(after)} %."
            alternatives.append(f"Leaving the lists as they are would keep the deviation at {_figure(before)} %.")
        if data.get("fewest_possible_moves"):
            alternatives.append("Fewer moves do not reach this balance, as the proof of the planner shows.")
    else:
        said = "The lists are even enough to stay as they are."
        if _is_number(before) and _is_number(tolerance):
            said = f"The lists deviate by {_figure(before)} %, which the tolerance of {_figure(tolerance)} % allows."
    waiting = sum(
        int(each.get("contacts", 0)) for each in (*_rows(data, "deferred_moves"), *_rows(data, "deferred_enrolments"))
    )
    if waiting:
        concerns.append("A part of the plan waits until the open cycle is closed.")
    return {
        "rationale": f"{said} Contacts keep their order, and nobody misses a campaign or gets one again.",
        "expected_impact": "Lists of similar size make the results of the rounds comparable.",
        "alternatives_considered": alternatives,
        "concerns": concerns,
        "requires_rebalancing": bool(data.get("requires_rebalancing")),
        "target_distribution": dict(_part(data, "target_distribution")),
        "movements_total": moves,
        "confidence": 0.88 if waiting else 0.92,
    }


# Reporting


def _need(count: int) -> str:
    return "needs" if count == 1 else "need"


def reporting(data: Data) -> Data:
    """The report of a run out of confirmed counts."""
    suppressed, moved = _part(data, "suppressed"), _part(data, "rebalanced")
    confirmed, changed = int(suppressed.get("confirmed", 0)), int(moved.get("confirmed", 0))
    failed, held = int(suppressed.get("failed", 0)), int(suppressed.get("held_for_review", 0))
    actions, concerns, wishes, steps = [], [], [], []
    if confirmed:
        actions.append(f"{_count(confirmed, 'contact')} who cannot be reached {_were(confirmed)} suppressed.")
    if changed:
        actions.append(f"{_count(changed, 'contact')} {_were(changed)} moved or added to even the lists out.")
    if failed:
        concerns.append(f"{_count(failed, 'suppression')} failed.")
        steps.append("The failed suppressions are tried again with the next run.")
    if held:
        wishes.append(f"Look at the {_count(held, 'contact')} that wait for a decision.")
    for fault in _rows(data, "sender_faults"):
        concerns.append(
            f"Receivers refuse mail for a fault of the sender ({str(fault.get('reason', '')).replace('_', ' ')})."
        )
        wishes.append("Repair the cause on the side of the sender before the next campaign.")
    is_week = "week" in data
    for each in _rows(data, "list_health"):
        # A week's own concerns name these lists already.
        if each.get("status") in ("warning", "critical") and not is_week:
            concerns.append(f"{each.get('list', 'A list')} is in the state {each['status']}.")
    days = [day for day in data.get("looked_at_again_after_days") or () if _is_number(day)]
    if days:
        steps.append(f"Late bounces are looked at again after {' and '.join(_figure(day) for day in days)} days.")
    if is_week:
        sent = int(data.get("campaigns_sent", 0))
        summary = [f"{_count(sent, 'campaign')} {_were(sent)} sent this week."]
        summary += actions[:2] or ["No contact had to be suppressed or moved."]
        attention = [str(each["list"]) for each in _rows(data, "list_health") if each.get("status") != "healthy"]
        summary.append(
            f"{' and '.join(attention)} {_need(len(attention))} attention." if attention else "All lists are healthy."
        )
    else:
        summary = [*actions[:2]] or ["No contact had to be suppressed or moved after this campaign."]
        summary.append(concerns[0] if concerns else "The lists are ready for the next campaign.")
    return {
        "concerns": list(dict.fromkeys(concerns))[:5],
        "recommendations": list(dict.fromkeys(wishes))[:5],
        "next_steps": steps[:5],
        "actions_taken": actions,
        "key_metrics": [str(each["label"]) for each in _rows(data, "key_metrics") if "label" in each][:4],
        "executive_summary": " ".join(summary),
        # Of a week's report only.
        "highlights": actions[:5],
        "week_over_week": "The figures of the week are as the comparison shows them.",
        "action_items": [{"text": wish, "priority": "medium"} for wish in dict.fromkeys(wishes)][:5],
    }


ANSWERS: dict[str, Callable[[Data], Data]] = {
    "list_health": list_health,
    "optimization": optimization,
    "rebalancing": rebalancing,
    "reporting": reporting,
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


def _figure(value: float) -> str:
    """A number as people write it: no digits that the data does not have."""
    return f"{value:g}" if abs(value) < 10_000 else f"{value:,}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
