"""The keys under which sensors ask Dagster for runs.

Dagster starts one run a key, ever, and remembers the keys of all versions of this program: a format must not change, or work is
started twice or not at all. A key is used up even by a run that died before it wrote anything, so each is replaced by another
after a while: its last part counts these turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from list_pipeline.core.runs.status import RunStatus

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Turns:
    """How often a key is replaced.

    Attributes:
        every: after this long there is another one.
        hourly_from: the number of the first turn after an hour, from which on there is one an hour; None: it goes on as before.
    """

    every: timedelta
    hourly_from: int | None = None

    def number(self, since: datetime, now: datetime) -> int:
        """Which turn it is; 0 at first."""
        waited = max(now - since, timedelta(0))
        if self.hourly_from is not None and waited >= _HOUR:
            return int(waited / _HOUR) - 1 + self.hourly_from
        return int(waited / self.every)

    def suffix(self, since: datetime | None, now: datetime) -> str:
        """The end of a key whose first turn has none."""
        number = self.number(since, now) if since is not None else 0
        return f":again-{number}" if number else ""


MAINTENANCE_TURNS = Turns(timedelta(hours=6))
REPORT_TURNS = Turns(timedelta(minutes=10), hourly_from=7)
"""Minutes first, hours later: Slack may be down for long."""
APPROVED_ITEMS_TURNS = Turns(timedelta(minutes=10), hourly_from=6)
CORRECTION_TURNS = Turns(timedelta(minutes=10))
LAUNCH_TURNS = Turns(timedelta(minutes=2))
"""A send that somebody waits for; what hinders it is mostly over soon."""
VALIDATION_TURNS = Turns(timedelta(minutes=30))
WRAPUP_TURNS = Turns(timedelta(minutes=10), hourly_from=6)
"""Minutes first, hours later: Mailjet may not have counted yet."""


def maintenance(campaign: str, sweep: str, attempt: int, since: datetime | None, now: datetime, why: str = "") -> str:
    """An attempt at a maintenance.

    Args:
        since: when it became due, or could go on. ``why``: what lets a begun attempt go on (``decided``, ``resumed``).
    """
    reason = f":{why}" if why else ""
    return f"{campaign}:{sweep}:{attempt}{reason}{MAINTENANCE_TURNS.suffix(since, now)}"


def decided(plan_id: int) -> str:
    """A person decided on the plan that an attempt waited for."""
    return f"plan-{plan_id}"


def resumed(mode: str, stopped_at: datetime | None) -> str:
    """Lists may be changed again. An attempt may be stopped and let go on several times: each time it is taken up at once."""
    return f"{mode}:{stopped_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}" if stopped_at is not None else f"{mode}:"


def log_read_again(failed_at: datetime) -> str:
    """Mailjet's bounce log was late, and is read again as often as it is late."""
    return f"log:{failed_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"


def report(
    campaign: str,
    sweep: str,
    attempt: int,
    status: RunStatus,
    waiting_plan_id: int | None,
    ended_at: datetime,
    now: datetime,
) -> str:
    """The report of a maintenance that ended or waits."""
    turn = REPORT_TURNS.number(ended_at, now)
    return f"report:{campaign}:{sweep}:{attempt}:{status.value}:{waiting_plan_id or 0}:{turn}"


def weekly_check(week: date, attempt: int, now: datetime) -> str:
    """A weekly check that is made late, under another key each hour: a run that came to nothing is asked for again, and a
    second one finds what the first did."""
    return f"{week.isoformat()}:{attempt}:{now:%Y-%m-%dT%H}"


def validation(campaign: str, scheduled_since: datetime, attempt: int, since: datetime, now: datetime) -> str:
    """The validation of a campaign as it is scheduled now. ``since``: when it became due."""
    return f"validation:{campaign}:{scheduled_since:%Y%m%dT%H%M%S}:{attempt}:{VALIDATION_TURNS.number(since, now)}"


def wrapup(campaign: str, since: datetime, now: datetime) -> str:
    """The wrap-up of a campaign. ``since``: when it became due."""
    return f"wrapup:{campaign}:{WRAPUP_TURNS.number(since, now)}"


def approved_items(campaign: str, plan_id: int, decided_at: datetime, now: datetime) -> str:
    """Single contacts of a plan that a person approved."""
    return f"late:{campaign}:plan-{plan_id}:{decided_at:%Y%m%dT%H%M%S%f}{APPROVED_ITEMS_TURNS.suffix(decided_at, now)}"


def correction(plan_id: int, decided_at: datetime, now: datetime) -> str:
    """A correction that was let through and is not carried out to the end."""
    return f"correction:{plan_id}:{CORRECTION_TURNS.number(decided_at, now)}"


def launch(launch_id: int, decided_at: datetime, now: datetime) -> str:
    """A launch change that was approved and is not carried out to the end."""
    return f"launch:{launch_id}:{LAUNCH_TURNS.number(decided_at, now)}"


def release(now: datetime) -> str:
    """The end of the quarantines that are over, under another key each ten minutes."""
    at = now.astimezone(UTC)
    return f"release:{at:%Y-%m-%dT%H}:{at.minute // 10}"


def half_done(plan_id: int, now: datetime) -> str:
    """Changes of a plan that were left half done, under another key each hour."""
    return f"half-done:{plan_id}:{now.astimezone(UTC):%Y-%m-%dT%H}"
