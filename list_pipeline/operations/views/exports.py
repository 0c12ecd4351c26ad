"""Tables of a campaign's stored rows, for a notebook or a spreadsheet.

Contact ids and masked addresses only: a table leaves the database, an address does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.operations.access import Storing
from list_pipeline.operations.campaigns.discovery import campaign
from list_pipeline.operations.views.masked_items import shown_items
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.history import require_kept
from list_pipeline.storage.plans import plan_rows

if TYPE_CHECKING:
    import pandas as pd


def bounce_table(services: Storing, key: str, sweep: Sweep = Sweep.H24) -> pd.DataFrame:
    """One row a failed contact: class, reason, Mailjet's state, when, and in which of the two sources it was seen.

    Raises:
        NotFoundError: there is no such campaign.
        HistorySummarisedError: only a summary is left of it.
    """
    with services.database.begin() as connection:
        sent = campaign(connection, key)
        require_kept(connection, f"Listing the bounces of campaign {key}", [sent.campaign_id])
        events = bounce_rows.events_of(connection, sent.campaign_id, sweep.value)
    columns = (
        "contact_id", "occurred_at", "class", "reason", "state_id", "is_permanent", "status", "is_disputed",
        "in_bounce_log", "in_message_log", "is_contradictory",
    )  # fmt: skip
    return _table(columns, [dict(zip(columns, _bounce_row(event), strict=True)) for event in events])


def _bounce_row(event: FailureEvent) -> tuple[object, ...]:
    return (
        event.contact_id, event.occurred_at.isoformat(), event.bounce_class.value, event.reason.value, event.state_id,
        event.is_permanent, event.status.value if event.status else None, event.classification.is_disputed,
        event.in_bounce_log, event.in_message_log, event.is_contradictory,
    )  # fmt: skip


def plan_table(services: Storing, key: str, kind: PlanKind, sweep: Sweep = Sweep.H24) -> pd.DataFrame:
    """One row a contact of a plan: what is intended, by which rule, how certain, and why in a sentence.

    Raises:
        NotFoundError: there is no such campaign, or no such plan.
    """
    with services.database.begin() as connection:
        sent = campaign(connection, key)
        plan = plan_rows.current_plan(connection, sent.campaign_id, kind, sweep)
    if plan is None:
        raise NotFoundError(f"Looking for the {kind.value} plan of {key}", "there is none", "Run the maintenance first")
    columns = (
        "contact_id", "masked", "action", "from_list", "to_list", "held", "reason", "rule", "confidence", "explanation",
    )  # fmt: skip
    return _table(
        columns,
        [
            {
                "contact_id": one.item.contact_id,
                "masked": one.masked,
                "action": one.item.action.value,
                "from_list": one.item.from_role.label if one.item.from_role else None,
                "to_list": one.item.to_role.label if one.item.to_role else None,
                "held": one.item.is_held,
                "reason": one.item.reason,
                "rule": one.item.rule,
                "confidence": one.item.confidence,
                "explanation": one.item.explanation,
            }
            for one in shown_items(services, plan)
        ],
    )


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """The rows as a table of these columns, also when there is no row; what else a row holds is left out."""
    import pandas as pd  # Half a second, which only an export pays.

    return pd.DataFrame(rows, columns=list(columns))
