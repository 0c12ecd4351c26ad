"""Doing again what an undo took back: which steps do it, and when it must not be done any more.

Belongs here: the judgement of one change, as a pure function of the journal's entries and of what is true now. Does not belong
here: reading them (``storage.plans.redone``), carrying it out (``operations.plans.redo``).

The same holds as for the first time: whoever left, whom somebody put elsewhere, reinstated or reached with mail since is left
as it is, and nobody gets the open cycle twice or never.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.bounces.classes import FailureEvidence
from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import ContactNow, DoneChange, Refusal
from list_pipeline.core.plans.journal import StepAction, StepOnList
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.plans.sends_meanwhile import is_between_frozen

_CAMPAIGN = frozenset(CAMPAIGN_LISTS)


@dataclass(frozen=True, slots=True)
class UndoneChange:
    """A change that an undo took back. ``item``: the intention it came from; ``undo``: the change that took it back."""

    item: PlanItem
    undo: DoneChange

    @property
    def contact_id(self) -> int:
        """The contact."""
        return self.item.contact_id

    @property
    def failed_at(self) -> datetime | None:
        """When the latest failure happened that a suppression rests on; None where it rests on a complaint."""
        times = [one.occurred_at for one in self.item.evidence if isinstance(one, FailureEvidence)]
        return None if self.item.reason == "complaint" else max(times, default=None)


@dataclass(frozen=True, slots=True)
class Since:
    """What happened to a contact since the undo.

    Attributes:
        latest: the latest change of ours that took effect.
        was_delivered: a campaign reached the address after the failure that a suppression rests on.
        was_reinstated: a person reinstated the contact.
        has_suppressed_address: its address is suppressed, under this id or another one.
        received: it was a recipient of a round of the open cycle.
    """

    latest: DoneChange
    was_delivered: bool = False
    was_reinstated: bool = False
    has_suppressed_address: bool = False
    received: bool = False


@dataclass(frozen=True, slots=True)
class Redoing:
    """The steps that do a change again, or why it stays undone."""

    undone: UndoneChange
    steps: tuple[StepOnList, ...] = ()
    refused: Refusal | None = None


def redo(
    undone: UndoneChange,
    now: ContactNow,
    since: Since,
    *,
    cycle: OpenCycle = OpenCycle(),
    frozen: Collection[ListRole] = (),
    not_rebalanced: Collection[ListRole] = (),
) -> Redoing:
    """How a change is done again, judged on the contact's present state.

    Args:
        cycle: the cycle that is open now. frozen: campaign lists that nobody joins or leaves now; a suppression does not wait
            for them, because it protects. not_rebalanced: lists, the master list included, that are frozen for rebalancing:
            what is done again would fill the hole, or use the newcomers, on which nobody has decided.
    """
    item = undone.item
    refused = _refusal(undone, now, since)
    if refused is None and item.action is not ItemAction.SUPPRESS:
        refused = _refusal_to_move(item, now, since, cycle, frozenset(frozen))
        joins, leaves = ({role} if role else set[ListRole]() for role in (item.to_role, item.from_role))
        if refused is None and is_between_frozen(joins, leaves, not_rebalanced):
            refused = Refusal.LIST_FROZEN
    return Redoing(undone, refused=refused) if refused else Redoing(undone, _steps(item))


def _refusal(undone: UndoneChange, now: ContactNow, since: Since) -> Refusal | None:
    if now.is_gone:
        return Refusal.CONTACT_GONE
    if now.is_unreadable:
        return Refusal.UNREADABLE_ROW
    if now.is_unsubscribed:
        return Refusal.UNSUBSCRIBED
    if since.was_reinstated:
        return Refusal.REINSTATED_SINCE
    if ListRole.SUPPRESSION in now.lists:
        return Refusal.SUPPRESSED_SINCE
    if now.campaign_lists != _place_after(since.latest):
        return Refusal.CHANGED_SINCE
    if since.was_delivered:
        return Refusal.DELIVERED_SINCE
    return None


def _refusal_to_move(
    item: PlanItem, now: ContactNow, since: Since, cycle: OpenCycle, frozen: frozenset[ListRole]
) -> Refusal | None:
    if now.is_excluded or now.is_complaining or since.has_suppressed_address:
        return Refusal.MUST_STAY
    expected = frozenset({item.from_role} if item.from_role else ())
    if now.campaign_lists != expected or (item.from_role is None and ListRole.MASTER not in now.lists):
        return Refusal.CHANGED_SINCE
    if cycle.unrecorded:
        return Refusal.RECIPIENTS_UNKNOWN
    if not cycle.gives_one_mail(_CAMPAIGN.intersection({item.to_role}), received=since.received):
        return Refusal.CYCLE_CHANGED
    if {item.from_role, item.to_role} & frozen:
        return Refusal.LIST_BEING_SENT
    return None


def _place_after(change: DoneChange) -> frozenset[ListRole]:
    """The campaign lists on which a change of ours left its contact."""
    removed = {role for role in _CAMPAIGN if (StepAction.REMOVE, role) in change.done}
    added = {role for role in _CAMPAIGN if (StepAction.ADD, role) in change.done}
    return ((change.before & _CAMPAIGN) | added) - removed


def _steps(item: PlanItem) -> tuple[StepOnList, ...]:
    """As the first time: put on and excluded, and taken off when that is confirmed."""
    if item.action is ItemAction.SUPPRESS:
        on = ((StepAction.ADD, ListRole.SUPPRESSION), (StepAction.EXCLUDE, None))
        return (*on, *((StepAction.REMOVE, role) for role in CAMPAIGN_LISTS))
    off = ((StepAction.REMOVE, item.from_role),) if item.from_role else ()
    return ((StepAction.ADD, item.to_role), *off)
