"""The delivery of messages to people: when one is tried again or given up, and which figures people are alerted to.

Belongs here: pauses, limits and figures as pure values. Does not belong here: posting (``operations.messages.outbox``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle
from list_pipeline.core.wording import duration_text, limit_text


class DeliveryState(StrEnum):
    """What became of a message.

    ``pending``: not tried yet, or being posted now. ``unknown``: it may have arrived. ``failed``: it did not. ``skipped``: left
    out on purpose, or there is nowhere to post it. ``expired``: a day old, so that it is not tried any more.
    """

    PENDING = "pending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPIRED = "expired"


_D = DeliveryState

UNSENT = (_D.PENDING, _D.UNKNOWN, _D.FAILED)
"""The message did not arrive, as far as is known, and is tried again."""

UNSUCCESSFUL = (_D.FAILED, _D.EXPIRED)
"""An attempt at the message failed, or it is not tried any more."""

DELIVERY_LIFE = life_cycle(
    "a message",
    {
        _D.PENDING: {_D.SENT, _D.UNKNOWN, _D.FAILED, _D.SKIPPED, _D.EXPIRED},
        _D.UNKNOWN: {_D.SENT, _D.FAILED, _D.SKIPPED, _D.EXPIRED},
        _D.FAILED: {_D.SENT, _D.UNKNOWN, _D.SKIPPED, _D.EXPIRED},
        # Asked for again, e.g. after Slack was set up.
        _D.SKIPPED: {_D.SENT, _D.UNKNOWN, _D.FAILED},
        _D.SENT: (),
        _D.EXPIRED: (),
    },
)


class Channel(StrEnum):
    """The way a message took."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Half a minute, one in twenty and a minute are the product's specification; the rest is our own."""

    first_retry: timedelta = timedelta(seconds=30)
    longest_pause: timedelta = timedelta(minutes=15)
    given_up_after: timedelta = timedelta(days=1)
    """An older message no longer helps anybody who reads it as news; it stays in the database."""
    email_after_attempts: int = 5
    """An important message is e-mailed after so many failed attempts ..."""
    email_after: timedelta = timedelta(minutes=15)
    """... or after this time, whichever comes first."""
    email_attempts: int = 5
    update_attempts: int = 50
    """So often it is tried to let a message say what was decided: half a day."""
    target_s: float = 30.0
    """Messages are to arrive within so many seconds of the end of what they report."""
    alert_s: float = 60.0
    """People are alerted to a longer latency ..."""
    alert_percent: float = 5.0
    """... and to a larger share of messages that did not arrive."""
    fewest_for_a_share: int = 20
    """Of fewer messages, a single one would be more than that share; two lost ones are told then."""


DELIVERY = DeliveryPolicy()


def pause_after(attempts: int, asked_for_s: float | None = None) -> timedelta:
    """The pause of a message after so many attempts: doubling from half a minute to a quarter of an hour.

    Args:
        asked_for_s: seconds that the service asked for; the pause is at least that long.
    """
    doublings: int = min(max(attempts - 1, 0), 10)
    pause: timedelta = min(DELIVERY.first_retry * (1 << doublings), DELIVERY.longest_pause)
    return max(pause, timedelta(seconds=asked_for_s or 0.0))


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """The delivery of the messages written since an instant. Counts; seconds from being written to having arrived.

    ``failing``: tried and not arrived. ``repeated``: attempts beyond the first. ``late``: arrived after half a minute.
    ``longest_wait_s``: the age of the oldest that has not arrived. Percentiles are None when nothing arrived.
    """

    since: datetime
    messages: int
    delivered: int
    failing: int
    pending: int
    expired: int
    emailed: int
    repeated: int
    late: int
    median_s: float | None
    p95_s: float | None
    slowest_s: float | None
    longest_wait_s: float | None

    @property
    def delivery_rate(self) -> float | None:
        """Share of the messages that arrived; None when there were none. What is on its way for the first time is left out."""
        settled = self.messages - self.pending
        return self.delivered / settled if settled else None

    @property
    def alerts(self) -> tuple[str, ...]:
        """The figures that people should look at, in words; empty when all is well."""
        found = []
        lost, settled = self.failing + self.expired, self.messages - self.pending
        if lost and lost > max(
            DELIVERY.alert_percent * settled / 100, 1 if settled < DELIVERY.fewest_for_a_share else 0
        ):
            found.append(f"{lost} of {settled} messages did not arrive, more than {limit_text(DELIVERY.alert_percent)}")
        if self.p95_s is not None and self.p95_s > DELIVERY.alert_s:
            found.append(f"one message in twenty took longer than {duration_text(self.p95_s)}")
        if self.longest_wait_s is not None and self.longest_wait_s > DELIVERY.alert_s:
            found.append(f"a message has been waiting for {duration_text(self.longest_wait_s)}")
        return tuple(found)
