"""The alert about drift on its way to Slack: once a reconciliation, and tried again by the next one when it did not arrive.

Belongs here: the outbox of these alerts. Does not belong here: what is an alert (``reconciliation``) and its words
(``core.drift_message``).
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import RowMapping

from list_pipeline.core.drift import Finding
from list_pipeline.core.drift_message import drift_message
from list_pipeline.core.errors import IntegrationError
from list_pipeline.integrations.slack import OutcomeUnknownError, post_to_webhook
from list_pipeline.operations.services import Services
from list_pipeline.storage import maintenance
from list_pipeline.storage.reconciliation import unsent_alerts

log = structlog.get_logger(__name__)


def tell(
    services: Services,
    reconciliation_id: int,
    findings: Sequence[Finding],
    proposals: Sequence[tuple[int, str]],
    stopped_because: str | None,
) -> str | None:
    """Send the alert of a reconciliation, and those that did not arrive before. A failure of Slack fails nothing.

    Returns:
        What became of this one's: ``sent``, ``failed``, ``unknown`` or ``skipped``; None when there was nothing to tell.
    """
    key = f"reconciliation:{reconciliation_id}"
    if findings or proposals or stopped_because:
        message = drift_message(findings, proposals, stopped_because)
        with services.database.begin() as connection:
            maintenance.queue_notification(
                connection, key, None, None, message.text, message.blocks, services.clock.now()
            )
    with services.database.begin() as connection:
        waiting = unsent_alerts(connection)
    states = {str(row["message_key"]): _post(services, row) for row in waiting}
    return states.get(key)


def _post(services: Services, row: RowMapping) -> str:
    key, webhook = str(row["message_key"]), services.settings.slack_webhook_url
    if services.slack is None and webhook is None:
        return _not_sent(services, key, "skipped", "neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set")
    if services.slack is None and row["attempts"] and row["state"] != "failed":
        return _not_sent(services, key, "unknown", "an earlier attempt through the webhook may have arrived")
    with services.database.begin() as connection:
        # Counted before the request: whoever finds an attempt looks in Slack before posting again.
        maintenance.notification_attempted(connection, key)
    try:
        channel, ts, permalink = "webhook", "", None
        if services.slack is not None:
            posted = services.slack.deliver(
                row["text"], row["blocks"], key, maybe_posted=row["attempts"] > 0, oldest=row["created_at"]
            )
            channel, ts, permalink = posted.channel, posted.ts, posted.permalink
        elif webhook is not None:
            post_to_webhook(webhook.get_secret_value(), row["text"], row["blocks"], timeout_s=30.0)
    except OutcomeUnknownError as error:
        return _not_sent(services, key, "unknown", str(error))
    except IntegrationError as error:
        return _not_sent(services, key, "failed", str(error))
    with services.database.begin() as connection:
        maintenance.notification_sent(connection, key, channel, ts, permalink, services.clock.now())
    return "sent"


def _not_sent(services: Services, key: str, state: str, error: str) -> str:
    log.warning("an alert about drift was not sent", key=key, state=state, error=error)
    with services.database.begin() as connection:
        maintenance.notification_failed(connection, key, state, error)
    return state
