"""Content hashes of plans: by which somebody says which plan they saw."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from list_pipeline.core.plans.plan import Sweep
from list_pipeline.storage.database import fetch_all


def hashes(connection: Connection, plan_ids: Collection[int]) -> Mapping[int, str]:
    """The content hashes of plans, by plan; a plan that does not exist is missing."""
    rows = fetch_all(
        connection, "select plan_id, content_hash from plan where plan_id = any(:ids)", ids=sorted(set(plan_ids))
    )
    return {row["plan_id"]: row["content_hash"] for row in rows}


def hashes_after(connection: Connection, campaign_key: str, sweep: Sweep) -> frozenset[str]:
    """The content hashes of all plans of one look at a campaign."""
    rows = fetch_all(
        connection,
        """select p.content_hash from plan p join campaign_schedule s on s.id = p.campaign_id
           where s.campaign_key = :key and p.sweep = :sweep""",
        key=campaign_key,
        sweep=sweep.value,
    )
    return frozenset(row["content_hash"] for row in rows)


def hashes_about(connection: Connection, contact_id: int) -> frozenset[str]:
    """The content hashes of all plans that have an item about a contact."""
    rows = fetch_all(
        connection,
        """select distinct p.content_hash from plan p join plan_item i using (plan_id) where i.contact_id = :contact_id""",
        contact_id=contact_id,
    )
    return frozenset(row["content_hash"] for row in rows)
