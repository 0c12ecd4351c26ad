"""Looking at sends right before contacts change lists: which began, who was mailed by them, and which are near.

Belongs here: that look, and the lists that are not changed because of it. Does not belong here: each of the readings
(``discovery``, ``scheduled_campaigns``), and what an open cycle allows (``core.campaigns.open_cycle``).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.drift.mass_changes import frozen_for_rebalancing
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.access import Deciding, Observing
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.recipients import record_recipients
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.storage import mass_changes
from list_pipeline.storage.campaigns import rounds, sent_campaigns
from list_pipeline.storage.unreadable_rows import holds_moves, lists_with_nameless


def follow_begun_sends(services: Observing) -> None:
    """Take over the sends that began, and who was mailed by them: one request, and those for each campaign of which it is not
    known yet who was mailed.

    Raises:
        IntegrationError: Mailjet did not say; nobody may change lists on what was known before.
    """
    discover(services)
    record_recipients(services)


def follow_sends(services: Observing) -> None:
    """Take over the sends that began, who was mailed by them, and the sends that are programmed: two requests, and those for
    each campaign of which it is not known yet who was mailed and for each programmed draft.

    Raises:
        IntegrationError: Mailjet did not say; nobody may change lists on what was known before.
    """
    follow_begun_sends(services)
    discover_upcoming(services)


def lists_kept_still(
    services: Deciding, connection: Connection, cycle: OpenCycle, *, until: datetime | None = None
) -> frozenset[ListRole]:
    """The campaign lists that nobody joins, leaves or goes back to now: those that are being sent, or are sent before a change
    that begins now has certainly ended; all of them while it is not known who was mailed by a round of the open cycle,
    what a send is that fits no cycle, or whether one that cannot be read is a round.

    Args:
        cycle: the one that is open now. until: when the changes have certainly ended (UTC), where they are under way already.
    """
    if cycle.unrecorded or rounds.doubted(connection) or holds_moves(connection):
        return frozenset(CAMPAIGN_LISTS)
    return lists_sent_soon(services, connection, until=until)


def lists_sent_soon(
    services: Deciding, connection: Connection, *, until: datetime | None = None
) -> frozenset[ListRole]:
    """The campaign lists that are being sent, were validated for a send, or are sent before a change that begins now has
    certainly ended. ``until`` as above."""
    ends_by = until or services.clock.now() + changes_take(services)
    return sent_campaigns.lists_being_sent(connection, sent_before=ends_by)


def lists_not_rebalanced(services: Deciding, connection: Connection, cycle: OpenCycle) -> frozenset[ListRole]:
    """The campaign lists that a rebalancing leaves alone now: those that are kept still, and those that are frozen for it.
    Suppressions, undo and repairs are not bound by the latter, a redo is (``core.plans.redo``)."""
    frozen = frozen_lists(services, connection) & frozenset(CAMPAIGN_LISTS)
    return lists_kept_still(services, connection, cycle) | frozen


def is_enrolment_frozen(services: Deciding, connection: Connection) -> bool:
    """Whether the master list is frozen for rebalancing: nobody is enrolled out of it."""
    return ListRole.MASTER in frozen_lists(services, connection)


def frozen_lists(services: Deciding, connection: Connection) -> frozenset[ListRole]:
    """The lists, the master list included, that are frozen for rebalancing: others changed them at large and no person has
    decided on it, or an entry of them does not say whose it is. Of the latter our rows still show who left, so that a move
    would put somebody back whom a person took off, and nobody could see that many left."""
    list_ids = services.settings.list_ids()
    nameless = {list_ids.role_of(list_id) for list_id in lists_with_nameless(connection)}
    return frozen_for_rebalancing(mass_changes.open_lists(connection) | {role for role in nameless if role})


def changes_take(services: Deciding) -> timedelta:
    """The longest that a plan takes which begins now: until its deadline, and then until what was begun is at its end."""
    return timedelta(minutes=services.settings.list_maintenance_deadline_minutes) + CAMPAIGNS.changes_end_within
