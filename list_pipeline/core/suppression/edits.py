"""The figures of a suppression plan that a person edited (``core.plans.edits``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.suppression.plan import SuppressionBreakdown, SuppressionSummary
from list_pipeline.core.suppression.verdicts import SuppressionRule


def summary_of_left(summary: SuppressionSummary, items: Sequence[PlanItem]) -> SuppressionSummary:
    """The summary of what is left of a plan: whom it suppresses and holds is counted again, what failed and what was said about
    it stays.

    Args:
        items: those that are left, watched and kept contacts included.
    """
    rules = Counter(item.rule for item in items if item.action is ItemAction.SUPPRESS and not item.is_held)
    every = Counter(item.rule for item in items)
    return replace(
        summary,
        contacts=len(items),
        suppress=SuppressionBreakdown(
            hard_bounces=rules[SuppressionRule.HARD_BOUNCE.value],
            second_hits=rules[SuppressionRule.SECOND_HIT.value],
            soft_bounce_patterns=rules[SuppressionRule.SOFT_PATTERN.value],
            complaints=rules[SuppressionRule.COMPLAINT.value],
            total=rules.total(),
        ),
        held=sum(item.is_held for item in items),
        by_rule={rule: every[rule.value] for rule in SuppressionRule if every[rule.value]},
    )
