"""The last look at a contact right before a plan changes it: what was true when the plan was made may not be true any more.

Belongs here: why a planned suppression, move or enrolment is left out after all. Does not belong here: reading the contacts
(``storage.membership.members.facts_of``), and the same of corrections (``corrections``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import PlanItem
from list_pipeline.core.plans.sends_meanwhile import is_between_frozen, why_not_begun

Flags = Mapping[str, Any]
"""The flags of a contact, with the campaign lists that it is on (``roles``)."""

_KEEPS_WHERE_IT_IS = (
    "in_suppression_list",
    "is_unsubscribed",
    "is_excluded",
    "is_anonymised",
    "is_complaining",
    "is_unreadable",
)
_CAMPAIGN = frozenset(CAMPAIGN_LISTS)


@dataclass(frozen=True, slots=True)
class MovesNow:
    """What is true now for all moves and enrolments of a plan.

    Attributes:
        received: contacts that were recipients of a round of the open cycle.
        kept_still: lists that nobody joins or leaves, because a send to them goes on or is near.
        frozen: lists, the master list included, that a rebalancing leaves alone.
        suppressed_before: contacts whose address was suppressed before, and was not reinstated.
        taken_off: contacts that were on a campaign list and were taken off it by somebody.
    """

    cycle: OpenCycle
    received: Collection[int] = frozenset()
    kept_still: frozenset[ListRole] = frozenset()
    frozen: frozenset[ListRole] = frozenset()
    suppressed_before: Collection[int] = frozenset()
    taken_off: Collection[int] = frozenset()


def must_stay(flags: Flags) -> bool:
    """Whether a contact with these flags may neither be moved nor enrolled."""
    return any(flags[name] for name in _KEEPS_WHERE_IT_IS)


def why_not_suppressed(flags: Flags | None) -> StepNote | None:
    """Why a planned suppression is not needed any more, or must not be made; None: it is made.

    Args:
        flags: None for a contact that there is no more.
    """
    if flags is None or flags["is_anonymised"]:
        return StepNote.CONTACT_GONE
    if flags["is_unreadable"]:
        return StepNote.MUST_STAY
    if flags["in_suppression_list"] and flags["is_excluded"] and not _CAMPAIGN.intersection(flags["roles"]):
        return StepNote.ALREADY_SUPPRESSED
    return None


def why_not_moved(item: PlanItem, flags: Flags | None, now: MovesNow) -> StepNote | None:
    """Why a planned move or enrolment must not be made any more; None: it is made.

    Args:
        flags: None for a contact that there is no more.
    """
    if flags is None or flags["is_anonymised"]:
        return StepNote.CONTACT_GONE
    if must_stay(flags) or item.contact_id in now.suppressed_before:
        return StepNote.MUST_STAY
    leaves = frozenset({item.from_role} if item.from_role else ())
    if _CAMPAIGN.intersection(flags["roles"]) != leaves or not (leaves or flags["in_master_list"]):
        return StepNote.NO_LONGER_THERE
    joins = frozenset({item.to_role} if item.to_role else ())
    is_received = item.contact_id in now.received
    if why := why_not_begun(
        item.action, joins, leaves, flags["roles"], now.cycle, now.kept_still, received=is_received
    ):
        return why
    if is_between_frozen(joins, leaves, now.frozen):
        return StepNote.LIST_FROZEN
    return StepNote.WAS_LISTED if item.contact_id in now.taken_off else None
