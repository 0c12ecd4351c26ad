"""The weekly health check, step by step: sizes, metrics, assessments, report, row, messages.

Belongs here: the steps, their order, and what of a week is measured now and what is only read. Does not belong here:
the figures (``core.weekly.figures``), what a model is asked (``agents.weekly_report``), and the sending (``report``).

Mailjet is only read, in every mode. Each step writes what it found once: running a week again continues where it
stopped, and a week that is over is shown as it was. What the lists were in a past week that nobody measured is not
known, and stays so; what its campaigns did is dated, so it is counted from our rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.core.errors import ListPipelineError, NotFoundError, RefusedError
from list_pipeline.core.health.assessment import HealthAssessment
from list_pipeline.core.health.figures import ListFigures, SendFigures
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.messages import keys
from list_pipeline.core.runs import run_keys
from list_pipeline.core.runs.limits import WEEKLY_RUNS, Outlook, RunSeen
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.weekly.figures import WEEK, ListSize, Week, WeekFigures, WeekSends, due_week, week_of
from list_pipeline.core.weekly.message import failure_alert
from list_pipeline.core.weekly.policy import WEEKLY
from list_pipeline.core.wording import Rate, date_text, instant_text
from list_pipeline.operations.advice.advisors import model_access
from list_pipeline.operations.bounces.overdispersion import overdispersion_of_account
from list_pipeline.operations.health.assessments import assess_partition, figures_of_lists
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import follow_up, recorded, timed
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.views import cache_warming
from list_pipeline.operations.views.cached_reads import ReadSession
from list_pipeline.operations.weekly.silence import count_silence
from list_pipeline.storage import health as health_rows
from list_pipeline.storage import weekly as weekly_rows
from list_pipeline.storage.advice import AdvicePartition
from list_pipeline.storage.health import StoredAssessment
from list_pipeline.storage.membership import members
from list_pipeline.storage.weekly import HealthCheckRow

log = structlog.get_logger(__name__)


WORKFLOW = "weekly_health_check"
"""The name of the check's job, also where it runs without Dagster."""
_MOST_CAMPAIGNS = 200
"""Campaigns of a list that are looked through for those of the week; far more than are ever sent in the look-back."""


@dataclass(frozen=True, slots=True)
class WeekRun:
    """A week's check under way: which week, its row, and whether what is measured now is this week's."""

    week: Week
    row: HealthCheckRow
    is_current: bool

    @property
    def partition(self) -> AdvicePartition:
        """The partition of its consultations and assessments."""
        return AdvicePartition(week=self.week.monday)


@dataclass(frozen=True, slots=True)
class WeekSizes:
    """The sizes of a week; empty where nobody measured them. ``requests``: to Mailjet, for taking them now."""

    sizes: Mapping[ListRole, ListSize]
    taken_at: datetime | None
    note: str
    requests: int = 0


# Which week


def latest_due(services: Services) -> Week:
    """The latest week whose check is due."""
    settings = services.settings
    return due_week(services.clock.now(), settings.weekly_health_check_day, settings.weekly_health_check_hour)


def find_week(services: Services, monday: date | None = None) -> Week:
    """The week that begins on a Monday; without one, the latest that is due.

    Raises:
        RefusedError: the date is no Monday, or the check of that week is not due yet.
    """
    if monday is None:
        return latest_due(services)
    settings = services.settings
    if monday.weekday():
        nearest = monday - timedelta(days=monday.weekday())
        raise RefusedError(
            f"Checking the week of {monday}", "a week is called by its Monday", f"Ask for the week of {nearest}"
        )
    week = week_of(monday, settings.weekly_health_check_day, settings.weekly_health_check_hour)
    if week.due_at > services.clock.now():
        raise RefusedError(
            f"Checking the week of {monday}",
            f"its check is due at {instant_text(week.due_at)}",
            "Run it then; without a week, the latest that is due is checked",
        )
    return week


@dataclass(frozen=True, slots=True)
class Missed:
    """A week whose check did not run to its end, which attempt is to come, and the key under which it is asked for."""

    week: Week
    attempt: int
    run_key: str
    why: str


