"""What becomes of the steps of a bulk job when it is over, or when nobody knows whether it is.

Belongs here: which steps are posted again, which are given up, and how long is waited before that. Does not belong here:
looking at the lists and writing it down (``operations.plans.settling``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from list_pipeline.core.plans.journal import JobState, StepNote, StepState
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.plans.waves import AStep

FIRST_RETRY_AFTER_SECONDS = 10.0
"""Pause before what a job left undone is looked for and posted again; it doubles with the next attempt."""


@dataclass(frozen=True, slots=True)
class LeftUndone(Generic[AStep]):
    """What a job that is over did not do.

    Attributes:
        again: steps that are posted again.
        given_up: steps that were posted as often as they may be.
        waits: nobody of ``given_up`` is given up yet.
    """

    again: Sequence[AStep]
    given_up: Sequence[AStep]
    waits: bool

    @property
    def last_state(self) -> tuple[StepState, StepNote]:
        """State and note of the steps that were posted as often as they may be."""
        if self.waits:
            return StepState.PLANNED, StepNote.ANSWER_LOST
        return StepState.FAILED, StepNote.HAD_NO_EFFECT


def left_undone(missing: Sequence[AStep], *, may_take_effect: bool) -> LeftUndone[AStep]:
    """What follows for the steps that a job which is over did not do.

    Args:
        may_take_effect: whether a job of the plan may still be running that would change its contacts after all: then nobody
            is given up.
    """
    given_up = [step for step in missing if step.attempts >= EXECUTION.attempts_per_step]
    again = [step for step in missing if step not in given_up]
    return LeftUndone(again, given_up, waits=bool(given_up) and may_take_effect)


def state_after_lost_answer(missing: Sequence[AStep]) -> JobState:
    """The state of a job whose answer was lost, after it was looked for: it is over once everything is done, and may else still
    take effect."""
    return JobState.LOST if missing else JobState.FAILED


def not_to_be_begun(steps: Sequence[AStep]) -> list[AStep]:
    """Of the steps of a plan that is taken back the planned ones of changes of which nothing was done. The rest of a change
    that was begun stays: its reversal skips it, or it is brought to its end."""
    begun = {step.change_id for step in steps if step.state is StepState.CONFIRMED}
    return [step for step in steps if step.state is StepState.PLANNED and step.change_id not in begun]


def pause_before_repeating(steps: Sequence[AStep]) -> float:
    """Seconds to wait before steps are posted again, and looked for; 0 where none of them was posted before."""
    attempts = max(step.attempts for step in steps)
    return FIRST_RETRY_AFTER_SECONDS * 2 ** (attempts - 1) if attempts else 0.0
