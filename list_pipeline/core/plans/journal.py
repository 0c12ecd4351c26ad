"""The words of the journal: what a step does, where it is in its life, why it is there; and the same of a bulk job.

Belongs here: these words, which of them may follow which, and the counts of what became of a plan. Does not belong here: what
a plan intends for a contact, which is also the kind of its change (``plan.ItemAction``), and the rows
(``storage.plans.journal``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle
from list_pipeline.core.lists import ListRole


class StepAction(StrEnum):
    """What a step does with a contact: on one list (add, remove, unsub), or in all campaigns (exclude, include)."""

    ADD = "add"
    REMOVE = "remove"
    EXCLUDE = "exclude"
    INCLUDE = "include"
    UNSUB = "unsub"


StepOnList = tuple[StepAction, ListRole | None]
"""What a step does, and on which list; what concerns all campaigns has none."""


class StepState(StrEnum):
    """Where a step is in its life.

    ``submitting`` is committed before the request, ``submitted`` has Mailjet's job id, ``confirmed`` was read back from the
    lists, and ``compensated`` was taken back by a later change that is confirmed itself.
    """

    PLANNED = "planned"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SKIPPED = "skipped"
    COMPENSATED = "compensated"


_S = StepState

UNDER_WAY = (_S.SUBMITTING, _S.SUBMITTED)
"""A job carries the step out, as far as is known."""

UNSETTLED = (_S.PLANNED, *UNDER_WAY)
"""The step still wants something to be done."""

STEP_LIFE = life_cycle(
    "a step",
    {
        # Confirmed without a further job: an earlier one took effect late. Failed: the deadline passed before it was begun.
        _S.PLANNED: {_S.SUBMITTING, _S.CONFIRMED, _S.FAILED, _S.SKIPPED},
        # Planned: nothing reached Mailjet, or it had no effect. Skipped: its contact was erased meanwhile.
        _S.SUBMITTING: {_S.SUBMITTED, _S.PLANNED, _S.CONFIRMED, _S.FAILED, _S.SKIPPED},
        _S.SUBMITTED: {_S.PLANNED, _S.CONFIRMED, _S.FAILED, _S.SKIPPED},
        # Skipped: it was turned round within its own plan, because the contact unsubscribed.
        _S.CONFIRMED: {_S.COMPENSATED, _S.SKIPPED},
        # A person wants it tried again, and with it what was skipped because of it.
        _S.FAILED: {_S.PLANNED},
        _S.SKIPPED: {_S.PLANNED},
        _S.COMPENSATED: (),
    },
)


class JobState(StrEnum):
    """Where a bulk job is in its life. What it did is read from the lists, not from this.

    ``lost``: nobody knows whether Mailjet accepted it, or Mailjet knows nothing of it. It may still take effect, for as long as
    ``ExecutionPolicy.job_may_run``; its steps are planned again meanwhile.
    """

    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    LOST = "lost"
    FINISHED = "finished"
    FAILED = "failed"


OPEN_JOBS = (JobState.SUBMITTING, JobState.SUBMITTED)
"""The job has not ended, as far as is known."""

JOB_LIFE = life_cycle(
    "a bulk job",
    {
        # Failed: nothing reached Mailjet, or the answer was lost and everything took effect.
        JobState.SUBMITTING: {JobState.SUBMITTED, JobState.LOST, JobState.FAILED},
        # Failed also: a person declared it dead.
        JobState.SUBMITTED: {JobState.FINISHED, JobState.LOST, JobState.FAILED},
        JobState.LOST: {JobState.FAILED},
        JobState.FINISHED: (),
        JobState.FAILED: (),
    },
)


class StepNote(StrEnum):
    """Why a step is where it is. Some decide what follows; the others are for people who read the journal."""

    # An addition that found the contact there: it changed no size, and is not ours to take back.
    WAS_THERE_ALREADY = "was_there_already"
    # Turned round, because the contact unsubscribed after it was added to another list.
    UNSUBSCRIBED_MEANWHILE = "unsubscribed_meanwhile"
    # About a contact that a job created out of an erased person's address.
    CREATED_AGAIN = "created_again"
    # Not begun before the deadline of its run: people are asked, and it does not count as a failure of Mailjet.
    DEADLINE = "deadline"
    # Planned again together with the failed step that it followed.
    EARLIER_STEP_NOT_DONE = "earlier_step_not_done"

    # Posted, and nobody knows whether that arrived: begun, and no attempt.
    ANSWER_LOST = "answer_lost"

    HAD_NO_EFFECT = "had_no_effect"
    TOOK_EFFECT_LATE = "took_effect_late"
    TRIED_AGAIN = "tried_again"
    NOT_A_MEMBER = "not_a_member"
    NO_LONGER_THERE = "no_longer_there"
    CONTACT_GONE = "contact_gone"
    ALREADY_SUPPRESSED = "already_suppressed"
    MUST_STAY = "must_stay"
    # On a campaign list before, and taken off it by somebody: not new, so not enrolled.
    WAS_LISTED = "was_listed"
    CYCLE_CHANGED = "cycle_changed"
    LIST_BEING_SENT = "list_being_sent"
    # Others changed one of its lists at large, and no person has decided on it.
    LIST_FROZEN = "list_frozen"
    # A round of the open cycle was sent, and who was mailed is not known yet.
    RECIPIENTS_UNKNOWN = "recipients_unknown"
    UNDONE = "undone"
    # Nobody decided or carried it out in time: its contact is to be mailed by now.
    QUARANTINE_OVER = "quarantine_over"


MET_A_SEND = (StepNote.CYCLE_CHANGED, StepNote.LIST_BEING_SENT, StepNote.RECIPIENTS_UNKNOWN)
"""A change was left out because of a send to one of its lists; a later plan may make it."""

EXPLAIN_NO_SIZE = (StepNote.WAS_THERE_ALREADY, StepNote.CREATED_AGAIN)
"""Confirmed steps with such a note did not change the size of a list that the journal accounts for."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The changes of a plan, or of a part of it, counted by what became of them. Each of ``planned`` is in one other count.

    Attributes:
        confirmed: all steps were read back from Mailjet's lists.
        failed: a step failed in all its attempts.
        skipped: nothing of it was to be done any more.
        reversed: taken back again by a later change.
        open: not settled.
    """

    planned: int = 0
    confirmed: int = 0
    failed: int = 0
    skipped: int = 0
    reversed: int = 0
    open: int = 0
