"""The outcome of a plan: counted from the journal, closed when everything is settled, failures put before people.

Belongs here: what every kind of plan has in common after its execution. Does not belong here: the execution itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import Outcomes, StepState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.operations.access import Changing, Storing
from list_pipeline.storage import reviews as review_rows
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


def ask_about_failed(
    connection: Connection, plan: StoredPlan, contact_ids: Sequence[int], what: str, now: datetime
) -> None:
    """Ask people about contacts that failed: few of them one by one, many in one question that is decided at once.

    Args:
        what: what became of one of them, as the end of a sentence.
    """
    groups = [list(contact_ids)] if len(contact_ids) > EXECUTION.single_questions else [[one] for one in contact_ids]
    for group in groups:
        first = group[0]
        summary = (
            f"Contact {first} {what}"
            if len(group) == 1
            else f"{len(group)} contacts ({first}, ...) {what.replace('was ', 'were ', 1)}"
        )
        plan_rows.add_review_item(
            connection,
            campaign_id=plan.campaign_id,
            plan_id=plan.plan_id,
            kind=ReviewKind.FAILED_ITEM,
            contact_id=first if len(group) == 1 else None,
            summary=summary,
            details={"plan": plan.plan_id} if len(group) == 1 else {"plan": plan.plan_id, "contact_ids": group},
            now=now,
        )


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
        if plan.status is PlanStatus.APPROVED and not outcomes.open:
            plan_rows.mark_executed(connection, plan.plan_id, now)
        too_late = attempt_rows.left_by_deadline(connection, plan.plan_id)
        failed = {step.contact_id for step in journal.steps_of(connection, plan.plan_id, StepState.FAILED)}
        asked = review_rows.asked_as_failed(connection, plan.plan_id)
        new = sorted(failed - asked - review_rows.asked_of_other_looks(connection, plan.plan_id))
        late = [contact_id for contact_id in new if contact_id in too_late]
        ask_about_failed(connection, plan, late, "was not begun before the deadline of its run", now)
        others = [contact_id for contact_id in new if contact_id not in too_late]
        ask_about_failed(connection, plan, others, "could not be changed at Mailjet in three attempts", now)
        if outcomes.failed and log_id is not None:
            if too_late:
                ledger.note_deadline(connection, log_id, plan.kind.value, deadline, outcomes.failed, now)
            else:
                ledger.add_error(connection, log_id, plan.kind.value, failure, outcomes.failed)
        by_label = outcome_rows.outcomes_by(connection, plan.plan_id, by)
        jobs = outcome_rows.jobs_of(connection, plan.plan_id)
    return Executed(**asdict(outcomes), jobs=jobs, by_label=by_label)


def keep_history(services: Changing, plan_id: int, log_id: int | None) -> None:
    """Write into the history who was suppressed by a plan so far; repeating adds nobody.

    Args:
        log_id: the attempt that did it; None: of a plan that belongs to no maintenance.
    """
    with services.database.begin() as connection:
        list_ids = {role.value: list_id for role, list_id in services.list_ids.by_role().items()}
        outcome_rows.write_history(connection, plan_id, log_id, list_ids, services.clock.now())
