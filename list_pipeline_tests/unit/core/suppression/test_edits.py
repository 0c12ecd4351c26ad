"""The figures of a suppression plan that a person edited."""

from __future__ import annotations

from dataclasses import replace

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.suppression.edits import summary_of_left
from list_pipeline.core.suppression.plan import SuppressionBreakdown, SuppressionSummary
from list_pipeline.core.suppression.verdicts import SuppressionRule

WHOLE = SuppressionSummary(
    recipients=100,
    contacts=9,
    suppress=SuppressionBreakdown(9, 9, 9, 9, 36),
    held=9,
    monitor=1,
    keep=0,
    by_class={BounceClass.HARD: 9},
    by_rule={SuppressionRule.HARD_BOUNCE: 9},
    sender_faults=(),
    not_evidence=(),
    incidents=(),
    complaint_rate_percent=1.0,
    disagreements=3,
)


def suppress(contact_id: int, rule: SuppressionRule, *, held: bool = False) -> PlanItem:
    return PlanItem(contact_id, ItemAction.SUPPRESS, rule=rule.value, to_role=ListRole.SUPPRESSION, is_held=held)


def test_whom_the_rest_suppresses_holds_and_watches_is_counted_again_and_what_failed_stays() -> None:
    items = [
        suppress(1, SuppressionRule.HARD_BOUNCE),
        suppress(2, SuppressionRule.HARD_BOUNCE),
        suppress(3, SuppressionRule.HARD_BOUNCE, held=True),
        suppress(4, SuppressionRule.SECOND_HIT),
        suppress(5, SuppressionRule.SOFT_PATTERN),
        suppress(6, SuppressionRule.COMPLAINT),
        suppress(7, SuppressionRule.COMPLAINT),
        PlanItem(8, ItemAction.MONITOR, rule=SuppressionRule.SECOND_HIT.value),
    ]
    found = summary_of_left(WHOLE, items)
    assert found == replace(
        WHOLE,
        contacts=8,
        suppress=SuppressionBreakdown(2, 1, 1, 2, 6),
        held=1,
        by_rule={
            SuppressionRule.HARD_BOUNCE: 3,
            SuppressionRule.SECOND_HIT: 2,
            SuppressionRule.SOFT_PATTERN: 1,
            SuppressionRule.COMPLAINT: 2,
        },
    )
