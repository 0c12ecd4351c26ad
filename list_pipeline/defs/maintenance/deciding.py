"""What a person needs to decide on a plan in the UI: its number, its hash, the questions that are open, a launchpad filled in.

Belongs here: that as metadata of an asset, and the check that shows a plan which waits. Does not belong here: the jobs that
write a decision down (``defs.reviews.decisions``), and what a gate saw (``gate_checks``).
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.wording import WAITS, count_text
from list_pipeline.defs import metadata as md
from list_pipeline.operations.messages.links import HASH_SHOWN, decide_item_path, decide_path
from list_pipeline.operations.services import Services
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import OpenReview

DECIDED = "decided"
"""The check of a gate that shows a plan which waits: a run that only waits is green otherwise."""


def decision_metadata(services: Services, *plans: StoredPlan | None) -> dict[str, dg.MetadataValue]:
    """Number and hash of plans, the open questions about them, and where each is decided; paths of this webserver itself."""
    found = [plan for plan in plans if plan is not None]
    if not found:
        return {}
    with services.database.begin() as connection:
        numbers = {plan.plan_id for plan in found}
        asked = [item for item in review_rows.open_reviews(connection) if item.plan_id in numbers]
    shown: dict[str, dg.MetadataValue] = {
        "plan": md.text(", ".join(f"{plan.plan_id} ({plan.kind.value}, {plan.status.value})" for plan in found)),
        "content hash": md.text(", ".join(plan.content_hash[:HASH_SHOWN] for plan in found)),
        "waits for a person": md.lines([_question(item) for item in asked]),
    }
    for plan in found:
        if plan.status is PlanStatus.PENDING_REVIEW:
            path = decide_path(plan.plan_id, plan.content_hash)
            shown[f"decide on plan {plan.plan_id}"] = dg.MetadataValue.url(path)
    for item in _by_itself(asked, found):
        path = decide_item_path(item.review_id, item.content_hash or "")
        shown[f"decide on question {item.review_id}"] = dg.MetadataValue.url(path)
    return shown


def _question(item: OpenReview) -> str:
    about = f"{count_text(item.contacts, 'contact')}: " if item.contacts else ""
    return f"question {item.review_id}, {about}{item.summary}"


_MOST_LINKS = 10


def _by_itself(asked: Sequence[OpenReview], plans: Sequence[StoredPlan]) -> Sequence[OpenReview]:
    """Questions that are decided without deciding on a whole plan; whom a plan that waits is in doubt about goes with it."""
    waiting = {plan.plan_id for plan in plans if plan.status is PlanStatus.PENDING_REVIEW}
    return [item for item in asked if item.is_alone(waiting)][:_MOST_LINKS]


def decided_check_spec(asset: str) -> dg.AssetCheckSpec:
    """The check of a gate's asset that no person has to decide."""
    return dg.AssetCheckSpec(DECIDED, asset=asset, description="No person has to decide on the plan.")


def decided_check_result(plan: StoredPlan | None, campaign_key: str) -> dg.AssetCheckResult:
    """A warning while a plan waits, with its number."""
    is_waiting = plan is not None and plan.status is PlanStatus.PENDING_REVIEW
    words = "There is no plan yet: a decision on an earlier one is awaited, or nothing is to be planned."
    if plan is not None:
        words = f"Plan {plan.plan_id} {WAITS}." if is_waiting else f"Plan {plan.plan_id} is {plan.status.value}."
    return dg.AssetCheckResult(
        check_name=DECIDED,
        passed=not is_waiting,
        severity=dg.AssetCheckSeverity.WARN,
        description=words,
        metadata={"campaign": campaign_key},
    )
