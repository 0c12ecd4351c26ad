"""What a person's decision needs before it counts.

Belongs here: whether it is about the plan that was shown, and whether a question may be approved now. Does not belong here:
who may decide (``operations.people``), and what becomes of the decision (``operations.reviews.decisions``).
"""

from __future__ import annotations

from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, PlanKind, PlanStatus

HASH_CHARACTERS = 8
"""Fewest characters of a content hash that name a plan."""

_LET_THROUGH = (PlanStatus.APPROVED, PlanStatus.EXECUTED)


def is_as_shown(content_hash: str, shown: str) -> bool:
    """Whether a plan is the one that a person saw.

    Args:
        shown: the hash that was shown, or its first characters.
    """
    return len(shown) >= HASH_CHARACTERS and content_hash.startswith(shown)


def why_not_approvable(
    kind: PlanKind, status: PlanStatus, plan_id: int, *, was_rolled_back: bool
) -> tuple[str, str] | None:
    """Why a question about single contacts of a plan cannot be approved, and what to do instead, in words; None where it can.

    Args:
        was_rolled_back: the plan was carried out and taken back by itself.
    """
    if kind not in MAINTENANCE_PLANS:
        return f"it belongs to a correction ({kind.value})", "Ask for the correction once more instead"
    if status not in _LET_THROUGH:
        return f"its plan {plan_id} is {status.value}", "Decide on the plan first, if it waits"
    if kind is PlanKind.REBALANCING and was_rolled_back:
        return "its rebalancing was rolled back", "Reject it: the next campaign's rebalancing evens the lists"
    return None
