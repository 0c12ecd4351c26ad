"""The words of changes to a campaign's schedule at Mailjet, which a block makes and a person's override takes back.

Does not belong here: what blocks a campaign (``rules``), and carrying a change out (``operations.validation.campaign_block``).
"""

from __future__ import annotations

from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle


class ScheduleAction(StrEnum):
    """What is done to the schedule of a draft: it is cancelled, or set again for the same time."""

    CANCEL = "cancel"
    RESTORE = "restore"


class ScheduleState(StrEnum):
    """Where a change of a schedule is in its life. ``submitting`` is committed before each of its requests."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SKIPPED = "skipped"


OPEN_CHANGES = (ScheduleState.PLANNED, ScheduleState.SUBMITTING)
"""The change is not settled: it is to be carried out, or continued."""

SCHEDULE_LIFE = life_cycle(
    "a change of a schedule",
    {
        # What is not needed any more is found before the first request.
        ScheduleState.PLANNED: {ScheduleState.SUBMITTING, ScheduleState.SKIPPED},
        ScheduleState.SUBMITTING: {ScheduleState.CONFIRMED, ScheduleState.FAILED, ScheduleState.SKIPPED},
        ScheduleState.CONFIRMED: (),
        ScheduleState.FAILED: (),
        ScheduleState.SKIPPED: (),
    },
)


class ScheduleNote(StrEnum):
    """Why a change of a schedule was not needed. What failed has the words of the failure instead."""

    SENT = "sent"
    NOT_SCHEDULED = "not_scheduled"
    TOO_LATE = "too_late"
    SCHEDULED_ALREADY = "scheduled_already"


class OwnSchedule(StrEnum):
    """What we did to a campaign's schedule: it is being changed right now, or our cancellation of it stands."""

    CHANGING = "changing"
    CANCELLED = "cancelled"
