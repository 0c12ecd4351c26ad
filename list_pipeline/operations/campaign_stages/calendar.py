"""The calendar: everything that is scheduled, late or done in a window, gathered from our rows. No request is made.

Belongs here: which rows are read for a window. Does not belong here: when an entry is, and how it stands
(``core.campaign_stages.calendar``), and how it is shown (the ways in).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from list_pipeline.core.campaign_stages.calendar import (
    CalendarEntry,
    CalendarTimes,
    EntryKind,
    EntryState,
    campaign_entries,
    week_entry,
)
from list_pipeline.core.campaign_stages.policy import CALENDAR
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.launches.changes import LaunchState
from list_pipeline.core.launches.messages import what_is_asked
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.weekly.figures import WEEK, week_of
from list_pipeline.core.wording import count_text, instant_text
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.before_changes import changes_take, frozen_lists
from list_pipeline.operations.reviews.reminders import waiting_plans
from list_pipeline.operations.runs.run import delay_hours, lookback_days
from list_pipeline.storage import campaign_calendar, mass_changes
from list_pipeline.storage import launches as launch_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage import weekly as weekly_rows

_BEFORE, _AFTER = timedelta(days=8), timedelta(days=2)
"""The entries of a campaign lie so far around its launch at most: the last look is due seven days after it, and the first stage
and the freeze of its list begin within the two days before."""
_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A window of the calendar.

    Attributes:
        start, end: its first day, and the day after its last (UTC). as_of: when it was read.
        entries: what lies within the window or reaches into it, by time. late: what is late now, wherever it lies.
        before, after: the first days of the windows before and after; None: nothing is known of so long ago, or so far ahead.
    """

    start: date
    end: date
    as_of: datetime
    entries: tuple[CalendarEntry, ...]
    late: tuple[CalendarEntry, ...]
    before: date | None
    after: date | None

    @property
    def days(self) -> int:
        """How many days it shows."""
        return (self.end - self.start).days


def calendar(services: Deciding, start: date | None = None, days: int = CALENDAR.days_shown) -> Calendar:
    """The calendar of a window.

    Args:
        start: its first day (UTC); None: a week ago. days: how many it shows.

    Raises:
        RefusedError: no day of it can be shown, or too many are asked for.
    """
    now = services.clock.now()
    first = start or (now - timedelta(days=CALENDAR.days_back)).date()
    if not 1 <= days <= CALENDAR.most_days:
        raise RefusedError("Reading the calendar", f"{days} days are asked for", f"Ask for 1 to {CALENDAR.most_days}")
    if not _EARLIEST <= first <= _LATEST - timedelta(days=days):
        raise RefusedError("Reading the calendar", f"it has no day {first}", f"Ask for days from {_EARLIEST} on")
    return window(services, first, days)


def window(services: Deciding, first: date, days: int) -> Calendar:
    """The calendar of so many days from a day (UTC) on, however many these are; ``calendar`` is the one for people."""
    now = services.clock.now()
    begins, ends = _midnight(first), _midnight(first + timedelta(days=days))
    with services.database.begin() as connection:
        times = _times(services, connection)
        # What waits and what is frozen is the same for every window.
        everywhere = [*_reviews(services, connection), *_frozen(services, connection)]
        shown = _ordered([*_around(services, connection, times, begins, ends), *everywhere])
        since = now - CALENDAR.late_looked_back
        still = _ordered([*_around(services, connection, times, since, now), *everywhere])
        known = campaign_calendar.first_and_last_launch(connection) or (now, now)
    # Weekly checks go on for ever; so far ahead nobody asks for them.
    is_more = ends < max(known[1] + _BEFORE, now + CALENDAR.fed_ahead)
    return Calendar(
        first,
        ends.date(),
        now,
        tuple(one for one in shown if one.overlaps(begins, ends)),
        tuple(one for one in still if one.state is EntryState.LATE),
        max(first - timedelta(days=days), _EARLIEST) if begins > known[0] - _AFTER else None,
        ends.date() if is_more else None,
    )


def campaign_calendar_of(services: Deciding, key: str) -> tuple[CalendarEntry, ...]:
    """Everything that happens to one campaign, by time, whenever that is.

    Raises:
        NotFoundError: there is no such campaign.
    """
    with services.database.begin() as connection:
        found = campaign_calendar.campaign(connection, key)
        if found is None:
            raise NotFoundError(
                f"Reading the calendar of {key}",
                "no campaign has this key",
                "`list-pipeline timeline` shows those of these weeks",
            )
        times = _times(services, connection)
        waiting = [one for one in _reviews(services, connection) if one.campaign == key]
    return _ordered([*campaign_entries(found, times, services.clock.now()), *waiting])


