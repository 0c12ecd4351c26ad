"""Which corrections a person can ask for about a campaign or a contact, as our rows are now.

Belongs here: what there is to take back or to end, so that nobody is offered what would find nothing. Does not belong here:
whether it may be done now (``corrections``), and what it would do (``plans.previews``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import PLAN_LIFE, TAKEN_BACK_BY_UNDO, PlanKind, PlanStatus, Sweep
from list_pipeline.core.run_requests import RequestKind
from list_pipeline.operations.access import Storing
from list_pipeline.operations.plans.undo import own_plans
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage import views
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import undone
from list_pipeline.storage.runs import ledger

_WHOLE = (*TAKEN_BACK_BY_UNDO, PlanKind.REDO)


@dataclass(frozen=True, slots=True)
class Offer:
    """A correction of one look at a campaign: an undo or a redo."""

    kind: RequestKind
    sweep: Sweep


def offers_about_campaign(services: Storing, key: str) -> tuple[Offer, ...]:
    """What can be taken back after a campaign, and which undo of it; nothing of one that was not sent, or that nobody knows."""
    with services.database.begin() as connection:
        campaign = views.campaign(connection, key)
    if campaign is None:
        return ()
    campaign_id = campaign.number
    found: list[Offer] = []
    for sweep in Sweep:
        plans = own_plans(services, campaign_id, sweep)
        with services.database.begin() as connection:
            if ledger.latest_log(connection, campaign_id, sweep.value) is None:
                continue
            stands = undone.standing(connection, campaign_id, sweep, _WHOLE).left
            was_undone = undone.was_undone(connection, campaign_id, sweep)
            is_answered = undone.is_answered(connection, campaign_id, sweep)
        if stands or any(plan.status in PLAN_LIFE.leaving(PlanStatus.WITHDRAWN) for plan in plans):
            found.append(Offer(RequestKind.UNDO, sweep))
        if was_undone and not is_answered:
            found.append(Offer(RequestKind.REDO, sweep))
    return tuple(found)


def offers_about_contact(services: Storing, contact_id: int) -> tuple[RequestKind, ...]:
    """What can be asked for about a contact: bring it back, end its quarantine, suppress it."""
    with services.database.begin() as connection:
        is_suppressed = outcome_rows.standing_suppression(connection, contact_id) is not None
        is_quarantined = bool(quarantine_rows.active_among(connection, [contact_id]))
        now = outcome_rows.contacts_now(connection, [contact_id]).get(contact_id)
    is_mailed = now is not None and not now.is_gone and bool(now.lists & frozenset(CAMPAIGN_LISTS))
    offered = (
        (RequestKind.REINSTATE, is_suppressed),
        (RequestKind.RELEASE, is_quarantined),
        (RequestKind.SUPPRESS, is_mailed and not is_suppressed),
    )
    return tuple(kind for kind, is_offered in offered if is_offered)
