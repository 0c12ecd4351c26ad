"""What people were told about one attempt of the ledger, and whether it arrived. No text of a message is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.storage.database import fetch_all


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One message. ``sent_at``: UTC; None: it did not arrive. ``permalink``: where it stands in Slack, if that is known."""

    number: int
    state: DeliveryState
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    permalink: str | None


def of_log(connection: Connection, log_id: int) -> tuple[LogMessage, ...]:
    """The messages about an attempt, oldest first."""
    found = fetch_all(
        connection,
        """select notification_id as number, state, created_at, sent_at, attempts, permalink from notification
           where log_id = :log order by notification_id""",
        log=log_id,
    )
    return tuple(LogMessage(**{**row, "state": DeliveryState(row["state"])}) for row in found)
