"""The outcome of a plan: counted from the journal, closed when everything is settled, failures put before people.

Belongs here: what every kind of plan has in common after its execution. Does not belong here: the execution itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from list_pipeline.core.plans.journal import Outcomes, StepState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.operations.access import Storing
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import attempts as attempt_rows
from list_pipeline.storage.runs import ledger


@dataclass(frozen=True, slots=True)
class Executed(Outcomes):
    """The outcomes of a plan, with the number of its bulk jobs, and counted by reason or by action."""

    jobs: int = 0
    by_label: Mapping[str, Outcomes] = field(default_factory=dict)


def close(
    services: Storing, plan: StoredPlan, *, by: str, log_id: int | None = None, failure: str = "", deadline: str = ""
) -> Executed:
    """Count what became of a plan, mark it executed once nothing is open, and queue what failed.

    Args:
        by: what outcomes are counted by: ``reason`` or ``action``.
        log_id: the row of the ledger that failures are written to, under the plan's kind, with ``failure`` as the words,
            or with ``deadline`` where the time was over.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        outcomes = outcome_rows.outcomes(connection, plan.plan_id)
        is_decided = plan.status in (PlanStatus.APPROVED, PlanStatus.EXECUTED)
        if is_decided and plan.executed_at is None and not outcomes.open:
            plan_rows.mark_executed(connection, plan.plan_id, now)
        too_late = attempt_rows.left_by_deadline(connection, plan.plan_id)
        failed = {step.contact_id for step in journal.steps_of(connection, plan.plan_id, StepState.FAILED)}
        for contact_id in sorted(failed):
            plan_rows.add_review_item(
                connection,
                campaign_id=plan.campaign_id,
                plan_id=plan.plan_id,
                kind=ReviewKind.FAILED_ITEM,
                contact_id=contact_id,
                summary=f"Contact {contact_id} was not begun before the deadline of its run"
                if contact_id in too_late
                else f"Contact {contact_id} could not be changed at Mailjet in three attempts",
                details={"plan": plan.plan_id},
                now=now,
            )
        if outcomes.failed and log_id is not None:
            if too_late:
                ledger.note_deadline(connection, log_id, plan.kind.value, deadline, outcomes.failed, now)
            else:
                ledger.add_error(connection, log_id, plan.kind.value, failure, outcomes.failed)
        by_label = outcome_rows.outcomes_by(connection, plan.plan_id, by)
        jobs = outcome_rows.jobs_of(connection, plan.plan_id)
    return Executed(**asdict(outcomes), jobs=jobs, by_label=by_label)
