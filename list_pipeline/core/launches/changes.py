"""The words of a launch change: what is asked for, and where it is in its life."""

from __future__ import annotations

from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle


class LaunchAction(StrEnum):
    """What is asked for about a draft at Mailjet."""

    SCHEDULE = "schedule"
    """A draft that is not programmed is to be sent at an instant."""
    MOVE = "move"
    """A programmed draft is to be sent at another instant."""
    CANCEL = "cancel"
    """A programmed draft is not to be sent."""
    SEND = "send"
    """A draft that is not programmed is to be sent now."""

    @property
    def gerund(self) -> str:
        """As errors begin: ``Moving draft 12``."""
        return {
            LaunchAction.SCHEDULE: "Scheduling",
            LaunchAction.MOVE: "Moving",
            LaunchAction.CANCEL: "Cancelling",
            LaunchAction.SEND: "Sending",
        }[self]

    @property
    def label(self) -> str:
        """As a button says it."""
        return "Send now" if self is LaunchAction.SEND else self.value.capitalize()


WITH_INSTANT = (LaunchAction.SCHEDULE, LaunchAction.MOVE)
"""What names an instant."""


class LaunchState(StrEnum):
    """Where a launch change is in its life. ``submitting`` is committed before each of its requests.

    ``refused``: something that was approved is not so any more, so nothing was asked of Mailjet. ``failed``: Mailjet did not do
    it, or does not show that it did.
    """

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REFUSED = "refused"
    SUBMITTING = "submitting"
    CONFIRMED = "confirmed"
    FAILED = "failed"


OPEN_LAUNCHES = (LaunchState.WAITING, LaunchState.APPROVED, LaunchState.SUBMITTING)
"""It waits for a person, or is to be carried out, or continued. A draft has one at a time."""

TO_CARRY_OUT = (LaunchState.APPROVED, LaunchState.SUBMITTING)
"""Whoever carries launch changes out begins or continues these."""

LAUNCH_LIFE = life_cycle(
    "a launch change",
    {
        LaunchState.WAITING: {LaunchState.APPROVED, LaunchState.REJECTED, LaunchState.EXPIRED},
        # A reviewer may take an approval back as long as nothing was asked of Mailjet.
        LaunchState.APPROVED: {
            LaunchState.SUBMITTING,
            LaunchState.REFUSED,
            LaunchState.REJECTED,
            LaunchState.EXPIRED,
        },
        LaunchState.REJECTED: (),
        LaunchState.EXPIRED: (),
        LaunchState.REFUSED: (),
        LaunchState.SUBMITTING: {LaunchState.CONFIRMED, LaunchState.FAILED},
        LaunchState.CONFIRMED: (),
        LaunchState.FAILED: (),
    },
)
