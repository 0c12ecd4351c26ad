"""People who unsubscribe or are erased while a plan is carried out: what the journal has to do about it.

A move adds a contact to its new list before it takes it off the old one. Added, the contact is subscribed there, and removing
the old entry would forget that it unsubscribed in between. A bulk job knows addresses only: the address of an erased contact
makes a new contact.

Belongs here: the rule, as pure functions of a change's steps and of what is true of its contact now. Does not belong here:
looking at Mailjet and writing to the journal (``operations.plans.concurrent_edits``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.observations import ContactSeen
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction

TURNED_ROUND = (StepNote.UNSUBSCRIBED_MEANWHILE, StepNote.CYCLE_CHANGED)
"""A step with such a note takes back what its own change did, or was left out for that."""

_BACKWARDS = (StepAction.ADD, StepAction.REMOVE)


@dataclass(frozen=True, slots=True)
class StepNow:
    """A step of a change as the journal has it now. ``list_role`` is None for the exclusion from campaigns.

    ``changed_at``: when it came into its state (UTC).
    """

    ordinal: int
    action: StepAction
    list_role: ListRole | None
    state: StepState
    note: StepNote | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeNow:
    """A change of a plan that is being carried out, and what is true of its contact now.

    ``entries``: the lists that the contact is on, each with whether its entry there says unsubscribed. ``is_unsubscribed``
    stays true when the entry that said so is gone.
    """

    change_id: int
    kind: ItemAction
    steps: tuple[StepNow, ...]
    is_unsubscribed: bool
    is_anonymised: bool = False
    entries: Mapping[ListRole, bool] = field(default_factory=dict)
    contact_id: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What the journal does about a change: steps that are skipped, and further ones (action, list) after the last, all with a
    note that says why."""

    change_id: int
    skipped: tuple[StepNow, ...] = ()
    added: tuple[tuple[StepAction, ListRole], ...] = ()
    note: StepNote = StepNote.UNSUBSCRIBED_MEANWHILE


def reversal(change: ChangeNow) -> FollowUp | None:
    """The change is turned back while the old entry, which remembers the unsubscription, still stands; else None.

    What was not begun is skipped, and the contact is removed from where it was added: a mover stays on its old list, a
    newcomer in master.
    """
    if not _is_followed(change) or any(step.note is StepNote.CYCLE_CHANGED for step in change.steps):
        return None
    joined = added_to(change, ours_only=True)
    has_old_entry = _has_planned_removal(change) or (
        change.kind is ItemAction.ENROL and ListRole.MASTER in change.entries
    )
    if not joined or not has_old_entry:
        return None
    planned = tuple(step for step in change.steps if step.state is StepState.PLANNED)
    return FollowUp(change.change_id, planned, tuple((StepAction.REMOVE, role) for role in joined))


def late_unsubscription(change: ChangeNow) -> FollowUp | None:
    """The contact is unsubscribed on its new list, as if it had never moved, because the old entry is gone; else None."""
    if not _is_followed(change) or change.is_anonymised or _has_planned_removal(change):
        return None
    subscribed = [role for role in added_to(change) if change.entries.get(role) is False]
    return (
        FollowUp(change.change_id, added=tuple((StepAction.UNSUB, role) for role in subscribed)) if subscribed else None
    )


def settlement(change: ChangeNow) -> FollowUp | None:
    """At the end of an execution: what was done and taken back is neither done nor failed, so it is skipped; else None."""
    backwards = [step for step in change.steps if step.note in TURNED_ROUND and step.action in _BACKWARDS]
    done = [step for step in backwards if step.state is StepState.CONFIRMED]
    if len(done) < sum(step.state is not StepState.SKIPPED for step in backwards):
        # Only a part of it was taken back.
        return None
    roles = {step.list_role for step in done}
    undone = tuple(step for step in change.steps if step.state is StepState.CONFIRMED and step.list_role in roles)
    return FollowUp(change.change_id, undone, note=done[0].note or StepNote.CYCLE_CHANGED) if undone else None


def may_hide_erasure(master_known: int, master_now: int) -> bool:
    """Whether contacts may have been erased since the last look: an erased contact leaves the master list, and nothing of
    ours makes that list shorter."""
    return master_now < master_known


def erased(contact_ids: Collection[int], anonymised: Mapping[int, bool]) -> frozenset[int]:
    """The contacts that were erased: those that are anonymised, and those of which there is no row.

    Args:
        anonymised: contact id to whether the contact is anonymised, for each contact that there is a row of.
    """
    return frozenset(contact_id for contact_id in contact_ids if anonymised.get(contact_id, True))


def is_created_again(erased_id: int, seen: ContactSeen) -> bool:
    """Whether the contact that Mailjet has at an erased contact's address is a new one, which a bulk job created."""
    return seen.contact_id != erased_id and not seen.is_anonymised


def _is_followed(change: ChangeNow) -> bool:
    """A suppression goes on, since it makes nobody mailable; a change that follows an unsubscription is not followed again."""
    if change.kind is ItemAction.SUPPRESS or not change.is_unsubscribed:
        return False
    return not any(step.note is StepNote.UNSUBSCRIBED_MEANWHILE for step in change.steps)


def added_to(change: ChangeNow, *, ours_only: bool = False) -> tuple[ListRole, ...]:
    """The campaign lists to which the contact was added; with ``ours_only`` without those it was on before."""
    return tuple(
        step.list_role
        for step in change.steps
        if step.action is StepAction.ADD
        and step.state is StepState.CONFIRMED
        and step.list_role in CAMPAIGN_LISTS
        and not (ours_only and step.note is StepNote.WAS_THERE_ALREADY)
    )


def _has_planned_removal(change: ChangeNow) -> bool:
    return any(step.action is StepAction.REMOVE and step.state is StepState.PLANNED for step in change.steps)
