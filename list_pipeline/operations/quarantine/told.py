"""Whom a campaign's failures keep from mail, for its report.

Belongs here: counting. Does not belong here: the sentences (``core.reports.message``).
"""

from __future__ import annotations

from collections import Counter

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.quarantine.life import QuarantineState
from list_pipeline.core.reports.facts import QuarantineFacts
from list_pipeline.operations.quarantine.begin import to_quarantine
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.services import Services
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage.plans import plan_rows


def quarantine_facts(services: Services, run: Maintenance) -> QuarantineFacts:
    """Who is kept from mail after a campaign, who waits for it, and who would be where nothing may be changed or nothing was
    decided. No request is made."""
    campaign_id = run.campaign.campaign_id
    with services.database.begin() as connection:
        quarantine_rows.follow(connection, services.clock.now())
        rows = quarantine_rows.of_campaign(connection, campaign_id)
        suppression, _ = plan_rows.maintenance_plans(connection, campaign_id, run.sweep)
        own = plan_rows.current_plan(connection, campaign_id, PlanKind.QUARANTINE, run.sweep)
        undecided = (PlanStatus.PLANNED, PlanStatus.PENDING_REVIEW)
        is_open = own is None and suppression is not None and suppression.status in undecided
        found = to_quarantine(services, connection, run, suppression) if suppression is not None and is_open else None
    active = Counter(one.reason for one in rows if one.state is QuarantineState.ACTIVE)
    until = max(
        (one.ends_at for one in rows if one.state in (QuarantineState.ACTIVE, QuarantineState.PLANNED)), default=None
    )
    return QuarantineFacts(
        active=dict(active),
        until=until if until is not None else found.ends_at if found is not None else None,
        waiting=sum(one.state is QuarantineState.PLANNED for one in rows),
        would=len(found.reasons) if found is not None else 0,
    )
