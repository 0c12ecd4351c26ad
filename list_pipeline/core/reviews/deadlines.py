"""Until when a plan can be decided, and when people are reminded of it.

A plan waits for so many hours. One whose moves cannot be made any more after a send lapses before that send: a move goes
between lists of which the open cycle was sent to both or to neither, so a send to one of them ends it. Who is to be suppressed
can be suppressed at any time; people are reminded before the send that would still reach them.

Belongs here: those instants. Does not belong here: which sends are near (``operations.reviews.reminders``), and the messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind
from list_pipeline.core.reviews.policy import REVIEWS


@dataclass(frozen=True, slots=True)
class NextSend:
    """A campaign that is scheduled. ``still_from``: from when on (UTC) nobody enters or leaves its list before it is sent."""

    campaign_id: int
    key: str
    role: ListRole
    at: datetime
    still_from: datetime


class Reminder(StrEnum):
    """Why people are reminded of a plan that waits."""

    HALFWAY = "halfway"
    BEFORE_SEND = "before_send"


@dataclass(frozen=True, slots=True)
class PlanTime:
    """The time in which a plan can be decided (UTC). ``ends_with``: the send before which it lapses, None where its hours end
    first. ``next_send``: the next one to a list that it concerns."""

    asked_at: datetime
    lapses_at: datetime
    ends_with: NextSend | None = None
    next_send: NextSend | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether nobody can decide on the plan any more."""
        return now > self.lapses_at

    def reminder(self, now: datetime) -> Reminder | None:
        """Of what people are to be reminded now, if they were not: of the send where both is due. None: of nothing."""
        if self.is_over(now):
            return None
        if self.next_send is not None:
            due_at = self.next_send.still_from - REVIEWS.remind_before_send
            if self.asked_at < due_at <= now:
                return Reminder.BEFORE_SEND
        return Reminder.HALFWAY if self.is_halfway(now) else None

    def is_halfway(self, now: datetime) -> bool:
        """Whether half the time is over in which the plan can be decided."""
        return now >= self.asked_at + (self.lapses_at - self.asked_at) * REVIEWS.remind_at_percent / 100


def plan_time(
    kind: PlanKind,
    items: Collection[PlanItem],
    lists: Collection[ListRole],
    cycle: OpenCycle,
    sends: Iterable[NextSend],
    asked_at: datetime,
    longest: timedelta,
) -> PlanTime:
    """The time in which a plan can be decided.

    Args:
        items: what it would change. lists: the campaign lists that it concerns. cycle: the one that is open now.
        sends: those that are scheduled. asked_at: when people were asked (UTC). longest: how long a plan waits at most.
    """
    ordered = sorted(sends, key=lambda send: (send.at, send.campaign_id))
    last = asked_at + longest
    ends_with = _ending(items, cycle, ordered) if kind is PlanKind.REBALANCING else None
    if ends_with is not None and ends_with.still_from >= last:
        ends_with = None
    lapses_at = last if ends_with is None else max(asked_at, ends_with.still_from)
    return PlanTime(asked_at, lapses_at, ends_with, next((send for send in ordered if send.role in lists), None))


def _ending(items: Collection[PlanItem], cycle: OpenCycle, sends: Iterable[NextSend]) -> NextSend | None:
    """The first send after which a move of the plan cannot be made any more."""
    moves = {(item.from_role, item.to_role) for item in items if item.action is ItemAction.MOVE}
    sent = cycle.sent
    for send in sends:
        sent = frozenset({send.role}) if send.role in sent else sent | {send.role}
        if sent == set(CAMPAIGN_LISTS):
            sent = frozenset()
        if any((leaves in sent) != (joins in sent) for leaves, joins in moves):
            return send
    return None
