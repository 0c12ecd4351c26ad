"""The last look at a contact right before a repair, or what a person asked for, changes it: the lists may have moved on since.

Belongs here: which changes are not needed any more, and which have to wait for a send. Does not belong here: what is proposed
(``findings``), carrying it out (``operations.plans.corrections``), and taking back what we did (``core.plans.corrections``).
"""

from __future__ import annotations

from collections.abc import Collection

from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import ContactNow
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import ItemAction, PlanItem


def waits_for_a_send(item: PlanItem, now: ContactNow, in_sending: Collection[ListRole]) -> bool:
    """Whether a removal has to wait because Mailjet is sending to its list.

    Taking off who is suppressed or unsubscribed protects the contact and is always done; which of two lists somebody leaves can
    wait.
    """
    return item.from_role in in_sending and not _must_leave(item, now)


def why_left_as_it_is(item: PlanItem, now: ContactNow, suppressed_addresses: Collection[int]) -> StepNote | None:
    """Why a planned repair, or what a person asked for, is not made any more; None: it is made.

    A removal from one of two lists is made only while the contact is on both: never off its last one, unless it is suppressed
    or unsubscribed. Who is subscribed again since it was to leave for that stays on all of them. Who is to go back to a list
    goes while it may be mailed and is on none. Who is to be kept from mail has to be on a campaign list and mailed by it.

    Args:
        suppressed_addresses: contacts whose address was suppressed under another id.
    """
    if now.is_gone:
        return StepNote.CONTACT_GONE
    if item.action is ItemAction.ENROL:
        if _must_stay(now) or item.contact_id in suppressed_addresses:
            return StepNote.MUST_STAY
        return None if may_be_put_back(now) else StepNote.NO_LONGER_THERE
    if item.action is ItemAction.QUARANTINE:
        return _why_not_quarantined(now)
    if item.action is not ItemAction.REMOVE:
        return None
    is_one_too_many = len(now.campaign_lists) > 1 and item.rule != DriftKind.UNSUBSCRIBED_AND_LISTED.value
    is_right = item.from_role in now.campaign_lists and (is_one_too_many or _must_leave(item, now))
    return None if is_right else StepNote.NO_LONGER_THERE


def may_be_put_back(now: ContactNow) -> bool:
    """Whether a contact that others took off its campaign list may go back there: it may be mailed, is still in master, and is
    on no campaign list."""
    return not now.is_gone and not _must_stay(now) and not now.campaign_lists and ListRole.MASTER in now.lists


def _why_not_quarantined(now: ContactNow) -> StepNote | None:
    """Somebody else's exclusion stays theirs, so that we never lift it; and who is not mailed needs none."""
    if ListRole.SUPPRESSION in now.lists:
        return StepNote.ALREADY_SUPPRESSED
    if _must_stay(now):
        return StepNote.MUST_STAY
    return None if now.campaign_lists else StepNote.NO_LONGER_THERE


def _must_stay(now: ContactNow) -> bool:
    """Whether a contact may not be mailed. Of one that cannot be read that is not known."""
    is_kept = now.is_unsubscribed or now.is_excluded or now.is_complaining or now.is_unreadable
    return is_kept or ListRole.SUPPRESSION in now.lists


def _must_leave(item: PlanItem, now: ContactNow) -> bool:
    """Whether a contact is on no campaign list by right, however many it is on."""
    is_unsubscriber = item.rule == DriftKind.UNSUBSCRIBED_AND_LISTED.value and now.is_unsubscribed
    return ListRole.SUPPRESSION in now.lists or is_unsubscriber
