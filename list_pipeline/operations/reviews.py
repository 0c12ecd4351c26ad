"""A person's decision on a plan that waits. The sensor picks the campaign up again afterwards."""

from __future__ import annotations

import structlog

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans import PlanStatus, transition
from list_pipeline.operations.services import Services
from list_pipeline.storage import plans
from list_pipeline.storage.plans import StoredPlan

log = structlog.get_logger(__name__)


def approve(services: Services, plan_id: int, *, by: str, content_hash: str, note: str | None = None) -> StoredPlan:
    """Let a waiting plan through: exactly the one that was shown.

    Args:
        by: who decides, for the record.
        content_hash: the hash that was shown, or its first characters (eight at least).

    Raises:
        NotFoundError: there is no such plan.
        RefusedError: it does not wait, or it is another plan than the one that was shown.
    """
    plan = _find(services, plan_id, "Approving")
    if len(content_hash) < 8 or not plan.content_hash.startswith(content_hash):
        raise RefusedError(
            f"Approving plan {plan_id}",
            "its content hash is another than the one given",
            "Look at the plan again: `list-pipeline reviews` shows it with its hash",
        )
    return _decide(services, plan, PlanStatus.APPROVED, by, note)


def reject(services: Services, plan_id: int, *, by: str, note: str | None = None) -> StoredPlan:
    """Turn a waiting plan down: nothing of it is done, and the campaign's maintenance goes on without it.

    Raises:
        NotFoundError: there is no such plan.
        RefusedError: it does not wait.
    """
    return _decide(services, _find(services, plan_id, "Rejecting"), PlanStatus.REJECTED, by, note)


def _find(services: Services, plan_id: int, verb: str) -> StoredPlan:
    with services.database.begin() as connection:
        plan = plans.plan_by_id(connection, plan_id)
    if plan is None:
        raise NotFoundError(
            f"{verb} plan {plan_id}", "there is no such plan", "`list-pipeline reviews` lists what waits"
        )
    if plan.status is not PlanStatus.PENDING_REVIEW:
        raise RefusedError(
            f"{verb} plan {plan_id}", f"it is {plan.status.value}", "Only a plan that waits can be decided"
        )
    return plan


def _decide(services: Services, plan: StoredPlan, wanted: PlanStatus, by: str, note: str | None) -> StoredPlan:
    if by in ("", "gate", "nobody"):
        raise RefusedError(f"Deciding on plan {plan.plan_id}", "a person has to be named", "Say who decides")
    status, now = transition(plan.status, wanted), services.clock.now()
    with services.database.begin() as connection:
        if not plans.decide(connection, plan.plan_id, plan.status, status, by, now):
            raise RefusedError(
                f"Deciding on plan {plan.plan_id}", "somebody else was faster", "Look at it again; it no longer waits"
            )
        plans.decide_reviews(connection, plan.plan_id, "plan", status.value, by, note, now)
        decided = plans.plan_by_id(connection, plan.plan_id)
    log.info("plan decided", plan=plan.plan_id, status=status.value, by=by)
    if decided is None:
        raise AssertionError("the plan was just there")
    return decided
