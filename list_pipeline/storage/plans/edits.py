"""Edits of plans: who left whom out and why, and what goes on under the edited plan.

Does not belong here: writing the edited plan itself (``plan_rows``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.reviews.questions import REVIEW_LIFE, ReviewKind, ReviewStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_one, left_for, sql_list, sql_word, to_json
from list_pipeline.storage.plans.plan_rows import StoredPlan

_PLAN, _INCIDENT, _FAILED = map(sql_word, (ReviewKind.PLAN, ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM))


@dataclass(frozen=True, slots=True)
class PlanEditRow:
    """An edit. ``plan_id``: the plan that came of it; ``edited_plan_id``: the one that was edited. ``edited_at``: UTC."""

    plan_id: int
    edited_plan_id: int
    edited_by: str
    reason: str
    edited_at: datetime
    contact_ids: tuple[int, ...]


def keep_edit(
    connection: Connection,
    edited: StoredPlan,
    made: StoredPlan,
    by: str,
    reason: str,
    out: Sequence[int],
    now: datetime,
) -> None:
    """Write down who left whom out of a plan, and why; each of them stands as rejected by that person."""
    execute(
        connection,
        """insert into plan_edit (plan_id, edited_plan_id, edited_by, reason, edited_at, contact_ids)
           values (:made, :edited, :by, :reason, :now, :out)""",
        made=made.plan_id,
        edited=edited.plan_id,
        by=by,
        reason=reason,
        now=now,
        out=list(out),
    )
    execute(
        connection,
        f"""insert into review_item (campaign_id, plan_id, contact_id, kind, summary, details, status, created_at, decided_at,
                   decided_by, note)
            select :campaign, :plan, o.contact_id, {_PLAN}, 'Contact ' || o.contact_id || ' was left out of the plan',
                   cast(:details as jsonb), :rejected, :now, :now, :by, :reason
            from unnest(cast(:out as bigint[])) as o (contact_id)""",
        campaign=edited.campaign_id,
        plan=edited.plan_id,
        details=to_json({"content_hash": edited.content_hash}),
        rejected=ReviewStatus.REJECTED,
        now=now,
        by=by,
        reason=reason,
        out=list(out),
    )


def edit_of(connection: Connection, plan_id: int) -> PlanEditRow | None:
    """The edit that a plan came of, or None."""
    row = fetch_one(
        connection,
        """select plan_id, edited_plan_id, edited_by, reason, edited_at, contact_ids from plan_edit where plan_id = :id""",
        id=plan_id,
    )
    return PlanEditRow(**{**row, "contact_ids": tuple(row["contact_ids"])}) if row is not None else None


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """A question about the contacts of an incident that nobody answered yet. ``details``: as it is stored."""

    summary: str
    details: dict[str, object]
    contact_ids: tuple[int, ...]


def open_incidents(connection: Connection, plan_id: int) -> Sequence[OpenIncident]:
    """The questions about incidents of a plan that nobody answered yet."""
    found = fetch_all(
        connection,
        f"""select summary, details from review_item
            where plan_id = :plan and kind = {_INCIDENT} and status = {sql_word(ReviewStatus.OPEN)} order by review_id""",
        plan=plan_id,
    )
    return tuple(
        OpenIncident(row["summary"], dict(row["details"]), tuple(map(int, row["details"].get("contact_ids", ()))))
        for row in found
    )


def close_questions(connection: Connection, plan_id: int, by: str, note: str, now: datetime) -> int:
    """What was asked about an edited plan is over; it is asked anew about the plan that came of it."""
    return execute(
        connection,
        f"""update review_item set status = :resolved, decided_at = :now, decided_by = :by, note = :note
            where plan_id = :plan and kind in {sql_list(ReviewKind.PLAN, ReviewKind.INCIDENT)}
              and status in {left_for(REVIEW_LIFE, ReviewStatus.RESOLVED, ReviewStatus.OPEN)}""",
        plan=plan_id,
        resolved=ReviewStatus.RESOLVED,
        by=by,
        note=note,
        now=now,
    )


def begun_contacts(connection: Connection, plan_id: int) -> Collection[int]:
    """The contacts of a plan that stand in the journal."""
    found = fetch_all(connection, "select contact_id from change where plan_id = :plan", plan=plan_id)
    return frozenset(int(row["contact_id"]) for row in found)


def take_journal_over(connection: Connection, edited_plan_id: int, plan_id: int) -> None:
    """What was carried out of an edited plan goes on under the plan that came of it: an undo finds it there, and what failed is
    tried again there. All of its contacts are in that plan."""
    for table in ("change", "mailjet_job"):
        execute(
            connection,
            f"update {table} set plan_id = :made where plan_id = :edited",
            made=plan_id,
            edited=edited_plan_id,
        )
    execute(
        connection,
        f"update review_item set plan_id = :made where plan_id = :edited and kind = {_FAILED}",
        made=plan_id,
        edited=edited_plan_id,
    )
