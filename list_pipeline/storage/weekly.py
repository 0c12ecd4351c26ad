"""The weekly health checks: their rows, what was measured in a week, and what is counted for it.

Belongs here: reading and writing those rows. Does not belong here: what the figures mean (``core.weekly.figures``).

What was measured is written once: a second write of the same week changes nothing, so that a past week stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import StoredReport
from list_pipeline.core.reviews.questions import FINDINGS, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.weekly.figures import Activity, Change, ListSize, Week, WeekSends
from list_pipeline.core.weekly.silence import Silence
from list_pipeline.core.wording import Rate
from list_pipeline.storage.database import (
    JsonColumn,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.runs import life
from list_pipeline.storage.runs.ledger import REPORT


@dataclass(frozen=True, slots=True)
class HealthCheckRow:
    """A row of ``list_health_check`` as the workflow needs it. Instants are UTC."""

    check_id: int
    week: date
    status: RunStatus
    attempt: int
    run_id: str | None
    executed_at: datetime
    touched_at: datetime
    sizes_taken_at: datetime | None
    sizes_note: str
    urgency: str | None
    weekly_report: StoredReport | None
    activity: Activity
    week_over_week: tuple[Change, ...] | None
    silence: Silence | None
    next_campaign: str | None
    errors: Sequence[Mapping[str, Any]]

    @property
    def is_over(self) -> bool:
        """True when the check of the week succeeded: it is shown from now on, and not made again."""
        return self.status is RunStatus.SUCCESS


_SELECT = """
    select id as check_id, week, status, attempt, run_id, executed_at, coalesce(touched_at, executed_at) as touched_at,
           sizes_taken_at, sizes_note, urgency, weekly_report, activity, week_over_week, silence,
           next_campaign,
           coalesce(errors, '[]') as errors
    from list_health_check
"""

_OF_WEEK = _SELECT + "where week = :week"


def check_of(connection: Connection, week: date) -> HealthCheckRow | None:
    """The check of a week, or None."""
    row = fetch_one(connection, _OF_WEEK, week=week)
    return _check(row) if row is not None else None


def latest_checks(connection: Connection, since: date) -> Mapping[date, HealthCheckRow]:
    """The checks of the weeks from a Monday on."""
    found = fetch_all(connection, _SELECT + "where week >= :since order by week", since=since)
    return {row["week"]: _check(row) for row in found}


def whole_row(connection: Connection, week: date) -> RowMapping | None:
    """Every column of a week's check, or None."""
    return fetch_one(connection, "select * from list_health_check where week = :week", week=week)


def row_by_id(connection: Connection, check_id: int) -> RowMapping | None:
    """Every column of a check, by its number, or None."""
    return fetch_one(connection, "select * from list_health_check where id = :id", id=check_id)


_ACTIVITY: JsonColumn[Activity] = JsonColumn("list_health_check.activity", Activity)
_SILENCE: JsonColumn[Silence] = JsonColumn("list_health_check.silence", Silence)
_CHANGES: JsonColumn[tuple[Change, ...]] = JsonColumn("list_health_check.week_over_week", tuple[Change, ...])


def _check(row: RowMapping) -> HealthCheckRow:
    values = {
        **row,
        "status": RunStatus(row["status"]),
        "weekly_report": REPORT.read(row["weekly_report"]) if row["weekly_report"] else None,
        "activity": _ACTIVITY.read(row["activity"] or {}),
        "silence": _SILENCE.read(row["silence"]) if row["silence"] else None,
        "week_over_week": None if row["week_over_week"] is None else _CHANGES.read(row["week_over_week"]),
    }
    return HealthCheckRow(**values)


def begin(connection: Connection, week: Week, run_id: str | None, now: datetime) -> HealthCheckRow:
    """Write the row of a week as ``running``. Where it is there already, that one."""
    execute(
        connection,
        """
        insert into list_health_check (week, executed_at, touched_at, run_id, status, window_from, window_to)
        values (:week, :now, :now, :run, :running, :from, :to) on conflict (week) do nothing
        """,
        week=week.monday,
        now=now,
        run=run_id,
        running=RunStatus.RUNNING.value,
        **{"from": week.starts_after, "to": week.due_at},
    )
    return _known(connection, week.monday)


