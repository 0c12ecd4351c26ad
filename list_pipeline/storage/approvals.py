"""Rows of approvals: one a plan and person. Once a plan was decided on, none is added.

Does not belong here: how many are needed (``core.reviews.approvals``), and the decision itself (``storage.plans.plan_rows``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.approvals import Approval, Way, person_key
from list_pipeline.storage.database import execute, fetch_all, fetch_scalar, require_one, sql_word


def add(connection: Connection, plan_id: int, person: str, way: Way | None, note: str | None, now: datetime) -> bool:
    """Keep a person's approval of a plan that waits, and hold the plan until the transaction ends: of two who approve at once
    the second one sees the first. Whether it is the person's first.

    Raises:
        StateChangedError: the plan does not wait any more.
    """
    held = fetch_scalar(
        connection,
        f"select 1 from plan where plan_id = :plan and status = {sql_word(PlanStatus.PENDING_REVIEW)} for update",
        plan=plan_id,
    )
    require_one(int(held is not None), f"Approving plan {plan_id}")
    return bool(
        execute(
            connection,
            """insert into plan_approval (plan_id, person_key, person, approved_at, way, note)
               values (:plan, :key, :person, :now, :way, :note) on conflict (plan_id, person_key) do nothing""",
            plan=plan_id,
            key=person_key(person),
            person=person,
            now=now,
            way=way,
            note=note,
        )
    )


def of_plan(connection: Connection, plan_id: int) -> tuple[Approval, ...]:
    """The approvals of a plan, oldest first."""
    found = fetch_all(
        connection,
        """select person, approved_at, way from plan_approval where plan_id = :plan order by approved_at, person_key""",
        plan=plan_id,
    )
    return tuple(Approval(row["person"], row["approved_at"], Way(row["way"]) if row["way"] else None) for row in found)
