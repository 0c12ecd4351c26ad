"""Sessions of the database that hold a lock of the product and do nothing: when they count as stuck, and what people are told.

Ending such a session is harmless. What a transaction had not finished is taken back, and a holder of the lock on changes that
lost it can write nothing more (``storage.lock``). Leaving it is not: whoever hangs with a lock holds up everybody else.

Belongs here: the rule and the words. Does not belong here: looking at sessions and ending them (``storage.stuck_sessions``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.wording import duration_text


class LockName(StrEnum):
    """The locks that are watched, in words: ``the lock on changing lists``."""

    LIMITER = "counting requests to Mailjet"
    MUTATION = "changing lists"
    MESSAGE = "posting a message"
    SCHEDULE = "changing the schedule of a campaign"
    TAKE_OVER = "taking sends over"
    DRIFT = "writing down a reconciliation"
    FENCE = "writing to the journal"
    FIVE_LISTS = "confirming the five lists"
    INCIDENTS = "counting for the incident test"
    DIVIDE_AUDIENCE = "dividing a new audience"
    LAUNCH = "carrying out a launch change"


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A session that holds a lock.

    Attributes:
        name: what it calls itself, without addresses. ``state``: PostgreSQL's word for what it does.
        began_at: when the session began, by the server's clock (UTC); None where PostgreSQL hides it from our user.
        silent_s: seconds since its last statement began or ended; 0 where it is hidden.
    """

    lock: LockName
    name: str
    pid: int
    state: str
    began_at: datetime | None
    silent_s: float

    @property
    def is_stuck(self) -> bool:
        """Whether it does nothing for longer than anybody who works. Requests are counted within milliseconds; whoever changes
        lists gives a sign of life with each request to Mailjet and each line of the journal."""
        return self.silent_s >= self.silence_allowed_s

    @property
    def silence_allowed_s(self) -> float:
        """Seconds without a statement after which this holder counts as stuck."""
        is_writing = self.lock is LockName.FENCE and self.state.startswith("idle in transaction")
        if is_writing or self.lock is LockName.LIMITER:
            return MONITORING.transaction_silent_s
        return MONITORING.holder_silent.total_seconds()

    @property
    def words(self) -> str:
        """``maintenance of 2026-11-20-r3-7 since 09:01:12 UTC (session 4711, idle, silent for 12 s)``."""
        if self.began_at is None:
            return f"{self.name} (session {self.pid} of another user of the database)"
        what = f"session {self.pid}, {self.state}, silent for {duration_text(self.silent_s)}"
        return f"{self.name} since {self.began_at:%H:%M:%S} UTC ({what})"


@dataclass(frozen=True, slots=True)
class StuckSession:
    """A holder that was stuck, by the number of its row. ``was_ended``: PostgreSQL ended its session at our request."""

    number: int
    holder: LockHolder
    was_ended: bool


def stuck_session_message(stuck: StuckSession) -> SlackMessage:
    """Told once a session: what hung, what was done about it, and what a person does."""
    holder = stuck.holder
    happened = compose(
        "{name} held the lock on {lock} and did nothing for {silent}, so that nobody else could go on.",
        name=holder.name,
        lock=holder.lock.value,
        silent=duration_text(holder.silent_s),
    )
    if stuck.was_ended:
        done = compose("Its session was ended. Nothing is lost: the next run goes on from the journal.")
        to_do = compose(
            "Look why that process hangs, and end it. A run in Dagster is terminated there: it keeps its place in the pool."
        )
    else:
        done = compose("It could not be ended: the session belongs to another user of the database.")
        to_do = compose(
            "End it as that user or as an administrator: `select pg_terminate_backend({pid})`.", pid=str(holder.pid)
        )
    return alert(
        "A Session Held a Lock and Did Nothing" if stuck.was_ended else "A Stuck Session Holds Everything Up",
        [happened, done],
        level=AlertLevel.WARNING if stuck.was_ended else AlertLevel.CRITICAL,
        facts=[
            ("Lock", holder.lock.value),
            ("Session", f"{holder.pid}, {holder.state}"),
            ("Began", f"{holder.began_at:%Y-%m-%d %H:%M:%S} UTC" if holder.began_at else "not known"),
        ],
        what_to_do=[to_do],
    )
