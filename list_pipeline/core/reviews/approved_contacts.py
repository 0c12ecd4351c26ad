"""Contacts that a person approved one by one: which of them are carried out, and which are tried again.

Belongs here: what an approval covers. Does not belong here: the decision itself (``decidable``), carrying it out
(``operations.reviews.approved_items``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.plans.posting import StepOfContact
from list_pipeline.core.reviews.questions import ReviewKind

_CHANGING = (ItemAction.SUPPRESS, ItemAction.MOVE, ItemAction.ENROL)
_COMPLAINT = "complaint"
"""The reason of a suppression that no cap counts."""


class Question(Protocol):
    """A question about single contacts, as far as carrying it out asks about it."""

    @property
    def kind(self) -> ReviewKind: ...
    @property
    def contact_ids(self) -> tuple[int, ...]: ...
    @property
    def decided_at(self) -> datetime | None: ...


AStepOfContact = TypeVar("AStepOfContact", bound=StepOfContact)


def approved_of_plan(items: Iterable[PlanItem], approved: Iterable[Question]) -> list[PlanItem]:
    """The plan's own items that change something and whose contacts were approved: nothing else can be approved."""
    wanted = {contact_id for one in approved for contact_id in one.contact_ids}
    return [item for item in items if item.action in _CHANGING and item.contact_id in wanted]


def tried_again(approved: Iterable[Question]) -> dict[int, datetime]:
    """Contacts that could not be changed and are tried again, to the instant (UTC) at which a person said so."""
    return {
        contact_id: one.decided_at
        for one in approved
        if one.kind is ReviewKind.FAILED_ITEM and one.decided_at is not None
        for contact_id in one.contact_ids
    }


def failed_once_more(question: Question, failed: Collection[int]) -> list[int]:
    """The contacts of a question that were tried again and failed again: they are asked about anew.

    Args:
        failed: all contacts of the plan that could not be changed.
    """
    return [one for one in question.contact_ids if question.kind is ReviewKind.FAILED_ITEM and one in failed]


def not_to_be_removed(
    steps: Sequence[AStepOfContact], again: Collection[int], lists_now: Mapping[int, Collection[ListRole]]
) -> list[AStepOfContact]:
    """Planned steps of contacts that are tried again and that others took off the list they had been added to: a removal
    would leave them in no list.

    Args:
        steps: all of the plan.
        again: the contacts that are tried again.
        lists_now: the lists that contacts are on, those left out that are gone.
    """
    gone = {
        step.contact_id
        for step in steps
        if step.contact_id in again
        and step.action is StepAction.ADD
        and step.state is StepState.CONFIRMED
        and step.list_role not in lists_now.get(step.contact_id, ())
    }
    return [step for step in steps if step.contact_id in gone and step.state is StepState.PLANNED]


def count_for_cap(items: Iterable[PlanItem], wanted: Collection[int], done: Collection[int]) -> int:
    """How many of a plan's suppressions a cap counts: those of these contacts that are not made yet, complaints left out."""
    return sum(
        item.contact_id in wanted and item.contact_id not in done and item.reason != _COMPLAINT for item in items
    )
