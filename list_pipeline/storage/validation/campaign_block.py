"""The effects of a block on a campaign: changes of its schedule at Mailjet, written before their requests, and overrides.

Belongs here: those two tables, and the lock of a schedule. Does not belong here: when a schedule is changed
(``operations.validation.campaign_block``), and the validations (``results``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.validation.checklist import ValidationRule
from list_pipeline.core.validation.schedule_changes import (
    OPEN_CHANGES,
    SCHEDULE_LIFE,
    OwnSchedule,
    ScheduleAction,
    ScheduleState,
)
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import (
    Database,
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    left_for,
    require_one,
    sql_list,
    sql_word,
)
from list_pipeline.storage.lock import LockLostError
from list_pipeline.storage.stuck_sessions import waited_in_vain


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A change of a draft's schedule at Mailjet. ``scheduled_at``: the time that was cancelled or is set again."""

    schedule_change_id: int
    campaign_id: int
    draft_id: int
    action: ScheduleAction
    scheduled_at: datetime
    state: ScheduleState
    attempts: int
    note: str | None
    reversed_at: datetime | None


def save_override(
    connection: Connection,
    *,
    campaign_id: int,
    scheduled_at: datetime,
    by: str,
    note: str,
    rules: Collection[ValidationRule],
    now: datetime,
) -> int:
    """Write down that a person let a blocked campaign go, and what that person had seen; its number."""
    return int(
        fetch_scalar(
            connection,
            """
            insert into campaign_override (campaign_id, scheduled_at, overridden_by, overridden_at, note, rules)
            values (:campaign, :scheduled, :by, :now, :note, :rules) returning override_id
            """,
            campaign=campaign_id,
            scheduled=scheduled_at,
            by=by,
            now=now,
            note=note,
            rules=sorted(rule.value for rule in rules),
        )
    )


def latest_override(connection: Connection, campaign_id: int) -> RowMapping | None:
    """The newest override of a campaign, or None."""
    return fetch_one(
        connection,
        "select * from campaign_override where campaign_id = :campaign order by override_id desc limit 1",
        campaign=campaign_id,
    )


def overridden_rules(connection: Connection, campaign_id: int, scheduled_at: datetime) -> frozenset[ValidationRule]:
    """The findings that people let go for a campaign at this time of sending."""
    found = fetch_all(
        connection,
        "select unnest(rules) as rule from campaign_override where campaign_id = :campaign and scheduled_at = :at",
        campaign=campaign_id,
        at=scheduled_at,
    )
    return frozenset(ValidationRule(row["rule"]) for row in found)


# Changes of schedules at Mailjet

_OPEN = sql_list(*OPEN_CHANGES)
_STANDS = f"""action = {sql_word(ScheduleAction.CANCEL)} and state = {sql_word(ScheduleState.CONFIRMED)}
              and reversed_at is null"""
"""Our cancellation of a schedule that nobody and nothing took back."""

_CHANGE = """
    select schedule_change_id, campaign_id, mailjet_draft_id as draft_id, action, scheduled_at, state, attempts, note,
           reversed_at from schedule_change
"""


def plan_schedule_change(
    connection: Connection,
    campaign_id: int,
    draft_id: int,
    action: ScheduleAction,
    scheduled_at: datetime,
    now: datetime,
) -> None:
    """Write a change down before its request; one at a time a campaign."""
    execute(
        connection,
        f"""
        insert into schedule_change (campaign_id, mailjet_draft_id, action, scheduled_at, state, created_at)
        values (:campaign, :draft, :action, :scheduled, :planned, :now)
        on conflict (campaign_id) where state in {_OPEN} do nothing
        """,
        planned=ScheduleState.PLANNED,
        campaign=campaign_id,
        draft=draft_id,
        action=action,
        scheduled=scheduled_at,
        now=now,
    )


def open_schedule_change(connection: Connection, campaign_id: int) -> ScheduleChange | None:
    """The change of a campaign's schedule that is not settled, or None."""
    return _newest(connection, campaign_id, f"and state in {_OPEN}")


def latest_schedule_change(connection: Connection, campaign_id: int) -> ScheduleChange | None:
    """The newest change of a campaign's schedule, or None."""
    return _newest(connection, campaign_id)


