"""When each stage of a campaign is due, and until when telling it is of use. What comes later is skipped, with the reason.

A stage belongs to the launch time for which it was told: a campaign that is moved has its stages once more, for its new time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from list_pipeline.core.campaign_stages.policy import STAGES
from list_pipeline.core.validation.rules import validation_due_at
from list_pipeline.core.wording import instant_text


class Stage(StrEnum):
    """The stages in their order."""

    PRELAUNCH = "prelaunch"
    PREFLIGHT = "preflight"
    LAUNCH_WARNING = "launch_warning"
    LAUNCH_CONFIRMATION = "launch_confirmation"
    WRAPUP = "wrapup"

    @property
    def label(self) -> str:
        """For people."""
        return self.value.replace("_", " ")


BEFORE_LAUNCH = (Stage.PRELAUNCH, Stage.PREFLIGHT, Stage.LAUNCH_WARNING)
"""What is of no use any more once Mailjet has begun to send."""


class Timing(StrEnum):
    """An instant held against a stage."""

    NOT_YET = "not_yet"
    DUE = "due"
    TOO_LATE = "too_late"


class StageState(StrEnum):
    """What became of a stage. ``told``: its message is in the outbox, which knows whether it arrived."""

    TOLD = "told"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StageTime:
    """A stage of one launch. ``due_at``, ``useful_until``: from when and until when it is told, without the second (UTC)."""

    stage: Stage
    due_at: datetime
    useful_until: datetime

    def timing(self, now: datetime) -> Timing:
        """Whether it is to be told at an instant."""
        if now >= self.useful_until:
            return Timing.TOO_LATE
        return Timing.DUE if now >= self.due_at else Timing.NOT_YET


def stages_before(launch_at: datetime) -> Sequence[StageTime]:
    """The stages before a launch (UTC), in their order.

    Each is of use until the next one, which says the same and more; the preflight until the launch, since it can still stop it.
    """
    at = launch_at.astimezone(UTC)
    day_before = (at - timedelta(days=1)).date()
    prelaunch = datetime.combine(day_before, time(STAGES.prelaunch_hour), UTC)
    preflight = validation_due_at(at)
    return (
        StageTime(Stage.PRELAUNCH, prelaunch, preflight),
        StageTime(Stage.PREFLIGHT, preflight, at),
        StageTime(Stage.LAUNCH_WARNING, at - STAGES.warning_before, at),
    )


def confirmation(began_at: datetime) -> StageTime:
    """The confirmation of a launch that Mailjet began (UTC): of use until the wrap-up."""
    return StageTime(Stage.LAUNCH_CONFIRMATION, began_at, began_at + STAGES.wrapup_after)


def wrapup(began_at: datetime) -> StageTime:
    """The wrap-up of a launch that Mailjet began (UTC): of use until its maintenance."""
    due_at = began_at + STAGES.wrapup_after
    return StageTime(Stage.WRAPUP, due_at, due_at + STAGES.wrapup_useful)


def why_skipped(time: StageTime, known_since: datetime | None, began_at: datetime | None) -> str:
    """Why a stage was not told, as the end of a sentence.

    Args:
        known_since: since when this launch stands in our schedule. began_at: when Mailjet began to send; None: it did not.
            Both in UTC.
    """
    is_before_launch = time.stage in BEFORE_LAUNCH
    if is_before_launch and began_at is not None and began_at < time.due_at:
        return f"Mailjet began to send at {instant_text(began_at)}, before it was due ({instant_text(time.due_at)})"
    if known_since is not None and known_since >= time.useful_until:
        return f"the campaign was scheduled at {instant_text(known_since)}, too late for it"
    until = min(began_at, time.useful_until) if is_before_launch and began_at is not None else time.useful_until
    due_at = time.due_at if known_since is None else max(time.due_at, known_since)
    return f"it was due at {instant_text(due_at)}, and {_MISSED[time.stage]} until {instant_text(until)}"


_MISSED = {
    Stage.PRELAUNCH: "nothing of ours ran",
    # A validation may have been tried again and again, and Mailjet have been away.
    Stage.PREFLIGHT: "no validation of its list had ended",
    Stage.LAUNCH_WARNING: "nothing of ours ran",
    Stage.LAUNCH_CONFIRMATION: "nothing of ours had seen that Mailjet began",
    Stage.WRAPUP: "no wrap-up could be made",
}
"""What was not so while a stage was of use. Its message needs our rows only, but for three of them."""
