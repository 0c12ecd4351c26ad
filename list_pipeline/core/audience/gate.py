"""The gate of a plan that divides a new audience: it always waits for a person, in every mode.

The checks are those of a rebalancing, as far as they concern enrolments: the sizes are counted again out of the items.
"""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateDecision, GateOutcome
from list_pipeline.core.plans.plan import PlanItem
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, judge_rebalancing
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.wording import WAITS

_SHARED = ("flag", "actions", "once", "never_moved", "sizes", "automations")


def judge_split(
    items: Sequence[PlanItem],
    summary: SplitSummary,
    *,
    never_enrol: frozenset[int],
    flag_enabled: bool,
    automations: Automations,
    policy: RebalancingPolicy,
) -> GateDecision:
    """What the gate says of dividing an audience: it is refused, or waits for a person.

    Args:
        never_enrol: contacts that are suppressed, unsubscribed, excluded or erased. flag_enabled: whether
            LIST_MANAGEMENT_ENABLED is on.
    """
    facts = RebalancingGateFacts(
        items=tuple(items),
        sizes_before=summary.sizes,
        sizes_after=summary.target_sizes,
        never_move=never_enrol,
        is_best_reachable=True,
        # Whatever the mode is, a person decides.
        mode=Mode.APPROVAL_REQUIRED,
        flag_enabled=flag_enabled,
        automations=automations,
    )
    judged = judge_rebalancing(facts, policy)
    words = f"Dividing a new audience always {WAITS}."
    asked = GateCheck("asked", False, CheckSeverity.WARNING, words)
    checks = (*(one for one in judged.checks if one.name in _SHARED), asked)
    if judged.outcome is GateOutcome.REFUSED:
        return GateDecision(GateOutcome.REFUSED, checks, (), (), alert=judged.alert)
    everybody = tuple(sorted({item.contact_id for item in items}))
    return GateDecision(GateOutcome.NEEDS_REVIEW, checks, (), everybody, alert=False)