def begin_again(connection: Connection, row: HealthCheckRow, run_id: str | None, now: datetime) -> HealthCheckRow:
    """The check of a week that failed gets another attempt.

    Raises:
        StateChangedError: another process was faster.
    """
    life.change_status(connection, life.WEEKLY_CHECKS, row.check_id, row.status, RunStatus.RUNNING, now)
    execute(
        connection,
        """update list_health_check set attempt = attempt + 1, executed_at = :now, run_id = coalesce(:run, run_id)
           where id = :id""",
        id=row.check_id,
        run=run_id,
        now=now,
    )
    return _known(connection, row.week)


def take_up(
    connection: Connection, row: HealthCheckRow, run_id: str | None, now: datetime, *, died: bool
) -> HealthCheckRow:
    """A run works on a check now, if it is not over. ``died``: the one before did, so that the time counts from now on."""
    if life.touch(connection, life.WEEKLY_CHECKS, row.check_id, now, run_id=run_id) and died:
        execute(connection, "update list_health_check set executed_at = :now where id = :id", id=row.check_id, now=now)
    return _known(connection, row.week)


def touch(connection: Connection, check_id: int, now: datetime) -> None:
    """A run works on this check now."""
    life.touch(connection, life.WEEKLY_CHECKS, check_id, now)


def fail(connection: Connection, row: HealthCheckRow, stage: str, error: str, now: datetime) -> None:
    """An error of a stage; a check at work is ended by it, with nulls for what is not known.

    Raises:
        StateChangedError: another process moved it on since it was read.
    """
    life.add_error(
        connection, life.WEEKLY_CHECKS, row.check_id, {"stage": stage, "error": error, "at": now.isoformat()}
    )
    if row.status is RunStatus.RUNNING:
        life.change_status(connection, life.WEEKLY_CHECKS, row.check_id, row.status, RunStatus.FAILED, now)
        execute(
            connection,
            "update list_health_check set urgency = :critical where id = :id",
            id=row.check_id,
            critical=Urgency.CRITICAL.value,
        )


def note_sizes(connection: Connection, week: date, taken_at: datetime | None, note: str) -> None:
    """When the sizes were taken, and what has to be known about them; written once."""
    execute(
        connection,
        """update list_health_check set sizes_taken_at = :taken, sizes_note = :note
           where week = :week and sizes_taken_at is null and sizes_note = '' and status <> :over""",
        week=week,
        taken=taken_at,
        note=note,
        over=RunStatus.SUCCESS.value,
    )


def note_activity(connection: Connection, week: date, activity: Activity) -> None:
    """Write the week's activity, once."""
    execute(
        connection,
        "update list_health_check set activity = cast(:activity as jsonb) where week = :week and activity is null",
        week=week,
        activity=_ACTIVITY.text(activity),
    )


def note_silence(connection: Connection, week: date, silence: Silence) -> None:
    """Write how many contacts gave no sign of life, once."""
    execute(
        connection,
        "update list_health_check set silence = cast(:silence as jsonb) where week = :week and silence is null",
        week=week,
        silence=_SILENCE.text(silence),
    )


def note_next_campaign(connection: Connection, week: date, words: str) -> None:
    """The campaign that is scheduled next, in words, while the check of a week is not over yet."""
    execute(
        connection,
        "update list_health_check set next_campaign = :words where week = :week and status <> :over",
        week=week,
        words=words,
        over=RunStatus.SUCCESS.value,
    )


def keep_report(connection: Connection, week: date, report: StoredReport) -> None:
    """The report of a week that is not over yet."""
    execute(
        connection,
        """update list_health_check set weekly_report = cast(:report as jsonb)
           where week = :week and status <> :over""",
        week=week,
        report=REPORT.text(report),
        over=RunStatus.SUCCESS.value,
    )


