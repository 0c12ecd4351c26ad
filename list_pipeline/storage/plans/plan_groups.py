"""A plan counted: how many contacts it treats alike, and for what reason. No contact is named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.storage.database import fetch_all, fetch_scalar, sql_word

ASKED_ALONE = f"""(i.is_held or exists (select from review_item r where r.plan_id = i.plan_id
    and r.contact_id = i.contact_id and r.kind = {sql_word(ReviewKind.PLAN)}))"""
"""Of an item ``i``: a person is asked about this contact alone. It was held when the plan was made, or the gate let the plan
through without it, because its confidence is below the automatic band."""


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Contacts of a plan that are treated alike. ``waits``: for a person, whatever becomes of the rest.

    ``example``: the plan's own sentence about one of them. ``confidence``: their mean, from 0 to 1; None: they have none.
    """

    action: ItemAction
    rule: str
    from_list: ListRole | None
    to_list: ListRole | None
    waits: bool
    contacts: int
    confidence: float | None
    example: str


def groups_of(connection: Connection, plan_id: int) -> tuple[PlanGroup, ...]:
    """The groups of a plan: those that change something first, then the largest."""
    found = fetch_all(
        connection,
        f"""
        select action, rule, from_role, to_role, waits, count(*) as contacts, avg(confidence) as confidence,
               min(explanation) as example
        from (select i.*, {ASKED_ALONE} as waits from plan_item i where i.plan_id = :id) items
        group by action, rule, from_role, to_role, waits
        order by action in ('monitor', 'keep'), waits, count(*) desc, action, rule
        """,
        id=plan_id,
    )
    return tuple(
        PlanGroup(
            ItemAction(row["action"]),
            row["rule"],
            ListRole(row["from_role"]) if row["from_role"] else None,
            ListRole(row["to_role"]) if row["to_role"] else None,
            row["waits"],
            int(row["contacts"]),
            None if row["confidence"] is None else float(row["confidence"]),
            row["example"],
        )
        for row in found
    )


def asked_alone(connection: Connection, plan_id: int, contact_ids: Collection[int]) -> frozenset[int]:
    """Those of some contacts of a plan about whom a person is asked alone."""
    found = fetch_all(
        connection,
        f"select i.contact_id from plan_item i where i.plan_id = :id and i.contact_id = any(:ids) and {ASKED_ALONE}",
        id=plan_id,
        ids=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def reason_of_decision(connection: Connection, plan_id: int) -> str | None:
    """Why a person decided on a plan as they did, in their words; None: nobody did, or nothing was said."""
    found = fetch_scalar(
        connection,
        """
        select max(r.note) from review_item r join plan p using (plan_id)
        where plan_id = :id and r.kind = 'plan' and r.decided_at = p.decided_at and r.decided_by = p.decided_by
        """,
        id=plan_id,
    )
    return None if found is None else str(found)


def newer_revision(connection: Connection, plan_id: int) -> int | None:
    """The latest plan that stands in the place of this one; None: this is the latest."""
    found = fetch_scalar(
        connection,
        """
        select max(n.plan_id) from plan p join plan n
               on n.campaign_id = p.campaign_id and n.kind = p.kind and n.sweep is not distinct from p.sweep
        where p.plan_id = :id and n.revision > p.revision
        """,
        id=plan_id,
    )
    return None if found is None else int(found)
