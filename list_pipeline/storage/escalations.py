"""Whom a plan that waits was escalated to, once a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.database import execute, fetch_all


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who was called in about a plan (Slack's id of a user or a group), and when (UTC)."""

    at: datetime
    to: str


def add(connection: Connection, plan_id: int, to: str, now: datetime) -> bool:
    """Note that somebody is called in; False: somebody was before."""
    return bool(
        execute(
            connection,
            """insert into plan_escalation (plan_id, escalated_at, escalated_to) values (:plan, :now, :to)
               on conflict (plan_id) do nothing""",
            plan=plan_id,
            now=now,
            to=to,
        )
    )


def of_plans(connection: Connection, plan_ids: Sequence[int]) -> Mapping[int, Escalation]:
    """The escalations of these plans, by plan."""
    found = fetch_all(
        connection,
        "select plan_id, escalated_at, escalated_to from plan_escalation where plan_id = any(:plans)",
        plans=list(plan_ids),
    )
    return {int(row["plan_id"]): Escalation(row["escalated_at"], row["escalated_to"]) for row in found}
