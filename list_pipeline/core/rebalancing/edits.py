"""The figures of a rebalancing plan that a person edited (``core.plans.edits``), and when the rest of it is none any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.balance import RebalancingSummary, Sizes, deviation, deviation_percent, flow_name
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.wording import count_text, percent_text


def summary_of_left(
    summary: RebalancingSummary, items: Sequence[PlanItem], policy: RebalancingPolicy
) -> RebalancingSummary:
    """The summary of what is left of a plan: moves, enrolments and the sizes that they lead to are counted again. Its
    certificate was about the whole plan and is gone.

    Args:
        items: the moves and enrolments that are left.
    """
    sizes = _sizes_after(summary.sizes, items)
    after = deviation(sizes)
    moves = Counter(flow_name((item.from_role, item.to_role)) for item in items if item.from_role and item.to_role)
    enrolments = Counter(item.to_role for item in items if item.action is ItemAction.ENROL and item.to_role)
    left_out = summary.move_count + summary.enrolment_count - len(items)
    goal = policy.repair if summary.triggered else policy.trigger
    return replace(
        summary,
        target_sizes=sizes,
        moves=dict(moves),
        enrolments=dict(enrolments),
        deviation_after_percent=deviation_percent(sizes),
        is_repaired=after is None or after <= goal,
        certificate="",
        lower_bound=0,
        reasons=(*summary.reasons, f"{count_text(left_out, 'contact')} left out by a person"),
    )


def why_no_balance(summary: RebalancingSummary) -> str | None:
    """Why an edited plan is no rebalancing: the lists would miss the goal, and be less even than now. None: it is one."""
    before, after = deviation(summary.sizes), deviation(summary.target_sizes)
    if summary.is_repaired or before is None or after is None or after <= before:
        return None
    change = f"{percent_text(float(100 * before))} to {percent_text(float(100 * after))}"
    return f"what is left would make the lists less even: the deviation would go from {change}"


def _sizes_after(before: Sizes, items: Sequence[PlanItem]) -> Sizes:
    came = Counter(item.to_role for item in items)
    left = Counter(item.from_role for item in items)
    first, second, third = (size + came[role] - left[role] for role, size in zip(CAMPAIGN_LISTS, before, strict=True))
    return first, second, third
