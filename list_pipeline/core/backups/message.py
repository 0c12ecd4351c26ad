"""The message that a backup was restored."""

from __future__ import annotations

from datetime import datetime

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose
from list_pipeline.core.wording import instant_text


def restored_message(taken_at: datetime, by: str, reason: str) -> SlackMessage:
    """That the database is an older one now, what follows, and what to do.

    Args:
        taken_at: the instant that the backup shows (UTC). by, reason: who restored it, and why.
    """
    return alert(
        "A Backup Was Restored",
        [
            compose("The database is as it was {at}.", at=instant_text(taken_at)),
            compose("Restored by {by}: {reason}", by=by, reason=reason),
            compose("No list is changed until the lists were compared and a person accepts what was found."),
        ],
        level=AlertLevel.CRITICAL,
        what_to_do=[
            compose("• `list-pipeline reconcile`, and look at what it finds"),
            compose("• `list-pipeline reconcile --accept --by NAME`"),
            compose("• Erase again who was erased since, and revoke the tokens that were revoked since"),
        ],
        small_print=[
            compose("What was done after that instant stands at Mailjet and in this channel, and in no table.")
        ],
    )
