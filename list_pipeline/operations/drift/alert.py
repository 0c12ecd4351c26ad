"""The alert about drift on its way to Slack: once a reconciliation, and tried again by the next one when it did not arrive.

Belongs here: which alerts go out. Does not belong here: what is an alert (``reconciliation``), its words
(``core.drift.message``), and posting (``operations.messages.outbox``).
"""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.drift.findings import Finding
from list_pipeline.core.drift.message import drift_message
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import post, queue
from list_pipeline.storage.messages import Outgoing, unsent_alerts


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
