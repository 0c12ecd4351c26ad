"""The order in which a plan's changes are posted: three waves, and within a wave groups that one bulk job can carry out.

Add and exclude; remove, when that is confirmed, so that a contact is never in no list; lift the exclusion, when the contact is
off the suppression list, so that nobody is suppressed and mailable.

Belongs here: which planned steps may be posted now, which of them together, and which are not posted any more. Does not belong
here: posting them (``operations.plans.execution``), and what sends and people change meanwhile (``sends_meanwhile``,
``concurrent_edits``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction

FIRST_WAVE = (StepAction.ADD, StepAction.EXCLUDE)
SECOND_WAVE = (StepAction.REMOVE,)
THIRD_WAVE = (StepAction.INCLUDE, StepAction.UNSUB)
WAVES = (FIRST_WAVE, SECOND_WAVE, THIRD_WAVE)


class StepInOrder(Protocol):
    """A step of the journal, as far as the order of the waves asks about it."""

    @property
    def change_id(self) -> int: ...
    @property
    def kind(self) -> ItemAction: ...
    @property
    def action(self) -> StepAction: ...
    @property
    def list_role(self) -> ListRole | None: ...
    @property
    def state(self) -> StepState: ...
    @property
    def attempts(self) -> int: ...


AStep = TypeVar("AStep", bound=StepInOrder)


def jobs_of_wave(
    steps: Sequence[AStep], wave: Sequence[StepAction], most: int, may_go_on: Callable[[AStep], bool]
) -> list[list[AStep]]:
    """The planned steps of a wave that may be posted now, each group for one job.

    Args:
        steps: all of the plan, in their order.
        wave: one of ``WAVES``.
        most: changes in one group.
        may_go_on: whether anything may be done with a step's change now.
    """
    waiting = {step.change_id for step in steps if _holds_back(step, wave)}
    changes: dict[int, list[AStep]] = defaultdict(list)
    for step in steps:
        if (
            step.state is StepState.PLANNED
            and step.action in wave
            and step.change_id not in waiting
            and may_go_on(step)
        ):
            changes[step.change_id].append(step)
    alike: dict[object, list[list[AStep]]] = defaultdict(list)
    for change in changes.values():
        alike[_what_is_posted(change)].append(change)
    return [
        [step for change in found[start : start + most] for step in change]
        for found in alike.values()
        for start in range(0, len(found), most)
    ]


def not_posted_any_more(steps: Sequence[AStep]) -> list[AStep]:
    """The planned steps that follow one that was not done: a contact that was not added is not removed.

    A removal that was skipped or failed says nothing about the other removals of its contact.
    """
    not_done = (StepState.FAILED, StepState.SKIPPED)
    broken = {step.change_id for step in steps if step.action in FIRST_WAVE and step.state in not_done}
    # Still on the suppression list: lifting the exclusion would make a suppressed contact mailable.
    kept = {step.change_id for step in steps if step.action is StepAction.REMOVE and step.state is StepState.FAILED}
    return [
        step
        for step in steps
        if step.state is StepState.PLANNED
        and (step.change_id in broken or (step.change_id in kept and step.action is StepAction.INCLUDE))
    ]


def _holds_back(step: StepInOrder, wave: Sequence[StepAction]) -> bool:
    """Whether a step of an earlier wave keeps the rest of its change waiting: what comes first is confirmed first.

    A removal from a list that the contact was not on is no reason to wait.
    """
    if step.action in wave or wave is FIRST_WAVE or step.action in THIRD_WAVE:
        return False
    if step.action is StepAction.REMOVE and step.state is StepState.SKIPPED:
        return False
    return step.state is not StepState.CONFIRMED


def _what_is_posted(change: Sequence[StepInOrder]) -> object:
    """Equal for changes that one job can carry out: it does the same with all of its contacts.

    Taking a contact off a list it is not on changes nothing, so removals of suppressed contacts share a job.
    """
    if all(step.kind is ItemAction.SUPPRESS and step.action is StepAction.REMOVE for step in change):
        return ItemAction.SUPPRESS
    return frozenset((step.action, step.list_role, bool(step.attempts)) for step in change)
