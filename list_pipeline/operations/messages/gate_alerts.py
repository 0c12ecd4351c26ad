"""The alert about a plan that a gate did not let through: one, whatever made the plan.

Belongs here: gathering its facts and handing it to the outbox. Does not belong here: its words (``core.reviews.messages``),
and whether somebody should look at a plan soon (the gates in ``core``).
"""

from __future__ import annotations

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.messages import keys
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.messages import gate_message
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.asking import asked_with_buttons
from list_pipeline.operations.messages.outbox import Delivery, deliver
from list_pipeline.storage import audience_batches
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan


def tell_gate_alert(services: Telling, plan_id: int) -> Delivery:
    """Tell in the words of its gate why a plan is not carried out: once a plan, with what decides on it where that can be done,
    in the thread of its campaign and in the channel."""
    with services.database.begin() as connection:
        plan = plan_rows.existing_plan(connection, plan_id)
        about = review_rows.campaign_key_of(connection, plan_id) if plan.campaign_id is not None else ""
        waits = plan.status is PlanStatus.PENDING_REVIEW
        failed = [check.words for check in plan.gate.checks if not check.passed] if plan.gate is not None else []
        if isinstance(plan.summary, SplitSummary):
            batches = audience_batches.of_plan(connection, plan_id)
            failed += [f"{words}." for words in (*(one.words for one in batches), *plan.summary.remarks)]
        asked = _asked(plan, plan_rows.changes_if_approved(connection, plan_id))
        message = gate_message(plan.kind, plan_id, plan.content_hash, about, failed, waits=waits, asked=asked)
        if waits:
            message = asked_with_buttons(services, connection, message, plan)
    return deliver(
        services,
        keys.gate_alert(plan_id),
        message,
        campaign_id=plan.campaign_id,
        thread_key=keys.campaign_thread_if_any(plan.campaign_id),
        important=True,
        broadcast=True,
    )


def _asked(plan: StoredPlan, changes: int) -> str:
    """Who asked for a plan, what it would do and why, as a sentence; empty: nobody did."""
    if not plan.requested_by:
        return ""
    match plan.kind:
        case PlanKind.IMPORT:
            what = f"to suppress {count_text(changes, 'contact')}"
        case PlanKind.QUARANTINE:
            what = f"to keep {count_text(changes, 'contact')} from mail for a while"
        case PlanKind.SPLIT:
            what = f"to divide a new audience of {count_text(changes, 'contact')} over the campaign lists"
        case _:
            what = f"for {count_text(changes, 'change')}"
    return f"{plan.requested_by} asks {what}" + (f": {plan.note}" if plan.note else "")
