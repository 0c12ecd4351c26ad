"""Messages to people through the outbox: each is a row before it is posted, and is posted once.

Belongs here: delivery by Slack's API or webhook, and what is known about it afterwards. Does not belong here: what a
message says.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import RowMapping

from list_pipeline.core.errors import IntegrationError
from list_pipeline.core.slack_blocks import SlackMessage
from list_pipeline.integrations.slack import OutcomeUnknownError, SlackClient, post_to_webhook
from list_pipeline.operations.services import Services
from list_pipeline.storage import maintenance

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message: ``sent``, ``failed``, ``unknown`` or ``skipped``, and where it is."""

    state: str
    key: str
    channel: str | None = None
    ts: str | None = None
    permalink: str | None = None
    error: str | None = None


def deliver(
    services: Services, key: str, message: SlackMessage, *, campaign_id: int | None = None, log_id: int | None = None
) -> Delivery:
    """Post a message once. A failure of Slack is recorded and never raised: the message stays in the outbox.

    Args:
        key: what makes the message one: a second call with it finds the first.
        campaign_id: the campaign it is about. ``log_id``: the row of the ledger it reports.
    """
    with services.database.begin() as connection:
        row = maintenance.queue_notification(
            connection, key, campaign_id, log_id, message.text, message.blocks, services.clock.now()
        )
    return post(services, row)


def post(services: Services, row: RowMapping) -> Delivery:
    """Post a message that stands in the outbox, if it did not arrive before. A failure of Slack is recorded, not raised."""
    if row["state"] == "sent":
        return Delivery("sent", row["message_key"], row["channel"], row["message_ts"], row["permalink"])
    if services.slack is None:
        return _post_to_webhook(services, row)
    return _post(services, services.slack, row)


def leave_out(services: Services, key: str, reason: str) -> Delivery:
    """Record that a queued message is not posted, and why."""
    return _not_sent(services, key, "skipped", reason)


def _post(services: Services, slack: SlackClient, row: RowMapping) -> Delivery:
    key = str(row["message_key"])
    with services.database.begin() as connection:
        # Counted before the request: whoever finds an attempt looks in Slack before posting again.
        maintenance.notification_attempted(connection, key)
    try:
        posted = slack.deliver(
            row["text"], row["blocks"], key, maybe_posted=row["attempts"] > 0, oldest=row["created_at"]
        )
    except OutcomeUnknownError as error:
        return _not_sent(services, key, "unknown", str(error))
    except IntegrationError as error:
        return _not_sent(services, key, "failed", str(error))
    with services.database.begin() as connection:
        maintenance.notification_sent(
            connection, key, posted.channel, posted.ts, posted.permalink, services.clock.now()
        )
    return Delivery("sent", key, posted.channel, posted.ts, posted.permalink)


def _post_to_webhook(services: Services, row: RowMapping) -> Delivery:
    """The fallback where there is no bot token: it arrives, but has no timestamp, so nothing can be threaded or looked up."""
    key, settings = str(row["message_key"]), services.settings
    if settings.slack_webhook_url is None:
        return _not_sent(services, key, "skipped", "neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL is set")
    if row["attempts"] and row["state"] != "failed":
        # Whether an earlier attempt arrived cannot be looked up here, and a second message would be worse than none.
        return _not_sent(services, key, "unknown", "an earlier attempt through the webhook may have arrived")
    with services.database.begin() as connection:
        maintenance.notification_attempted(connection, key)
    try:
        post_to_webhook(settings.slack_webhook_url.get_secret_value(), row["text"], row["blocks"], timeout_s=30.0)
    except OutcomeUnknownError as error:
        return _not_sent(services, key, "unknown", str(error))
    except IntegrationError as error:
        return _not_sent(services, key, "failed", str(error))
    with services.database.begin() as connection:
        maintenance.notification_sent(connection, key, "webhook", "", None, services.clock.now())
    return Delivery("sent", key, "webhook")


def _not_sent(services: Services, key: str, state: str, error: str) -> Delivery:
    log.warning("a message was not sent", key=key, state=state, error=error)
    with services.database.begin() as connection:
        maintenance.notification_failed(connection, key, state, error)
    return Delivery(state, key, error=error)
