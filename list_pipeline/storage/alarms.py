"""Alarms and what is told of them; a row before any request.

Belongs here: statements about ``alarm`` and ``alarm_delivery``, and the facts that only they need. Does not belong here: what
is a problem (``core.alarms.problems``), and telling (``operations.alarms``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.alarms.events import Alarm, AlarmAction, Receiver
from list_pipeline.core.alarms.problems import AlarmKind, Problem, ProblemKey
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.list_states.machines import HealthState
from list_pipeline.core.messages.delivery import DELIVERY_LIFE, UNSENT, DeliveryState
from list_pipeline.core.validation.schedule_changes import ScheduleAction, ScheduleState
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    left_for,
    sql_list,
    sql_word,
)
from list_pipeline.storage.membership.data_versions import installation_name
from list_pipeline.storage.monitoring.job_runs import TOLD_ELSEWHERE

_UNSENT = f"state in {sql_list(*UNSENT)}"


@dataclass(frozen=True, slots=True)
class Telling:
    """Something that is to be told of an alarm. ``attempts`` so far, this one not counted."""

    alarm_id: int
    receiver: Receiver
    action: AlarmAction
    attempts: int
    created_at: datetime
    alarm: Alarm


def one_look(connection: Connection) -> None:
    """Within the transaction nobody else raises or resolves alarms."""
    execute(connection, "lock table alarm in share row exclusive mode")


def open_alarms(connection: Connection) -> tuple[ProblemKey, ...]:
    """What is open, in the order in which it was raised."""
    found = fetch_all(connection, "select kind, reference from alarm where resolved_at is null order by alarm_id")
    return tuple((AlarmKind(row["kind"]), str(row["reference"])) for row in found)


def raise_alarm(connection: Connection, problem: Problem, receivers: Collection[Receiver], now: datetime) -> int:
    """Open an alarm, and what is to be told of it; its number."""
    alarm_id = int(
        fetch_scalar(
            connection,
            """
            insert into alarm (kind, reference, summary, raised_at) values (:kind, :reference, :summary, :now)
            returning alarm_id
            """,
            kind=problem.kind,
            reference=problem.reference,
            summary=problem.summary,
            now=now,
        )
    )
    for receiver in receivers:
        _tell(connection, alarm_id, receiver, AlarmAction.TRIGGER, now)
    return alarm_id


def resolve_alarm(connection: Connection, key: ProblemKey, now: datetime) -> None:
    """Close an open alarm. Who was told, or is still to be told, is told that it is over; what was never told needs no end."""
    kind, reference = key
    row = fetch_one(
        connection,
        """
        update alarm set resolved_at = greatest(raised_at, :now)
        where kind = :kind and reference = :reference and resolved_at is null returning alarm_id
        """,
        kind=kind,
        reference=reference,
        now=now,
    )
    if row is None:
        return
    told = fetch_all(
        connection,
        "select receiver, attempts from alarm_delivery where alarm_id = :id and action = :trigger",
        id=row["alarm_id"],
        trigger=AlarmAction.TRIGGER,
    )
    for one in told:
        if one["attempts"]:
            _tell(connection, int(row["alarm_id"]), Receiver(one["receiver"]), AlarmAction.RESOLVE, now)
        else:
            note(
                connection,
                int(row["alarm_id"]),
                Receiver(one["receiver"]),
                AlarmAction.TRIGGER,
                DeliveryState.SKIPPED,
                now,
                error="it was over before it was told",
            )


def _tell(connection: Connection, alarm_id: int, receiver: Receiver, action: AlarmAction, now: datetime) -> None:
    execute(
        connection,
        """
        insert into alarm_delivery (alarm_id, receiver, action, created_at, next_attempt_at)
        values (:alarm, :receiver, :action, :now, :now)
        """,
        alarm=alarm_id,
        receiver=receiver,
        action=action,
        now=now,
    )


def claim(connection: Connection, now: datetime, again_at: datetime) -> Telling | None:
    """The oldest thing to tell that is due, counted as tried; None where nothing is. Its end waits for its beginning.

    Args:
        again_at: when somebody else may try it, should this process die meanwhile.
    """
    row = fetch_one(
        connection,
        f"""
        update alarm_delivery set attempts = attempts + 1, next_attempt_at = :again
        where (alarm_id, receiver, action) = (
            select d.alarm_id, d.receiver, d.action from alarm_delivery d
            where d.{_UNSENT} and d.next_attempt_at <= :now and not (d.action = :resolve and exists (
                select 1 from alarm_delivery before where before.alarm_id = d.alarm_id and before.receiver = d.receiver
                  and before.action = :trigger and before.{_UNSENT}))
            order by d.alarm_id, d.action desc limit 1 for update skip locked)
        returning alarm_id, receiver, action, attempts - 1 as attempts, created_at
        """,
        now=now,
        again=again_at,
        trigger=AlarmAction.TRIGGER,
        resolve=AlarmAction.RESOLVE,
    )
    if row is None:
        return None
    return Telling(
        alarm_id=int(row["alarm_id"]),
        receiver=Receiver(row["receiver"]),
        action=AlarmAction(row["action"]),
        attempts=int(row["attempts"]),
        created_at=row["created_at"],
        alarm=_alarm(connection, int(row["alarm_id"])),
    )


def _alarm(connection: Connection, alarm_id: int) -> Alarm:
    row = fetch_row(
        connection,
        f"alarm {alarm_id}",
        "select kind, reference, summary, raised_at, resolved_at from alarm where alarm_id = :id",
        id=alarm_id,
    )
    problem = Problem(AlarmKind(row["kind"]), str(row["reference"]), str(row["summary"]))
    return Alarm(problem, installation_name(connection), row["raised_at"], row["resolved_at"])


def note(
    connection: Connection,
    alarm_id: int,
    receiver: Receiver,
    action: AlarmAction,
    state: DeliveryState,
    now: datetime,
    *,
    error: str | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """Write down what became of an attempt. What another process settled meanwhile stays as it is."""
    execute(
        connection,
        f"""
        update alarm_delivery set state = :state, last_error = :error, next_attempt_at = :next,
               sent_at = case when :state = {sql_word(DeliveryState.SENT)} then cast(:now as timestamptz) end
        where alarm_id = :alarm and receiver = :receiver and action = :action
          and (state = :state or state in {left_for(DELIVERY_LIFE, state)})
        """,
        alarm=alarm_id,
        receiver=receiver,
        action=action,
        state=state,
        error=error,
        next=next_attempt_at,
        now=now,
    )


def latest(connection: Connection, most: int) -> list[RowMapping]:
    """Alarms with what was told of them: open ones first, then the latest."""
    return list(
        fetch_all(
            connection,
            """
            select a.alarm_id, a.kind, a.reference, a.summary, a.raised_at, a.resolved_at,
                   coalesce((select jsonb_agg(jsonb_build_object('receiver', d.receiver, 'action', d.action,
                                'state', d.state, 'attempts', d.attempts, 'error', d.last_error)
                                order by d.action desc, d.receiver)
                             from alarm_delivery d where d.alarm_id = a.alarm_id), '[]') as told
            from alarm a order by a.resolved_at is not null, a.alarm_id desc limit :most
            """,
            most=most,
        )
    )


# Facts


def failing_jobs(connection: Connection, since: datetime) -> dict[str, str]:
    """Jobs whose last run that ended since an instant failed, with its error. A failed maintenance that has a report is
    repeated by itself, and is an alarm once that was given up; what was refused to a person is none."""
    found = fetch_all(
        connection,
        """
        select job, error from (select distinct on (job) job, status, told_in, coalesce(error, '') as error from job_run
            where noted_at >= :since order by job, noted_at desc, run_id desc) latest
        where status = 'failure' and coalesce(told_in, '') <> all(:elsewhere)
        """,
        since=since,
        elsewhere=list(TOLD_ELSEWHERE),
    )
    return {str(row["job"]): str(row["error"]) for row in found}


def blocked_that_go(connection: Connection, now: datetime) -> list[str]:
    """Keys of campaigns that are blocked, are still to be sent, and whose schedule at Mailjet is not cancelled."""
    found = fetch_all(
        connection,
        f"""
        select c.campaign_key from campaign_schedule c
        where c.status = {sql_word(CampaignStatus.BLOCKED)} and c.retired_at is null
          and (c.scheduled_date + c.scheduled_time) at time zone 'UTC' > :now and not exists (
              select 1 from schedule_change s where s.campaign_id = c.id and s.action = {sql_word(ScheduleAction.CANCEL)}
                and s.state = {sql_word(ScheduleState.CONFIRMED)} and s.reversed_at is null)
        order by c.campaign_key
        """,
        now=now,
    )
    return [str(row["campaign_key"]) for row in found]


def lists_to_clean(connection: Connection) -> list[str]:
    """Roles of the lists whose health needs a clean-up."""
    found = fetch_all(
        connection,
        f"select list_role from list_state where machine = 'health' and state = {sql_word(HealthState.NEEDS_CLEANUP)}",
    )
    return [str(row["list_role"]) for row in found]


def unreached(connection: Connection, now: datetime, after: timedelta) -> tuple[int, timedelta]:
    """Important messages that wait for longer than a time and that no e-mail told; how many, and the age of the oldest."""
    row = fetch_row(
        connection,
        "the messages that wait",
        f"""select count(*) as many, coalesce(:now - min(created_at), interval '0') as oldest from notification
            where {_UNSENT} and is_important and emailed_at is null and created_at < :before""",
        now=now,
        before=now - after,
    )
    return int(row["many"]), row["oldest"]
