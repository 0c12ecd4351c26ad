"""Who approved a plan so far, and how many have to: what is stored, judged by the settings of now."""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.reviews.approvals import Approvals, approvals_needed
from list_pipeline.operations.access import Deciding
from list_pipeline.storage import approvals as approval_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan


def approvals_in(services: Deciding, connection: Connection, plan: StoredPlan) -> Approvals:
    """Who approved a plan so far, and how many have to. An approval of somebody whom LIST_REVIEWERS names no more does not
    count."""
    allowed = services.settings.reviewers
    given = [
        one
        for one in approval_rows.of_plan(connection, plan.plan_id)
        if not allowed or one.person.casefold() in allowed
    ]
    return Approvals(tuple(given), approvals_needed(plan.gate, services.settings.list_approvals_over_cap))


def approvals_of(services: Deciding, plan: StoredPlan) -> Approvals:
    """``approvals_in`` in a transaction of its own."""
    with services.database.begin() as connection:
        return approvals_in(services, connection, plan)
