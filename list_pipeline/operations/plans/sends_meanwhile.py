"""Sends that begin, or come near, while a plan is carried out: looked for before each wave, and written to the journal. Lists
that are frozen meanwhile are heeded at the same moments.

Belongs here: when Mailjet is asked about sends, and writing what follows. Does not belong here: what follows
(``core.plans.sends_meanwhile``), posting jobs (``execution``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import structlog

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.concurrent_edits import ChangeNow, FollowUp
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.plans.sends_meanwhile import (
    Way,
    follow_up,
    goes_back,
    is_between_lists,
    is_over,
    is_to_begin,
    not_begun,
    not_to_begin,
    return_home,
    way_on,
)
from list_pipeline.operations.access import Observing
from list_pipeline.operations.campaigns.before_changes import (
    changes_take,
    follow_begun_sends,
    follow_sends,
    frozen_lists,
    lists_kept_still,
)
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.lock import MutationLock
from list_pipeline.storage.plans import concurrent_edits as edit_rows
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)

_HEEDS_FROZEN = (PlanKind.REBALANCING, PlanKind.REDO, PlanKind.SPLIT)

_Judge = Callable[[ChangeNow, OpenCycle, frozenset[ListRole], bool], FollowUp | None]
"""What follows for a change from the open cycle, the lists that are kept still, and whether its contact was mailed."""


class SendsMeanwhile:
    """Watches sends while one plan is carried out. A plan that moves nobody between campaign lists costs no request.

    Args:
        only: the contacts that something may be done with; None: all of the plan.
        deadline: from when on nothing more is begun (UTC); None: as long after now as a maintenance has.
        looked_at: when whoever begins the execution asked about sends, and judged the plan by them (UTC).
    """

    def __init__(
        self,
        services: Observing,
        plan_id: int,
        lock: MutationLock,
        only: Collection[int] | None,
        deadline: datetime | None,
        looked_at: datetime | None,
    ) -> None:
        self._services = services
        self._plan_id = plan_id
        self._lock = lock
        self._only = only
        self._began_at = services.clock.now()
        self._ends_by = self._began_at + changes_take(services)
        if deadline is not None:
            self._ends_by = min(self._ends_by, max(deadline, self._began_at) + CAMPAIGNS.changes_end_within)
        self._looked_at = looked_at
        self._is_removing = False
        self._held: set[int] = set()
        self._frozen: frozenset[ListRole] = frozenset()

    @property
    def held(self) -> frozenset[int]:
        """Changes that wait, because it is not known yet who was mailed by a send, or whether a lost job did a part of them."""
        return frozenset(self._held)

    def forbid_beginning(self) -> bool:
        """Before a job of the first wave: changes to or from lists that are sent now, or before the plan has certainly ended,
        are not begun; of a rebalancing also not those to or from lists that are frozen for it by now. Two requests, where that
        was last asked a while ago.

        Returns:
            Whether something is not to be posted any more, so that the steps have to be read again.
        """
        if self._is_fresh():
            return False
        changes = self._changes(is_to_begin)
        if not changes:
            return False
        self._look(follow_sends)
        self._frozen = self._frozen_now()
        return self._judge(changes, self._not_begun)

    def turn_round(self) -> bool:
        """Before a job of the second wave: contacts on two lists, one of which was sent meanwhile, stay on the one that gives
        them one mail. One request before the first of these jobs, and another where that is a while ago.

        Returns:
            Whether something is not to be posted any more, so that the steps have to be read again.
        """
        if self._is_removing and self._is_fresh():
            return False
        changes = self._changes(is_between_lists)
        if not changes:
            return False
        self._is_removing = True
        self._look(follow_begun_sends)
        return self._judge(changes, self._way_on)

    def return_mailed(self) -> bool:
        """After the second wave: contacts that were mailed through their old list while they were leaving it go back there,
        if the new one is still to be sent. One request, where somebody left a list.

        Returns:
            Whether something is to be posted once more.
        """
        changes = self._changes(lambda change: is_over(change, self._began_at))
        if not changes:
            return False
        self._look(follow_begun_sends)
        return self._judge(changes, _return_home)

    def _not_begun(
        self, change: ChangeNow, cycle: OpenCycle, kept_still: frozenset[ListRole], received: bool
    ) -> FollowUp | None:
        why = not_begun(change, cycle, kept_still, self._frozen, received=received)
        if why is None:
            return None
        skipped = not_to_begin(change, why)
        if skipped is None:
            self._held.add(change.change_id)
        return skipped

    def _way_on(self, change: ChangeNow, cycle: OpenCycle, _: frozenset[ListRole], received: bool) -> FollowUp | None:
        way = way_on(change, cycle, received=received)
        if way is Way.WAIT:
            self._held.add(change.change_id)
        return follow_up(change, way)

    def _frozen_now(self) -> frozenset[ListRole]:
        """The lists that a rebalancing leaves alone by now, and so do a redo of one and a new audience. Nothing else is bound
        by that: an undo and the automatic rollback take back our own work, and a list that was half moved would be worse off
        than one that was not."""
        with self._lock.writing() as connection:
            if plan_rows.existing_plan(connection, self._plan_id).kind not in _HEEDS_FROZEN:
                return frozenset()
            return frozen_lists(self._services, connection)

    def _is_fresh(self) -> bool:
        since = self._looked_at
        return since is not None and self._services.clock.now() - since < EXECUTION.sends_asked_again

    def _look(self, follow: Callable[[Observing], None]) -> None:
        follow(self._services)
        self._looked_at = self._services.clock.now()

    def _changes(self, wanted: Callable[[ChangeNow], bool]) -> list[ChangeNow]:
        with self._lock.writing() as connection:
            found = edit_rows.changes_between_lists(connection, self._plan_id)
        return [
            change
            for change in found
            if (self._only is None or change.contact_id in self._only)
            and change.change_id not in self._held
            and wanted(change)
        ]

    def _judge(self, changes: Sequence[ChangeNow], judge: _Judge) -> bool:
        """Write what follows for each change, and say whether anything does, or waits."""
        held = len(self._held)
        with self._lock.writing() as connection:
            cycle = cycle_now(connection, self._services.clock.now())
            kept_still = lists_kept_still(self._services, connection, cycle, until=self._ends_by)
            ids = [change.contact_id for change in changes]
            received = recipient_rows.received_in_cycle(connection, cycle.number, ids)
            judged = (judge(change, cycle, kept_still, change.contact_id in received) for change in changes)
            found = [one for one in judged if one is not None]
            edit_rows.write_follow_ups(connection, found, self._services.clock.now())
        waiting = len(self._held) - held
        if found or waiting:
            log.warning("a send met a plan", plan=self._plan_id, changes=len(found), waiting=waiting)
        return bool(found or waiting)


def _return_home(change: ChangeNow, cycle: OpenCycle, _: frozenset[ListRole], received: bool) -> FollowUp | None:
    return return_home(change) if goes_back(change, cycle, received=received) else None
