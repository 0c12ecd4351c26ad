"""What a block does to a campaign: changes of its schedule at Mailjet, written before their requests, and overrides.

Belongs here: those two tables, and the lock of a schedule. Does not belong here: when a schedule is changed
(``operations.validation.campaign_block``), and the validations (``results``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from list_pipeline.core.validation.rules import ValidationRule
from list_pipeline.storage.database import Database, execute, fetch_all, fetch_one, fetch_scalar
from list_pipeline.storage.lock import LockLostError

_SCHEDULE_LOCK = 0x6C70_0004


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A change of a draft's schedule at Mailjet. ``scheduled_at``: the time that was cancelled or is set again."""

    schedule_change_id: int
    campaign_id: int
    draft_id: int
    action: str
    scheduled_at: datetime
    state: str
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

_CHANGE = """
    select schedule_change_id, campaign_id, mailjet_draft_id as draft_id, action, scheduled_at, state, attempts, note,
           reversed_at from schedule_change
"""


def plan_schedule_change(
    connection: Connection, campaign_id: int, draft_id: int, action: str, scheduled_at: datetime, now: datetime
) -> None:
    """Write a change down before its request; one at a time a campaign."""
    execute(
        connection,
        """
        insert into schedule_change (campaign_id, mailjet_draft_id, action, scheduled_at, state, created_at)
        values (:campaign, :draft, :action, :scheduled, 'planned', :now)
        on conflict (campaign_id) where state in ('planned', 'submitting') do nothing
        """,
        campaign=campaign_id,
        draft=draft_id,
        action=action,
        scheduled=scheduled_at,
        now=now,
    )


def open_schedule_change(connection: Connection, campaign_id: int) -> ScheduleChange | None:
    """The change of a campaign's schedule that is not settled, or None."""
    row = fetch_one(
        connection,
        _CHANGE + "where campaign_id = :campaign and state in ('planned', 'submitting')",
        campaign=campaign_id,
    )
    return None if row is None else ScheduleChange(**row)


def latest_schedule_change(connection: Connection, campaign_id: int) -> ScheduleChange | None:
    """The newest change of a campaign's schedule, or None."""
    row = fetch_one(
        connection,
        _CHANGE + "where campaign_id = :campaign order by schedule_change_id desc limit 1",
        campaign=campaign_id,
    )
    return None if row is None else ScheduleChange(**row)


def standing_cancellation(connection: Connection, campaign_id: int) -> ScheduleChange | None:
    """Our cancellation that still stands, or None."""
    row = fetch_one(
        connection,
        _CHANGE
        + """where campaign_id = :campaign and action = 'cancel' and state = 'confirmed' and reversed_at is null
             order by schedule_change_id desc limit 1""",
        campaign=campaign_id,
    )
    return None if row is None else ScheduleChange(**row)


def campaigns_with_our_hand(connection: Connection) -> Mapping[int, str]:
    """Campaigns whose schedule we cancelled (``cancelled``), or are changing right now (``open``)."""
    found = fetch_all(
        connection,
        """
        select campaign_id, case when bool_or(state in ('planned', 'submitting')) then 'open' else 'cancelled' end as state
        from schedule_change
        where state in ('planned', 'submitting') or action = 'cancel' and state = 'confirmed' and reversed_at is null
        group by campaign_id
        """,
    )
    return {int(row["campaign_id"]): str(row["state"]) for row in found}


def submitting(connection: Connection, change_id: int, scheduled_at: datetime, now: datetime) -> None:
    """Committed before the request goes out; ``scheduled_at``: the time that is really cancelled or set."""
    execute(
        connection,
        """update schedule_change set state = 'submitting', submitting_at = :now, attempts = attempts + 1,
                  scheduled_at = :scheduled
           where schedule_change_id = :id and state in ('planned', 'submitting')""",
        id=change_id,
        scheduled=scheduled_at,
        now=now,
    )


def settle_schedule_change(connection: Connection, change_id: int, state: str, note: str | None, now: datetime) -> None:
    """``confirmed`` by reading back, ``failed``, or ``skipped`` with the reason."""
    execute(
        connection,
        """update schedule_change set state = :state, note = :note, settled_at = :now
           where schedule_change_id = :id and state in ('planned', 'submitting')""",
        id=change_id,
        state=state,
        note=note,
        now=now,
    )


def reverse_cancellation(connection: Connection, campaign_id: int, now: datetime) -> None:
    """Our cancellation no longer stands: the campaign is scheduled again."""
    execute(
        connection,
        """update schedule_change set reversed_at = :now
           where campaign_id = :campaign and action = 'cancel' and state = 'confirmed' and reversed_at is null""",
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
                "Checking the lock before changing a schedule", "the connection that held it is gone", "Validate again"
            ) from error


@contextmanager
def schedule_lock(database: Database, campaign_id: int) -> Iterator[ScheduleLock]:
    """One process at a time changes the schedule of a campaign; a killed one frees it at once.

    A lock of its own, since a maintenance may hold the one of the lists for an hour, and a send does not wait.
    """
    with database.session() as connection:
        execute(connection, "select pg_advisory_lock(:key, :campaign)", key=_SCHEDULE_LOCK, campaign=campaign_id)
        yield ScheduleLock(connection)
