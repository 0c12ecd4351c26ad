"""Questions to people in tests: asked, found, decided and carried out."""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.reviews.approved_items import execute_approved_items
from list_pipeline.operations.reviews.decisions import approve_item
from list_pipeline.operations.reviews.pending_contacts import contacts_waiting
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly

JOB = "/contact/managemanycontacts"
SUPPRESSED = (*HARD, COMPLAINED)
PLAN, REBALANCING = PlanKind.SUPPRESSION, PlanKind.REBALANCING


def hold(made: Installation, *numbers: int) -> None:
    """Plan, and write down what an incident at the domain of these people writes down."""
    plan = suppression.plan_suppression(made.services, made.observe())
    ids = sorted(made.account.ids(*numbers))
    with made.services.database.begin() as connection:
        connection.exec_driver_sql(
            "update plan_item set is_held = true where plan_id = %s and contact_id = any(%s)", (plan.plan_id, ids)
        )
        plan_rows.add_review_item(
            connection,
            campaign_id=plan.campaign_id,
            plan_id=plan.plan_id,
            kind="incident",
            summary="3 of 4 contacts that worked before bounced hard at company-9.example.com",
            details={"group": "company-9.example.com", "kind": "domain", "contact_ids": ids},
            now=made.clock.now(),
        )


def question(made: Installation, kind: str, contact_id: int | None = None) -> int:
    """The number of the one open question of a kind."""
    ((review_id,),) = made.query(
        "select review_id from review_item where kind = :kind and status = 'open'"
        " and (cast(:contact as bigint) is null or contact_id = :contact)",
        kind=kind,
        contact=contact_id,
    )
    return int(review_id)


def status_of(made: Installation, review_id: int) -> tuple[str, bool]:
    """Its status, and whether it was carried out."""
    ((status, executed_at),) = made.query(
        "select status, executed_at from review_item where review_id = :id", id=review_id
    )
    return str(status), executed_at is not None


def approve_question(made: Installation, kind: str, contact_id: int | None = None) -> tuple[StoredPlan, int]:
    review_id = question(made, kind, contact_id)
    plan = made.plan(PLAN)
    approve_item(made.services, review_id, by="ada", content_hash=plan.content_hash[:8])
    return plan, review_id


def carry_out(made: Installation, kind: PlanKind = PLAN) -> None:
    execute_approved_items(made.services, made.plan(kind).plan_id, quietly)


def waiting(made: Installation) -> set[int]:
    return {one.contact_id for one in contacts_waiting(made.services)}


def failed(made: Installation, kind: PlanKind) -> Sequence[int]:
    return sorted({step.contact_id for step in made.steps(kind) if step.state == "failed"})
