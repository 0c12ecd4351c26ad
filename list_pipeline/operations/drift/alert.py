"""The alert about drift on its way to Slack: once a reconciliation, and tried again by the next one when it did not arrive.

Belongs here: which alerts go out, and that what is over is said. Does not belong here: what is an alert (``reconciliation``),
its words (``core.drift.message``), and posting (``operations.messages.outbox``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from list_pipeline.core.drift.findings import Finding
from list_pipeline.core.drift.message import drift_message
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.core.plans.plan import CHANGING_ACTIONS
from list_pipeline.core.reviews.messages import PlanDecision, decision_message, ended_message
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver, post, queue
from list_pipeline.storage.messages import Outgoing, unsent_alerts
from list_pipeline.storage.plans import plan_rows

NOT_NEEDED = "nobody needs it any more"
NO_LONGER_SO = "it is no longer so at Mailjet"


def tell(
    services: Telling,
    reconciliation_id: int,
    findings: Sequence[Finding],
    proposals: Sequence[tuple[int, str]],
    stopped_because: str | None,
) -> DeliveryState | None:
    """Send the alert of a reconciliation, and those that did not arrive before. A failure of Slack fails nothing.

    Returns:
        What became of this one's; None when there was nothing to tell.
    """
    key = keys.reconciliation(reconciliation_id)
    if findings or proposals or stopped_because:
        message = drift_message(findings, proposals, stopped_because)
        with services.database.begin() as connection:
            # Broken rules and stopped changes: people have to know, also while Slack is down.
            outgoing = Outgoing(
                key, message.text, message.blocks, is_important=True, is_broadcast=bool(stopped_because)
            )
            queue(services, connection, outgoing)
    with services.database.begin() as connection:
        waiting = unsent_alerts(connection)
    states = {row.message_key: post(services, row).state for row in waiting}
    return states.get(key)


def tell_over(services: Telling, expired: Sequence[int], fine: Mapping[int, str]) -> None:
    """Tell once what a reconciliation found to be over.

    Args:
        expired: repair plans that nobody needs any more. fine: numbers and words of notes about rules that hold again.
    """
    with services.database.begin() as connection:
        plans = [plan_rows.existing_plan(connection, plan_id) for plan_id in expired]
        counts = {one.plan_id: len(plan_rows.plan_items(connection, one.plan_id, CHANGING_ACTIONS)) for one in plans}
    for plan in plans:
        words = f"{NOT_NEEDED[:1].upper()}{NOT_NEEDED[1:]}."
        decision = PlanDecision(plan.plan_id, plan.kind, plan.status, "", "nobody", "", counts[plan.plan_id], words)
        deliver(services, keys.decision(plan.plan_id, plan.status), decision_message(decision))
    for review_id, summary in fine.items():
        deliver(services, keys.finding_closed(review_id), ended_message(review_id, summary, NO_LONGER_SO))
