"""Questions to people: single ones found, decided and marked as done, overdue ones, and who waits because of them.

Belongs here: the rows of ``review_item`` once they were asked, and the view of contacts who wait. Does not belong here:
asking (``storage.plans``), and who may decide (``operations.reviews.decisions``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_row, fetch_scalar

_ABOUT_CONTACTS = "(r.kind in ('incident', 'failed_item') or r.kind = 'plan' and r.contact_id is not null)"
"""Questions about single contacts, as opposed to those about a whole plan and to news."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A question. ``contact_ids`` are those it is about: one, or all of an incident; none when it is about a whole plan.

    ``executed_at``: when what was approved was carried out.
    """

    review_id: int
    campaign_id: int | None
    plan_id: int | None
    kind: str
    contact_ids: tuple[int, ...]
    summary: str
    status: str
    decided_at: datetime | None
    decided_by: str | None
    executed_at: datetime | None

    @property
    def is_about_contacts(self) -> bool:
        """Whether it can be decided without deciding on a whole plan."""
        return self.kind in ("incident", "failed_item") or (self.kind == "plan" and bool(self.contact_ids))


@dataclass(frozen=True, slots=True)
class WaitingContact:
    """A contact for whom a decision is awaited: what a plan intends, and since when (UTC)."""

    contact_id: int
    plan_id: int
    kind: PlanKind
    action: ItemAction
    campaign_key: str | None
    waiting_since: datetime


_COLUMNS = """r.review_id, r.campaign_id, r.plan_id, r.kind, r.contact_id, r.details, r.summary, r.status, r.decided_at,
              r.decided_by, r.executed_at"""


def review_by_id(connection: Connection, review_id: int) -> ReviewItem | None:
    """A question, or None."""
    row = fetch_one(connection, f"select {_COLUMNS} from review_item r where r.review_id = :id", id=review_id)
    return _review(row) if row is not None else None


def _review(row: RowMapping) -> ReviewItem:
    values = dict(row)
    contact_id, details = values.pop("contact_id"), values.pop("details")
    found: Sequence[Any] = [contact_id] if contact_id is not None else details.get("contact_ids", ())
    return ReviewItem(**values, contact_ids=tuple(map(int, found)))


def decide_review(
    connection: Connection, review_id: int, status: str, by: str, note: str | None, now: datetime
) -> ReviewItem | None:
    """Write the decision on a question that is still open. None: somebody else decided in between."""
    row = fetch_one(
        connection,
        f"""update review_item r set status = :status, decided_at = :now, decided_by = :by, note = :note
            where r.review_id = :id and r.status = 'open' returning {_COLUMNS}""",
        id=review_id,
        status=status,
        by=by,
        note=note,
        now=now,
    )
    return _review(row) if row is not None else None


def close_questions(connection: Connection, plan_id: int, status: str, by: str, note: str | None, now: datetime) -> int:
    """Close what a plan asked when the plan itself is turned down or expires, also what was approved and not yet done.

    What failed stays open: it says how the lists are, whatever became of the plan.
    """
    return execute(
        connection,
        """
        update review_item set status = :status, decided_at = :now, decided_by = :by, note = :note
        where plan_id = :plan and kind in ('plan', 'incident')
          and (status = 'open' or status = 'approved' and executed_at is null)
        """,
        plan=plan_id,
        status=status,
        by=by,
        note=note,
        now=now,
    )


def overdue_plans(connection: Connection, before: datetime) -> tuple[int, ...]:
    """Plans that wait for a person since before an instant (UTC), oldest first."""
    found = fetch_all(
        connection,
        """
        select p.plan_id from plan p
        where p.status = 'pending_review' and :before > coalesce(
            (select max(r.created_at) from review_item r
             where r.plan_id = p.plan_id and r.kind = 'plan' and r.contact_id is null), p.created_at)
        order by p.plan_id
        """,
        before=before,
    )
    return tuple(int(row["plan_id"]) for row in found)


def expire_questions(connection: Connection, before: datetime, now: datetime) -> tuple[int, ...]:
    """Expire open questions about suppressing single contacts that were asked before an instant (UTC); their numbers.

    Those of a plan that waits go with their plan, and what failed stays open.
    """
    found = fetch_all(
        connection,
        """
        update review_item r set status = 'expired', decided_at = :now, decided_by = 'nobody'
        from plan p
        where p.plan_id = r.plan_id and p.status <> 'pending_review' and r.status = 'open' and r.created_at < :before
          and (r.kind = 'incident' or r.kind = 'plan' and r.contact_id is not null)
        returning r.review_id
        """,
        before=before,
        now=now,
    )
    return tuple(sorted(int(row["review_id"]) for row in found))


def approved_items(connection: Connection, plan_id: int) -> tuple[ReviewItem, ...]:
    """Questions about single contacts of a plan that were approved and not carried out yet, oldest first."""
    found = fetch_all(
        connection,
        f"""select {_COLUMNS} from review_item r
            where r.plan_id = :plan and r.status = 'approved' and r.executed_at is null and {_ABOUT_CONTACTS}
            order by r.review_id""",
        plan=plan_id,
    )
    return tuple(_review(row) for row in found)


def plans_to_continue(connection: Connection) -> Mapping[int, datetime]:
    """Executed plans with approved questions that were not carried out, each with the newest approval's instant (UTC)."""
    found = fetch_all(
        connection,
        f"""
        select r.plan_id, max(r.decided_at) as decided_at from review_item r join plan p using (plan_id)
        where p.status = 'executed' and r.status = 'approved' and r.executed_at is null and {_ABOUT_CONTACTS}
        group by r.plan_id order by r.plan_id
        """,
    )
    return {int(row["plan_id"]): row["decided_at"] for row in found}


def mark_executed(connection: Connection, review_ids: Sequence[int], now: datetime) -> None:
    """Note that approved questions were carried out."""
    execute(
        connection,
        "update review_item set executed_at = :now where review_id = any(:ids) and executed_at is null",
        ids=list(review_ids),
        now=now,
    )


def was_rolled_back(connection: Connection, plan_id: int) -> bool:
    """Whether changes of a plan were taken back."""
    return bool(
        fetch_scalar(
            connection,
            """select exists (select 1 from change c join change r on r.reverses_change_id = c.change_id
                              where c.plan_id = :plan)""",
            plan=plan_id,
        )
    )


def campaign_key_of(connection: Connection, plan_id: int) -> str:
    """The campaign of a plan in words: its key, or the plan's number."""
    row = fetch_row(
        connection,
        f"plan {plan_id}",
        """select coalesce(s.campaign_key, 'plan ' || p.plan_id) as name from plan p
           left join campaign_schedule s on s.id = p.campaign_id where p.plan_id = :plan""",
        plan=plan_id,
    )
    return str(row["name"])


def contacts_waiting(connection: Connection) -> tuple[WaitingContact, ...]:
    """Everybody for whom a decision is awaited, by plan and contact."""
    found = fetch_all(
        connection,
        """
        select w.contact_id, w.plan_id, w.kind, w.action, s.campaign_key, w.waiting_since from contact_waiting w
        left join campaign_schedule s on s.id = w.campaign_id order by w.plan_id, w.contact_id
        """,
    )
    return tuple(
        WaitingContact(**{**row, "kind": PlanKind(row["kind"]), "action": ItemAction(row["action"])}) for row in found
    )