def missed_weeks(services: Services) -> list[Missed]:
    """Weeks of the last four, oldest first, whose check was due an hour ago or more and has no end; none from before the
    first start of this installation, and none that failed too often."""
    now = services.clock.now()
    latest = latest_due(services)
    mondays = [latest.monday - weeks * WEEK for weeks in reversed(range(WEEKLY.catch_up_weeks))]
    with services.database.begin() as connection:
        known = weekly_rows.latest_checks(connection, mondays[0])
        first = weekly_rows.first_started_at(connection)
    if first is None:
        return []
    found = []
    for monday in mondays:
        week, row = find_week(services, monday), known.get(monday)
        if now - week.due_at < WEEKLY.late_after or week.due_at < first:
            continue
        outlook = WEEKLY_RUNS.outlook(RunSeen(row.status, row.attempt, row.touched_at) if row else None, now)
        attempt = row.attempt if row is not None else 0
        if outlook is Outlook.NEVER_BEGAN:
            found.append(_missed(week, 1, now, "its check never began"))
        elif outlook is Outlook.DUE_AGAIN:
            found.append(_missed(week, attempt + 1, now, "its check failed"))
        elif outlook is Outlook.DIED:
            found.append(_missed(week, attempt, now, "its run gave no sign of life"))
    return found


def _missed(week: Week, attempt: int, now: datetime, why: str) -> Missed:
    return Missed(week, attempt, run_keys.weekly_check(week.monday, attempt, now), why)


def begin(services: Services, monday: date | None = None, *, run_id: str | None = None) -> WeekRun:
    """The check of a week: begun, continued, or the one that is over. There is one row a week, whatever happens.

    Raises:
        RefusedError: the date is no Monday, or the check is not due yet. Nothing was written.
    """
    week, now = find_week(services, monday), services.clock.now()
    with services.database.begin() as connection:
        before = weekly_rows.check_of(connection, week.monday)
        if before is None:
            row = weekly_rows.begin(connection, week, run_id, now)
        elif before.status is RunStatus.FAILED:
            row = weekly_rows.begin_again(connection, before, run_id, now)
        else:
            died = WEEKLY_RUNS.is_stale(before.touched_at, now)
            row = weekly_rows.take_up(connection, before, run_id, now, died=died)
    if before is None or before.status is RunStatus.FAILED:
        log.info("weekly health check started", week=week.key, attempt=row.attempt, check_id=row.check_id)
    return WeekRun(week, row, week.is_current(now))


def current(services: Services, monday: date) -> WeekRun:
    """The check of a week as it stands.

    Raises:
        NotFoundError: it was never begun.
    """
    week = find_week(services, monday)
    with services.database.begin() as connection:
        row = weekly_rows.check_of(connection, week.monday)
    if row is None:
        raise NotFoundError(
            f"Looking for the check of the week of {week.key}",
            "it was never made",
            f"`list-pipeline weekly --week {week.key}` makes it",
        )
    return WeekRun(week, row, week.is_current(services.clock.now()))


@contextmanager
def stage(services: Services, run: WeekRun, name: str) -> Iterator[None]:
    """A step, measured: what fails in it is written to the week's row and raised again. People are told by ``tell_failure``."""
    with timed(services, WORKFLOW, name), recorded(services, _WeekRecord(services, run), name):
        yield


@dataclass(frozen=True, slots=True)
class _WeekRecord:
    """How a weekly check fares, in the week's row."""

    services: Services
    run: WeekRun

    def heartbeat(self) -> None:
        """The run lives."""
        with self.services.database.begin() as connection:
            weekly_rows.touch(connection, self.run.row.check_id, self.services.clock.now())

    def failed(self, stage: str, error: Exception) -> None:
        """The attempt failed. A check that is over stays: only showing or sending it failed."""
        log.error("weekly health check failed", week=self.run.week.key, stage=stage, exc_info=error)
        with self.services.database.begin() as connection:
            row = weekly_rows.check_of(connection, self.run.week.monday)
            if row is not None and not row.is_over:
                weekly_rows.fail(connection, row, stage, redact_addresses(str(error))[:1000], self.services.clock.now())


