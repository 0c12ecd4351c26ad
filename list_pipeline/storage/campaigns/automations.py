"""Lists whose members got mails of an automation, as far as sends at Mailjet tell.

Does not belong here: which lists are said to have automations (settings), and what follows (``core.plans.automations``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.storage.database import fetch_all


def lists_of_workflows(connection: Connection) -> frozenset[int]:
    """Mailjet's ids of the lists to which mails of an automation were ever sent. Whether it still runs, nothing here tells: one
    campaign of Mailjet may go on for years."""
    found = fetch_all(
        connection,
        "select distinct list_id from ignored_send where reason = 'workflow' and list_id is not null",
    )
    return frozenset(int(row["list_id"]) for row in found)