def standing_cancellation(connection: Connection, campaign_id: int) -> ScheduleChange | None:
    """Our cancellation that still stands, or None."""
    return _newest(connection, campaign_id, f"and {_STANDS}")


def _newest(connection: Connection, campaign_id: int, where: str = "") -> ScheduleChange | None:
    row = fetch_one(
        connection,
        f"{_CHANGE} where campaign_id = :campaign {where} order by schedule_change_id desc limit 1",
        campaign=campaign_id,
    )
    if row is None:
        return None
    words = {"action": ScheduleAction(row["action"]), "state": ScheduleState(row["state"])}
    return ScheduleChange(**{**row, **words})


def own_schedules(connection: Connection) -> Mapping[int, OwnSchedule]:
    """Campaigns whose schedule we cancelled, or are changing right now."""
    found = fetch_all(
        connection,
        f"""
        select campaign_id, bool_or(state in {_OPEN}) as is_open from schedule_change
        where state in {_OPEN} or {_STANDS} group by campaign_id
        """,
    )
    return {int(row["campaign_id"]): OwnSchedule.CHANGING if row["is_open"] else OwnSchedule.CANCELLED for row in found}


def submitting(connection: Connection, change_id: int, attempts: int, scheduled_at: datetime, now: datetime) -> None:
    """Committed before the request goes out.

    Args:
        attempts: the requests that went out before, as far as the caller knows.
        scheduled_at: the time that is really cancelled or set.

    Raises:
        StateChangedError: somebody else settled the change or posted it in between: it is not to be posted again.
    """
    touched = execute(
        connection,
        f"""update schedule_change set state = :submitting, submitting_at = :now, attempts = attempts + 1,
                   scheduled_at = :scheduled
            where schedule_change_id = :id and attempts = :attempts and state in {_OPEN}""",
        id=change_id,
        attempts=attempts,
        submitting=ScheduleState.SUBMITTING,
        scheduled=scheduled_at,
        now=now,
    )
    require_one(touched, f"Submitting change {change_id} of a schedule")


def settle_schedule_change(
    connection: Connection, change_id: int, state: ScheduleState, note: str | None, now: datetime
) -> None:
    """``confirmed`` by reading back, ``failed`` with the failure, or ``skipped`` with the reason.

    Raises:
        StateChangedError: somebody else settled it in between.
    """
    touched = execute(
        connection,
        f"""update schedule_change set state = :state, note = :note, settled_at = :now
            where schedule_change_id = :id and state in {left_for(SCHEDULE_LIFE, state)}""",
        id=change_id,
        state=state,
        note=note,
        now=now,
    )
    require_one(touched, f"Making change {change_id} of a schedule {state.value}")


def reverse_cancellation(connection: Connection, campaign_id: int, now: datetime) -> None:
    """Our cancellation no longer stands: the campaign is scheduled again."""
    execute(
        connection,
        f"update schedule_change set reversed_at = :now where campaign_id = :campaign and {_STANDS}",
        campaign=campaign_id,
        now=now,
    )


@dataclass(frozen=True, slots=True)
class ScheduleLock:
    """Proof that this process may change the schedule of a campaign."""

    _connection: Connection

    def check(self) -> None:
        """Make sure, right before a changing request, that the lock is still ours: it is as long as its connection lives.

        Raises:
            LockLostError: it is not.
        """
        try:
            fetch_scalar(self._connection, "select 1")
        except (DBAPIError, PendingRollbackError) as error:
            raise LockLostError(
                "Checking the lock before changing a schedule", "the connection that held it is gone", "Repeat it"
            ) from error


@contextmanager
def schedule_lock(database: Database, campaign_id: int) -> Iterator[ScheduleLock]:
    """One process at a time changes the schedule of a campaign; a killed one frees it at once.

    A lock of its own, since a maintenance may hold the one of the lists for an hour, and a send does not wait.
    """
    with database.session() as connection:
        try:
            execute(
                connection, "select pg_advisory_lock(:key, :campaign)", key=lock_numbers.SCHEDULE, campaign=campaign_id
            )
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            raise waited_in_vain(connection, LockName.SCHEDULE) from None
        yield ScheduleLock(connection)