def tell_failure(services: Services, run: WeekRun) -> None:
    """People are told, once an attempt, that the check of a week failed; a fault in telling is logged."""
    follow_up("telling of a failed weekly check", lambda: _tell_failure(services, run), week=run.week.key)


def _tell_failure(services: Services, run: WeekRun) -> None:
    with services.database.begin() as connection:
        row = weekly_rows.check_of(connection, run.week.monday)
    if row is None or row.status is not RunStatus.FAILED:
        # The check itself is done and kept, or goes on.
        return
    last = row.errors[-1]
    deliver(
        services,
        keys.weekly_failure(run.week.monday, row.attempt),
        failure_alert(run.week.monday, str(last["stage"]), str(last["error"]), row.attempt),
        thread_key=keys.week_thread(run.week.monday),
        important=True,
        broadcast=True,
    )


# Sizes


def take_sizes(services: Services, run: WeekRun, progress: Progress = logged) -> WeekSizes:
    """The sizes of the week: the stored ones; or, in the week itself, what a sync of the lists has just read.

    The sync counts everything that the sizes need, so nothing is asked for twice; the cache is refreshed with them.
    """
    with services.database.begin() as connection:
        stored, taken_at = weekly_rows.sizes_of(connection, run.week.monday)
    if stored or run.row.is_over:
        return WeekSizes(stored, taken_at, run.row.sizes_note)
    now = services.clock.now()
    if not run.is_current:
        note = f"Nobody measured the lists in this week, and it was over when it was checked on {date_text(now)}."
        with services.database.begin() as connection:
            weekly_rows.note_sizes(connection, run.week.monday, None, note)
        return WeekSizes({}, None, note)
    before = services.mailjet.requests_made
    synchronise(services, progress=progress)
    # Before the sizes are read: whatever changes from here on outdates what is cached of them.
    look = ReadSession(services)
    taken_at = services.clock.now()
    with services.database.begin() as connection:
        seen = members.stored_sizes(connection)
    sizes = {role: ListSize(size.raw, size.mailable) for role, size in seen.items()}
    is_late = taken_at - run.week.due_at >= WEEKLY.late_after
    note = f"The sizes are those of {instant_text(taken_at)}, when the check ran." if is_late else ""
    with services.database.begin() as connection:
        weekly_rows.save_sizes(connection, run.week.monday, sizes, taken_at)
        weekly_rows.note_sizes(connection, run.week.monday, taken_at, note)
    counted = {role: (size.raw, size.mailable) for role, size in sizes.items()}

    def fill_cache() -> None:
        cache_warming.keep_sizes(services, counted, counted_at=taken_at, look=look)
        cache_warming.warm(services)

    follow_up("filling the cache", fill_cache, week=run.week.key)
    log.info("weekly sizes taken", week=run.week.key, lists=len(sizes), **{r.value: s.raw for r, s in sizes.items()})
    return WeekSizes(sizes, taken_at, note, services.mailjet.requests_made - before)


# Metrics


def compute_metrics(services: Services, run: WeekRun) -> WeekFigures:
    """The figures of the week: computed once from our rows, afterwards the stored ones."""
    week = run.week
    with services.database.begin() as connection:
        known = weekly_rows.sends_of(connection, week.monday)
        if not known and not run.row.is_over:
            sends = _sends_of_week(connection, run)
            activity = weekly_rows.count_activity(
                connection, week.starts_after, week.due_at, with_waiting=run.is_current
            )
            weekly_rows.save_sends(connection, week.monday, sends, services.clock.now())
            weekly_rows.note_activity(connection, week.monday, activity)
            if run.is_current:
                # Who can be mailed now says nothing about a week that is over.
                silence = count_silence(connection, services.settings.no_sign_of_life_days, week.due_at)
                weekly_rows.note_silence(connection, week.monday, silence)
    figures = figures_kept(services, week)
    if not known:
        log.info(
            "weekly metrics computed",
            week=week.key,
            campaigns=figures.activity.campaigns_sent,
            unread=figures.unread,
            new_contacts=figures.activity.new_contacts,
            suppressed=figures.activity.suppressed,
        )
    return figures