def finish(connection: Connection, row: HealthCheckRow, now: datetime, **columns: Any) -> None:
    """End a check well: its figures and conclusions, those that are lists or objects as JSON. One that another run of the
    same week left failed meanwhile ends well all the same: everything is known now.

    Raises:
        StateChangedError: another process moved it on since it was read.
    """
    as_json = {"health_assessments", "action_items", "week_over_week"}
    plain = {
        "master_list_size", "campaign_list_1_size", "campaign_list_2_size", "campaign_list_3_size",
        "suppression_list_size", "balance_deviation", "is_balanced", "average_bounce_rate", "average_delivery_rate",
        "critical_issue_count", "total_issue_count", "urgency",
    }  # fmt: skip
    if columns.keys() != as_json | plain:
        raise ValueError(f"not the columns of a check: {sorted(columns.keys() ^ (as_json | plain))}")
    sets = [f"{name} = cast(:{name} as jsonb)" if name in as_json else f"{name} = :{name}" for name in columns]
    if row.status is RunStatus.FAILED:
        life.change_status(connection, life.WEEKLY_CHECKS, row.check_id, row.status, RunStatus.RUNNING, now)
    # The figures first: a check that is over has to have them.
    execute(
        connection,
        f"update list_health_check set {', '.join(sets)} where id = :id",
        id=row.check_id,
        **{name: to_json(value) if name in as_json else value for name, value in columns.items()},
    )
    life.change_status(connection, life.WEEKLY_CHECKS, row.check_id, RunStatus.RUNNING, RunStatus.SUCCESS, now)


def _known(connection: Connection, week: date) -> HealthCheckRow:
    return _check(fetch_row(connection, f"the check of the week of {week}", _OF_WEEK, week=week))


# What was measured


def save_sizes(connection: Connection, week: date, sizes: Mapping[ListRole, ListSize], now: datetime) -> None:
    """The sizes of the five lists, once."""
    for role, size in sizes.items():
        execute(
            connection,
            """insert into weekly_list_snapshot (week, list_role, raw_count, mailable_count, taken_at)
               values (:week, :role, :raw, :mailable, :now) on conflict (week, list_role) do nothing""",
            week=week,
            role=role.value,
            raw=size.raw,
            mailable=size.mailable,
            now=now,
        )


def sizes_of(connection: Connection, week: date) -> tuple[Mapping[ListRole, ListSize], datetime | None]:
    """The sizes of a week and when they were taken; empty and None when nobody took them."""
    found = fetch_all(connection, "select * from weekly_list_snapshot where week = :week", week=week)
    by_role = {ListRole(row["list_role"]): ListSize(row["raw_count"], row["mailable_count"]) for row in found}
    sizes = {role: by_role[role] for role in ALL_LISTS if role in by_role}
    return sizes, min((row["taken_at"] for row in found), default=None)


def save_sends(connection: Connection, week: date, sends: Collection[WeekSends], now: datetime) -> None:
    """Write the figures of a week's campaigns on each list, once."""
    for each in sends:
        read = each.read or SendFigures(0, 0, 0, 0, 0)
        execute(
            connection,
            """
            insert into weekly_list_metrics (week, list_role, computed_at, campaigns, unread_campaigns, recipients, hard, soft,
                   delivered, suppressed, suppressed_of, last_campaign_at, complaints, overdispersion)
            values (:week, :role, :now, :campaigns, :unread, :recipients, :hard, :soft, :delivered, :suppressed,
                    :suppressed_of, :last_at, :complaints, :overdispersion)
            on conflict (week, list_role) do nothing
            """,
            week=week,
            role=each.role.value,
            now=now,
            campaigns=read.campaigns,
            unread=each.unread,
            recipients=read.recipients,
            hard=read.hard,
            soft=read.soft,
            delivered=read.delivered,
            suppressed=None if each.suppression is None else each.suppression.count,
            suppressed_of=None if each.suppression is None else each.suppression.of,
            last_at=each.last_campaign_at,
            complaints=read.complaints,
            overdispersion=read.overdispersion,
        )


