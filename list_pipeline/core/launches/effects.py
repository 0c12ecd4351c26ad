"""What Mailjet shows of a draft says what became of a launch change: nothing else confirms it.

Belongs here: reading an effect out of what was seen. Does not belong here: looking, posting again (``operations.launches``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.launches.policy import LAUNCHES
from list_pipeline.core.observations import DraftStatus
from list_pipeline.core.wording import instant_text


@dataclass(frozen=True, slots=True)
class Effect:
    """The end of a launch change, and why, as a sentence. ``is_critical``: somebody has to look at Mailjet now."""

    state: LaunchState
    words: str
    is_critical: bool = False


def effect_of(
    action: LaunchAction,
    wanted_at: datetime | None,
    posted_at: datetime,
    status: int,
    programmed_for: datetime | None,
) -> Effect | None:
    """What became of a launch change whose request went out, or may have; None: Mailjet shows no effect.

    Args:
        posted_at: when its latest request was written down (UTC).
        status: the draft's, a number of ``DraftStatus`` or another; of one that is gone, that of a deleted one.
        programmed_for: when Mailjet sends it (UTC); None: it is not programmed.
    """
    if action is LaunchAction.SEND:
        return _of_send(posted_at, status, programmed_for)
    if status == DraftStatus.SENT:
        # It goes to people at a time at which it should not.
        is_critical = action in (LaunchAction.CANCEL, LaunchAction.MOVE)
        return Effect(LaunchState.FAILED, "Mailjet has begun to send it.", is_critical)
    if action is LaunchAction.CANCEL:
        if programmed_for is None and status != DraftStatus.PROGRAMMED:
            return Effect(LaunchState.CONFIRMED, "It is not scheduled at Mailjet any more.")
        return None
    if programmed_for is not None and programmed_for == wanted_at:
        return Effect(LaunchState.CONFIRMED, f"Mailjet sends it at {instant_text(programmed_for)}.")
    return None


def _of_send(posted_at: datetime, status: int, programmed_for: datetime | None) -> Effect | None:
    if status == DraftStatus.SENT:
        return Effect(LaunchState.CONFIRMED, "Mailjet has begun to send it.")
    if programmed_for is None:
        return None
    if programmed_for <= posted_at + LAUNCHES.begins_within:
        return Effect(LaunchState.CONFIRMED, f"Mailjet took it, and sends it at {instant_text(programmed_for)}.")
    return Effect(
        LaunchState.FAILED,
        f"Somebody scheduled it for {instant_text(programmed_for)} meanwhile. Look at Mailjet whether that is meant.",
        is_critical=True,
    )


def no_effect(action: LaunchAction, attempts: int, refused_because: str = "") -> Effect:
    """The end of a launch change of which Mailjet shows no effect.

    Args:
        attempts: how often it was posted. refused_because: what Mailjet, or we, said to that; empty: the answer was lost, or
            was a success without an effect.
    """
    if action is LaunchAction.SEND and refused_because:
        words = f"It was not sent: {refused_because.rstrip('.')}. It is not posted again from here: send it at Mailjet."
        return Effect(LaunchState.FAILED, words, is_critical=True)
    if action is LaunchAction.SEND:
        words = (
            "It was posted once, and Mailjet shows no effect. It may still be sent. Look at Mailjet now; it is not posted "
            "again from here."
        )
        return Effect(LaunchState.FAILED, words, is_critical=True)
    if refused_because:
        return Effect(
            LaunchState.FAILED,
            f"It was not done: {refused_because.rstrip('.')}.",
            is_critical=action is LaunchAction.CANCEL,
        )
    return Effect(
        LaunchState.FAILED,
        f"Mailjet shows no effect after {attempts} attempts. Look at the draft there.",
        is_critical=action is LaunchAction.CANCEL,
    )