def _sends_of_week(connection: Connection, run: WeekRun) -> list[WeekSends]:
    week = run.week
    sent = weekly_rows.campaigns_sent(connection, week.starts_after, week.due_at)
    read = health_rows.campaigns_read_whole(connection, week.due_at, _MOST_CAMPAIGNS)
    # Who is suppressed now says nothing about a week that is over.
    suppressed = health_rows.suppressed_of_mailed(connection, list(sent)) if run.is_current else {}
    last = health_rows.last_sends(connection, week.due_at)
    differ = overdispersion_of_account(connection, week.due_at)
    found = []
    for role in CAMPAIGN_LISTS:
        own = [one for one in read if one.role is role and one.campaign_id in sent]
        count, of = suppressed.get(role, (0, 0))
        found.append(
            WeekSends(
                role=role,
                read=SendFigures.together([replace(one.figures, overdispersion=differ) for one in own]),
                unread=sum(1 for each in sent.values() if each is role) - len(own),
                suppression=Rate(count, of) if of else None,
                last_campaign_at=last.get(role),
            )
        )
    return found


def figures_kept(services: Services, week: Week) -> WeekFigures:
    """The figures of a week as they are stored; without any, nothing is known of it."""
    with services.database.begin() as connection:
        return _figures_kept(connection, services, week)


def week_before(services: Services, week: Week) -> WeekFigures | None:
    """The stored figures of the week before; None when its check has no good end."""
    monday = week.monday - WEEK
    with services.database.begin() as connection:
        row = weekly_rows.check_of(connection, monday)
        if row is None or not row.is_over:
            return None
        return _figures_kept(connection, services, find_week(services, monday))


def _figures_kept(connection: Connection, services: Services, week: Week) -> WeekFigures:
    row = weekly_rows.check_of(connection, week.monday)
    sizes, taken_at = weekly_rows.sizes_of(connection, week.monday)
    figures = WeekFigures(
        week=week,
        sends=weekly_rows.sends_of(connection, week.monday),
        sizes=sizes,
        sizes_at=taken_at,
        tolerance_percent=services.settings.list_balance_threshold,
    )
    return figures if row is None else replace(figures, activity=row.activity)


# Assessments


def assess_week(services: Services, run: WeekRun) -> list[StoredAssessment]:
    """The assessments of the three lists, made at the same time; of a week that is over, those that were made then.

    A failure of the advisors leaves the rules to speak: it discards no figure.
    """
    if not run.row.is_over:
        figures = _list_figures(services, run)
        try:
            access = model_access(services, run.partition, since=run.row.executed_at)
            assess_partition(services, run.partition, {}, access, figures=figures)
        except ListPipelineError as error:
            log.warning("the advisors could not be asked about the week", week=run.week.key, error=str(error))
            assess_partition(services, run.partition, {}, ModelAccess(), figures=figures)
    with services.database.begin() as connection:
        return health_rows.stored_assessments(connection, run.partition)


def _list_figures(services: Services, run: WeekRun) -> tuple[ListFigures, ...]:
    """The figures by which the lists are judged: recorded up to the week's check, with the sizes that it took."""
    kept = figures_kept(services, run.week)
    mailable = {role: size.mailable for role, size in kept.sizes.items()}
    if run.is_current:
        return figures_of_lists(services, mailable, services.clock.now())
    found = figures_of_lists(services, mailable, kept.sizes_at or run.week.due_at)
    return tuple(replace(each, suppression=None) for each in found)


def assessments_of(stored: Sequence[StoredAssessment]) -> list[HealthAssessment]:
    """The assessments as the rest of the product reads them."""
    return [each.assessment for each in stored]
