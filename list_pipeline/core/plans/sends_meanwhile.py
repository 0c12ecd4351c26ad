"""Sends that begin, or come near, while a plan is carried out: what becomes of changes between the campaign lists.

A contact that was added to its new list and not yet taken off the old one is mailed by a send to either. The open cycle
(``core.campaigns.open_cycle``) decides which way such a change goes on: the one on which the contact gets one mail of it.

Belongs here: the rule, as pure functions of a change's steps, of the lists its contact is on, and of the cycle. Does not belong
here: looking for sends and writing to the journal (``operations.plans.sends_meanwhile``).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import Enum, auto

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.concurrent_edits import TURNED_ROUND, ChangeNow, FollowUp, added_to
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction

_CAMPAIGN = frozenset(CAMPAIGN_LISTS)


class Way(Enum):
    """How a change goes on of which a part is done."""

    ON = auto()
    BACK = auto()
    """What was done of it is taken back: on its old list the contact gets one mail, on the new one it would not."""
    NOWHERE = auto()
    """What is left of it is not done: that would leave its contact worse off."""
    WAIT = auto()
    """That depends on who was mailed by a send, which is not known yet."""


def why_not_begun(
    kind: ItemAction,
    joins: Collection[ListRole],
    leaves: Collection[ListRole],
    lists: Collection[ListRole],
    cycle: OpenCycle,
    kept_still: frozenset[ListRole],
    *,
    received: bool,
) -> StepNote | None:
    """Why a change that puts a contact on campaign lists must not be begun now, or None.

    Args:
        joins, leaves: the campaign lists it puts the contact on and takes it off. lists: those the contact is on now.
        kept_still: lists that nobody joins or leaves, because a send to them goes on or is near.
        received: whether the contact was a recipient of a round of the open cycle.
    """
    if cycle.unrecorded:
        return StepNote.RECIPIENTS_UNKNOWN
    after = (set(lists) - set(leaves)) | set(joins)
    is_right = (
        cycle.allows(lists, after, received=received)
        if kind is ItemAction.RESTORE
        else cycle.gives_one_mail(joins, received=received)
    )
    if not is_right:
        # The cycle went on since the plan was made: there, the contact would get it twice or never.
        return StepNote.CYCLE_CHANGED
    return StepNote.LIST_BEING_SENT if kept_still & {*joins, *leaves} else None


def is_to_begin(change: ChangeNow) -> bool:
    """Whether a change puts its contact on a campaign list, and nothing of it was done yet."""
    is_begun = any(step.state not in (StepState.PLANNED, StepState.SKIPPED) for step in change.steps)
    return change.kind is not ItemAction.SUPPRESS and not is_begun and bool(_planned(change, StepAction.ADD))


def not_begun(
    change: ChangeNow,
    cycle: OpenCycle,
    kept_still: frozenset[ListRole],
    frozen: frozenset[ListRole] = frozenset(),
    *,
    received: bool,
) -> StepNote | None:
    """Why a change of the journal (``is_to_begin``) must not be begun now, or None.

    Args:
        frozen: lists, the master list included, that a rebalancing and its redo leave alone; none for what takes changes back.
    """
    joins, leaves = _planned(change, StepAction.ADD), _planned(change, StepAction.REMOVE)
    if why := why_not_begun(change.kind, joins, leaves, _lists(change), cycle, kept_still, received=received):
        return why
    return StepNote.LIST_FROZEN if is_between_frozen(joins, leaves, frozen) else None


def is_between_frozen(joins: Collection[ListRole], leaves: Collection[ListRole], frozen: Collection[ListRole]) -> bool:
    """Whether a move or an enrolment concerns a list that is frozen for rebalancing. An enrolment leaves no campaign list: it
    takes its contact out of the master list."""
    return not frozenset(frozen).isdisjoint({*joins, *(leaves or (ListRole.MASTER,))})


def not_to_begin(change: ChangeNow, why: StepNote) -> FollowUp | None:
    """What becomes of a change that must not be begun: what is planned of it is skipped. None where a job of which nothing is
    known may still put its contact on the new list: then it waits."""
    planned = tuple(step for step in change.steps if step.state is StepState.PLANNED)
    if any(step.note is StepNote.ANSWER_LOST for step in planned):
        return None
    return FollowUp(change.change_id, planned, note=why)


def is_between_lists(change: ChangeNow) -> bool:
    """Whether a removal from a campaign list is left of a change that depends on sends: its contact was added to another list
    before, or stands on two."""
    if change.kind is ItemAction.SUPPRESS or _is_turned(change) or ListRole.SUPPRESSION in change.entries:
        return False
    if not _planned(change, StepAction.REMOVE):
        return False
    if change.kind is ItemAction.REMOVE:
        # A contact that a job created out of an erased one is excluded, and leaves all lists.
        return all(step.action is StepAction.REMOVE for step in change.steps) and len(_lists(change)) > 1
    return bool(added_to(change, ours_only=True))


def way_on(change: ChangeNow, cycle: OpenCycle, *, received: bool) -> Way:
    """How a change between two lists goes on (``is_between_lists``).

    Args:
        received: whether the contact was a recipient of a round of which it is known who was mailed.
    """
    lists, leaves = _lists(change), _planned(change, StepAction.REMOVE)
    joined = frozenset(added_to(change, ours_only=True))
    ways = {
        _way(cycle, lists, lists - leaves, lists - joined if joined else None, was_mailed)
        for was_mailed in _may_have_received(change, cycle, received)
    }
    return ways.pop() if len(ways) == 1 else Way.WAIT


def _way(
    cycle: OpenCycle,
    now: frozenset[ListRole],
    finished: frozenset[ListRole],
    back: frozenset[ListRole] | None,
    received: bool,
) -> Way:
    if cycle.gives_one_mail(finished, received=received):
        return Way.ON
    if back is not None:
        return Way.BACK if cycle.gives_one_mail(back, received=received) else Way.ON
    return Way.ON if cycle.allows(now, finished, received=received) else Way.NOWHERE


def is_over(change: ChangeNow, since: datetime) -> bool:
    """Whether a contact left one campaign list for another, and the last step of that was confirmed since an instant. One that
    unsubscribed is mailed on no list."""
    if _is_turned(change) or change.is_unsubscribed or not (joined := added_to(change, ours_only=True)):
        return False
    is_settled = all(step.state is not StepState.PLANNED for step in change.steps)
    is_on_new = _lists(change) == frozenset(joined)
    return is_settled and is_on_new and any(left_at >= since for _, left_at in _left(change) if left_at)


def goes_back(change: ChangeNow, cycle: OpenCycle, *, received: bool) -> bool:
    """Whether a change that is over (``is_over``) is taken back: its old list was sent while the contact was leaving it, and
    its new one is still to be sent. Who may have been mailed counts as mailed: one mail too many cannot be taken back."""
    left = frozenset(role for role, _ in _left(change))
    was_mailed = any(_may_have_received(change, cycle, received))
    lists = _lists(change)
    return not cycle.gives_one_mail(lists, received=was_mailed) and cycle.gives_one_mail(left, received=was_mailed)


def follow_up(change: ChangeNow, way: Way) -> FollowUp | None:
    """What the journal does about a change that goes on in some way; None where it just goes on, or waits."""
    planned = tuple(step for step in change.steps if step.state is StepState.PLANNED)
    if way is Way.NOWHERE:
        return FollowUp(change.change_id, planned, note=StepNote.CYCLE_CHANGED)
    if way is Way.BACK:
        off = tuple((StepAction.REMOVE, role) for role in added_to(change, ours_only=True))
        return FollowUp(change.change_id, planned, off, StepNote.CYCLE_CHANGED)
    return None


def return_home(change: ChangeNow) -> FollowUp:
    """A change that is over, backwards: onto the lists that the contact left, then off those it joined."""
    left = tuple((StepAction.ADD, role) for role, _ in _left(change))
    joined = tuple((StepAction.REMOVE, role) for role in added_to(change, ours_only=True))
    return FollowUp(change.change_id, (), (*left, *joined), StepNote.CYCLE_CHANGED)


def _may_have_received(change: ChangeNow, cycle: OpenCycle, received: bool) -> frozenset[bool]:
    """Whether the contact got the open cycle, as far as that can be told: both where it is not known.

    Of a round whose recipients are not known, the time says it: who was on its list when it began was mailed.
    """
    if received:
        return frozenset({True})
    found = frozenset({False})
    for role in sorted(cycle.unrecorded & cycle.began.keys()):
        on_since, until = _time_on(change, role)
        if until is not None and cycle.began[role] >= until:
            continue
        # Mailjet tells whole seconds; the addition was read back some time after it took effect.
        if on_since is None or cycle.began[role] >= on_since.replace(microsecond=0):
            if role in change.entries or until is not None:
                return frozenset({True})
        else:
            # Added while the send was beginning: only its messages say whether it reached the contact.
            found = frozenset({True, False})
    return found


def _time_on(change: ChangeNow, role: ListRole) -> tuple[datetime | None, datetime | None]:
    """Since when and until when the contact is on a list because of the change; None: before it, and still."""
    since = until = None
    for step in change.steps:
        if step.list_role is role and step.state is StepState.CONFIRMED and step.note is not StepNote.WAS_THERE_ALREADY:
            if step.action is StepAction.ADD:
                since = step.changed_at
            elif step.action is StepAction.REMOVE:
                until = step.changed_at
    return since, until


def _lists(change: ChangeNow) -> frozenset[ListRole]:
    return _CAMPAIGN & change.entries.keys()


def _planned(change: ChangeNow, action: StepAction) -> frozenset[ListRole]:
    return frozenset(
        step.list_role
        for step in change.steps
        if step.list_role in _CAMPAIGN and step.action is action and step.state is StepState.PLANNED
    )


def _left(change: ChangeNow) -> tuple[tuple[ListRole, datetime | None], ...]:
    """The campaign lists that the contact was taken off, each with when that was confirmed."""
    return tuple(
        (step.list_role, step.changed_at)
        for step in change.steps
        if step.list_role in _CAMPAIGN and step.action is StepAction.REMOVE and step.state is StepState.CONFIRMED
    )


def _is_turned(change: ChangeNow) -> bool:
    return any(step.note in TURNED_ROUND for step in change.steps)
