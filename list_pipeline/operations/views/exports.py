"""What is stored about a campaign as tables, for people who look at it in a notebook or a spreadsheet.

Contact ids and masked addresses only: a table leaves the database, an address does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.operations.campaigns.discovery import campaign
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import shown_items
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.plans import plan_rows

if TYPE_CHECKING:
    import pandas as pd


def bounce_table(services: Services, key: str, sweep: Sweep = Sweep.H24) -> pd.DataFrame:
    """One row a failed contact: class, reason, Mailjet's state, when, and in which of the two sources it was seen.

    Raises:
        NotFoundError: there is no such campaign.
    """
    import pandas as pd  # half a second that only this needs

    found = campaign(services, key)
    with services.database.begin() as connection:
        events = bounce_rows.events_of(connection, found.campaign_id, sweep.value)
    return pd.DataFrame(
        [{"contact_id": event.contact_id, **event.as_evidence()} for event in events],
        columns=["contact_id", "occurred_at", "class", "reason", "state_id", "is_permanent", "status", "is_disputed",
                 "in_bounce_log", "in_message_log", "is_contradictory"],
    )  # fmt: skip


def plan_table(services: Services, key: str, kind: PlanKind, sweep: Sweep = Sweep.H24) -> pd.DataFrame:
    """One row a contact of a plan: what is intended, by which rule, how certain, and why in a sentence.

    Raises:
        NotFoundError: there is no such campaign, or no such plan.
    """
    import pandas as pd  # half a second that only this needs

    found = campaign(services, key)
    with services.database.begin() as connection:
        plan = plan_rows.current_plan(connection, found.campaign_id, kind, sweep)
    if plan is None:
        raise NotFoundError(f"Looking for the {kind.value} plan of {key}", "there is none", "Run the maintenance first")
    names = [
        "contact_id",
        "masked",
        "action",
        "from_list",
        "to_list",
        "held",
        "reason",
        "rule",
        "confidence",
        "explanation",
    ]
    return pd.DataFrame(
        [
            (
                one.item.contact_id,
                one.masked,
                one.item.action.value,
                one.item.from_role.label if one.item.from_role else None,
                one.item.to_role.label if one.item.to_role else None,
                one.item.is_held,
                one.item.reason,
                one.item.rule,
                one.item.confidence,
                one.item.explanation,
            )
            for one in shown_items(services, plan)
        ],
        columns=names,
    )