def sends_of(connection: Connection, week: date) -> Mapping[ListRole, WeekSends]:
    """The figures of a week's campaigns on each list, as they were computed then; empty when they were not."""
    found = fetch_all(connection, "select * from weekly_list_metrics where week = :week order by list_role", week=week)
    return {
        ListRole(row["list_role"]): WeekSends(
            role=ListRole(row["list_role"]),
            read=_read_of(row) if row["campaigns"] else None,
            unread=row["unread_campaigns"],
            suppression=Rate(row["suppressed"], row["suppressed_of"]) if row["suppressed_of"] else None,
            last_campaign_at=row["last_campaign_at"],
        )
        for row in found
    }


def _read_of(row: RowMapping) -> SendFigures:
    kept = row["overdispersion"]
    return SendFigures(
        campaigns=row["campaigns"],
        recipients=row["recipients"],
        hard=row["hard"],
        soft=row["soft"],
        delivered=row["delivered"],
        complaints=row["complaints"],
        overdispersion=INCIDENTS.overdispersion if kept is None else kept,
    )


# What is counted


def campaigns_sent(connection: Connection, after: datetime, until: datetime) -> Mapping[int, ListRole]:
    """The list of each campaign that was sent after an instant and up to another."""
    found = fetch_all(
        connection,
        """
        select id, round_number from campaign_schedule
        where retired_at is null and coalesce(send_start_at, send_end_at) > :after
          and coalesce(send_start_at, send_end_at) <= :until
        """,
        after=after,
        until=until,
    )
    return {row["id"]: CAMPAIGN_LISTS[row["round_number"] - 1] for row in found}


def count_activity(connection: Connection, after: datetime, until: datetime, *, with_waiting: bool) -> Activity:
    """Count the activity after an instant and up to another.

    A contact is new by the earliest subscription that is known. A maintenance counts as failed while its last attempt is.

    Args:
        with_waiting: count the plans and questions that wait for a person now, which says nothing about a past week. News is
            read, not decided.
    """
    row = fetch_row(
        connection,
        "what was done in the week",
        f"""
        with done as (
            select c.change_id, c.kind from change c join change_step s using (change_id)
            where c.kind in ('move', 'enrol') group by c.change_id, c.kind
            having bool_and(s.state in ('confirmed', 'skipped')) and bool_or(s.state = 'confirmed')
               and max(s.changed_at) > :after and max(s.changed_at) <= :until),
        latest as (
            select distinct on (campaign_schedule_id, maintenance_type, sweep) status, executed_at from list_maintenance_log
            order by campaign_schedule_id, maintenance_type, sweep, attempt desc)
        select (select count(*) from campaign_schedule where retired_at is null
                  and coalesce(send_start_at, send_end_at) > :after
                  and coalesce(send_start_at, send_end_at) <= :until) as campaigns_sent,
               (select count(*) from contact_list_membership where in_master_list
                  and queued_at > :after and queued_at <= :until) as new_contacts,
               (select count(distinct contact_id) from contact_suppression_history
                  where suppressed_at > :after and suppressed_at <= :until) as suppressed,
               (select count(*) from done) as rebalanced,
               (select count(*) from plan where kind = 'rebalancing' and executed_at > :after and executed_at <= :until
                  and exists (select 1 from change c where c.plan_id = plan.plan_id)) as rebalancings,
               (select count(*) from latest where status = :failed and executed_at > :after and executed_at <= :until)
                  as failed_maintenances,
               (select count(*) from review_item
                  where status = {sql_word(ReviewStatus.OPEN)} and kind not in {sql_list(*FINDINGS)}) as waiting
        """,
        failed=RunStatus.FAILED.value,
        after=after,
        until=until,
    )
    counts = {name: int(value) for name, value in row.items()}
    waiting = counts.pop("waiting")
    return replace(Activity(**counts), waiting=waiting if with_waiting else None)


def first_started_at(connection: Connection) -> datetime | None:
    """When this installation first started; None when it never did."""
    row = fetch_one(connection, "select first_started_at from mode_state")
    return None if row is None else row["first_started_at"]
