"""Whether what an undo took back may be done again now, contact by contact.

Belongs here: gathering what happened since the undo, and asking ``core`` for the verdict; before a redo is written and again
before its rest is carried out. Does not belong here: the redo itself (``redo``).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.plans.redo import Redoing, Since, UndoneChange, redo
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.before_changes import frozen_lists, lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.lock import MutationLock
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import journal, redone
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan


def judged(
    services: Deciding, connection: Connection, campaign_id: int, undone: Sequence[UndoneChange]
) -> list[Redoing]:
    """How each undone change is done again, or why it stays undone. Our rows are up to date.

    Args:
        campaign_id: the campaign after which they were made.
    """
    now = services.clock.now()
    ids = [one.contact_id for one in undone]
    contacts = outcome_rows.contacts_now(connection, ids)
    cycle = cycle_now(connection, now)
    frozen = lists_kept_still(services, connection, cycle)
    not_rebalanced = frozen_lists(services, connection)
    received = recipient_rows.received_in_cycle(connection, cycle.number, ids)
    latest = outcome_rows.latest_changes(connection, ids)
    suppressed_address = queue.with_suppressed_address(connection, ids)
    reinstated = redone.reinstated_after(connection, undone)
    attempts = bounce_rows.attempts_since_delivery(
        connection, dict.fromkeys(ids, now), except_campaign=campaign_id, as_of=now
    )
    return [
        redo(
            one,
            contacts[one.contact_id],
            Since(
                latest=latest.get(one.contact_id, one.undo),
                was_delivered=one.item.action is ItemAction.SUPPRESS
                and one.failed_at is not None
                and any(
                    sent.failure is None and sent.is_complete and sent.sent_at > one.failed_at
                    for sent in attempts[one.contact_id]
                ),
                was_reinstated=one.contact_id in reinstated,
                has_suppressed_address=one.contact_id in suppressed_address,
                received=one.contact_id in received,
            ),
            cycle=cycle,
            frozen=frozen,
            not_rebalanced=not_rebalanced,
        )
        for one in undone
    ]


def skip_outdated(services: Deciding, plan: StoredPlan, lock: MutationLock) -> int:
    """Skip what of a redo is not begun and must not be done any more: it may have died hours ago, and the world went on.

    Returns:
        How many contacts.
    """
    if plan.campaign_id is None:
        return 0
    with lock.writing() as connection:
        waiting = journal.not_begun(connection, plan.plan_id)
        rest = [one for one in redone.undone_behind(connection, plan.plan_id) if one.contact_id in waiting]
        found = judged(services, connection, plan.campaign_id, rest)
        reasons = {one.undone.contact_id: one.refused.note for one in found if one.refused}
        journal.skip_unstarted(connection, plan.plan_id, reasons, services.clock.now())
    return len(reasons)