def _around(
    services: Deciding, connection: Connection, times: CalendarTimes, begins: datetime, ends: datetime
) -> Iterator[CalendarEntry]:
    """The campaigns and weekly checks around a window, in no order."""
    now = services.clock.now()
    for one in campaign_calendar.campaigns_between(connection, begins - _BEFORE, ends + _AFTER):
        yield from campaign_entries(one, times, now)
    yield from _weeks(services, connection, begins, ends)


def _ordered(found: list[CalendarEntry]) -> tuple[CalendarEntry, ...]:
    kinds = tuple(EntryKind)
    return tuple(sorted(found, key=lambda one: (one.at, kinds.index(one.kind), one.name)))


def _times(services: Deciding, connection: Connection) -> CalendarTimes:
    now = services.clock.now()
    first_started_at = weekly_rows.first_started_at(connection) or now
    return CalendarTimes(
        {sweep: delay_hours(services, sweep) for sweep in Sweep},
        lookback_days(services, now, first_started_at),
        changes_take(services),
    )


def _weeks(services: Deciding, connection: Connection, begins: datetime, ends: datetime) -> Iterator[CalendarEntry]:
    """The weekly checks from the first start of this installation on."""
    now, settings = services.clock.now(), services.settings
    first = weekly_rows.first_started_at(connection)
    monday = begins.date() - timedelta(days=begins.weekday())
    known = weekly_rows.latest_checks(connection, monday)
    while _midnight(monday) < ends:
        week = week_of(monday, settings.weekly_health_check_day, settings.weekly_health_check_hour)
        row = known.get(monday)
        if row is not None:
            yield week_entry(week, row.status, row.touched_at, now)
        elif week.due_at >= (first or now):
            yield week_entry(week, None, None, now)
        monday += WEEK


def _reviews(services: Deciding, connection: Connection) -> Iterator[CalendarEntry]:
    """The deadlines of what waits for a person."""
    now = services.clock.now()
    for one in waiting_plans(services, connection):
        plan, end = one.plan, one.time.ends_with
        why = (
            ""
            if end is None
            else f" After that its moves cannot be made: {end.role.label} is sent at {instant_text(end.at)}."
        )
        yield CalendarEntry(
            f"review-{plan.plan_id}",
            EntryKind.REVIEW,
            EntryState.LATE if one.time.is_over(now) else EntryState.PLANNED,
            one.time.lapses_at,
            None,
            f"Last hour to decide on plan {plan.plan_id} ({plan.kind.value})",
            f"{count_text(one.contacts, 'contact')} would be changed; without an answer it lapses, and nothing is done.{why}",
            campaign=review_rows.campaign_key_of(connection, plan.plan_id),
            changed_at=one.time.asked_at,
        )
    for launch in launch_rows.page(connection, only_open=True):
        if launch.state is LaunchState.WAITING:
            what = what_is_asked(launch.action, launch.draft_id, launch.programmed_for, launch.wanted_at)
            yield CalendarEntry(
                f"launch-{launch.launch_id}",
                EntryKind.REVIEW,
                EntryState.LATE if launch.expires_at <= now else EntryState.PLANNED,
                launch.expires_at,
                None,
                f"Last moment to decide on launch change {launch.launch_id} ({launch.action.value})",
                f"{what}; without an answer it expires, and nothing is changed.",
                campaign=launch.campaign,
                list=launch.list_role,
                changed_at=launch.asked_at,
            )


def _frozen(services: Deciding, connection: Connection) -> Iterator[CalendarEntry]:
    """Lists that are not evened out until a person has decided on what others did there."""
    since, today = mass_changes.open_since(connection), _midnight(services.clock.now().date())
    for role in sorted(frozen_lists(services, connection)):
        yield CalendarEntry(
            f"frozen-{role.value}",
            EntryKind.FREEZE,
            EntryState.UNDER_WAY,
            since.get(role, today),
            None,
            f"{role.label} is frozen for rebalancing",
            "Others changed it at large, or it has an entry without a contact; a person decides on that first.",
            list=role,
            changed_at=since.get(role),
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
