"""The ledger of maintenance: log rows, snapshots, and the mode. Messages about it are in ``storage.messages``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.lists import ListRole
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_row, fetch_scalar, to_json


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of ``list_maintenance_log`` as the workflow needs it."""

    log_id: int
    campaign_id: int
    sweep: str
    attempt: int
    executed_at: datetime
    finished_at: datetime | None
    status: str
    errors: Sequence[Mapping[str, Any]]
    slack_notification_sent: bool
    run_id: str | None

    @property
    def is_final(self) -> bool:
        """True when this attempt ended well or as a person decided: it is not repeated."""
        return self.status in ("success", "partial_success", "rejected", "rolled_back")

    @property
    def gave_up(self) -> bool:
        """True when this was the last attempt and it failed: nothing more happens by itself."""
        return any(entry["stage"] == GAVE_UP_STAGE for entry in self.errors)

    @property
    def timed_out(self) -> bool:
        """True when this attempt was ended because its run gave no sign of life."""
        return self.status in ("failed", "partial_success") and any(
            entry["stage"] == RUN_STAGE for entry in self.errors
        )

    @property
    def passed_deadline(self) -> bool:
        """True when something of this attempt was not begun because its time was over."""
        return any(str(entry["error"]).startswith(DEADLINE_WORDS) for entry in self.errors)


RUN_STAGE, DIED = "run", "its run died"
"""Stage and words of the error of an attempt whose run gave no sign of life."""

GAVE_UP_STAGE = "attempts"
"""Stage of the error that marks the last attempt; its count is the number of attempts."""

DEADLINE_WORDS = "the deadline of "
"""How the error begins that says what was not begun because the time was over."""


_LOG_COLUMNS = """
    id as log_id, campaign_schedule_id as campaign_id, sweep, attempt, executed_at, finished_at, status,
    coalesce(errors, '[]') as errors, slack_notification_sent, run_id
"""

SELECT_LOG = f"select {_LOG_COLUMNS} from list_maintenance_log "


_LATEST_LOG = (
    SELECT_LOG
    + """where campaign_schedule_id = :campaign and maintenance_type = 'post_campaign' and sweep = :sweep
         order by attempt desc limit 1"""
)


def latest_log(connection: Connection, campaign_id: int, sweep: str) -> LogRow | None:
    """The newest attempt at a campaign's maintenance, or None."""
    row = fetch_one(connection, _LATEST_LOG, campaign=campaign_id, sweep=sweep)
    return LogRow(**row) if row is not None else None


def log_by_id(connection: Connection, log_id: int) -> RowMapping | None:
    """A whole row of the log, or None."""
    return fetch_one(connection, "select * from list_maintenance_log where id = :id", id=log_id)


def begin_log(
    connection: Connection, campaign_id: int, sweep: str, attempt: int, run_id: str | None, now: datetime
) -> LogRow:
    """Write the row of a new attempt as ``running``: whoever looks sees that it began, also after a crash.

    An attempt that another run began at the same time stays, and is returned.
    """
    execute(
        connection,
        """
        insert into list_maintenance_log (campaign_schedule_id, maintenance_type, sweep, attempt, executed_at, touched_at,
               working_since, run_id, status)
        values (:campaign, 'post_campaign', :sweep, :attempt, :now, :now, :now, :run, 'running')
        on conflict (campaign_schedule_id, maintenance_type, sweep, attempt) do nothing
        """,
        campaign=campaign_id,
        sweep=sweep,
        attempt=attempt,
        now=now,
        run=run_id,
    )
    what = f"the maintenance of campaign {campaign_id}"
    return LogRow(**fetch_row(connection, what, _LATEST_LOG, campaign=campaign_id, sweep=sweep))


def touch_log(connection: Connection, log_id: int, run_id: str | None, now: datetime) -> LogRow:
    """A run works on this attempt now. One that was taken for dead runs again, unless another attempt took over."""
    row = fetch_row(
        connection,
        f"row {log_id} of the ledger",
        f"""
        with alive as (
            select id as alive_id, status in ('failed', 'partial_success') and coalesce(errors, '[]') @> cast(:died as jsonb)
                   and not exists (select 1 from list_maintenance_log n where n.attempt > l.attempt
                       and (n.campaign_schedule_id, n.maintenance_type, n.sweep)
                         = (l.campaign_schedule_id, l.maintenance_type, l.sweep)) as is_revived
            from list_maintenance_log l where id = :id for update)
        update list_maintenance_log l set touched_at = :now, run_id = coalesce(:run, run_id),
               status = case when is_revived then 'running' else status end,
               finished_at = case when is_revived then null else finished_at end,
               errors = case when not is_revived then errors else (
                   select coalesce(jsonb_agg(e), '[]') from jsonb_array_elements(errors) e
                   where e ->> 'stage' not in (:run_stage, :gave_up)) end
        from alive where alive_id = l.id returning {_LOG_COLUMNS}
        """,
        id=log_id,
        run=run_id,
        now=now,
        died=to_json([{"stage": RUN_STAGE, "error": DIED}]),
        run_stage=RUN_STAGE,
        gave_up=GAVE_UP_STAGE,
    )
    return LogRow(**row)


def working_since(connection: Connection, log_id: int) -> datetime:
    """Since when an attempt works without a pause for a person's decision."""
    since: datetime = fetch_scalar(
        connection, "select coalesce(working_since, executed_at) from list_maintenance_log where id = :id", id=log_id
    )
    return since


def add_error(connection: Connection, log_id: int, stage: str, error: str, count: int = 1) -> None:
    """Add ``{stage, error, count}`` to a row's errors; the same error of the same stage stands there once."""
    execute(
        connection,
        """
        update list_maintenance_log set errors = coalesce(errors, '[]') || cast(:entry as jsonb)
        where id = :id and not coalesce(errors, '[]') @> cast(:entry as jsonb)
        """,
        id=log_id,
        entry=to_json([{"stage": stage, "error": error, "count": count}]),
    )


def fill_log(connection: Connection, log_id: int, **columns: Any) -> None:
    """Write JSON or plain columns of a row; names are checked against those that a workflow may fill."""
    allowed_json = {
        "bounce_data",
        "bounce_analysis",
        "suppression_plan",
        "rebalancing_plan",
        "ai_assessments",
        "before_state",
        "after_state",
    }
    allowed_plain = {"contacts_suppressed", "contacts_rebalanced", "slack_notification_sent", "slack_message_ts"}
    unknown = columns.keys() - allowed_json - allowed_plain
    if unknown:
        raise ValueError(f"not a column to fill: {', '.join(sorted(unknown))}")
    sets = [f"{n} = cast(:{n} as jsonb)" if n in allowed_json else f"{n} = :{n}" for n in columns]
    values = {n: to_json(v) if n in allowed_json else v for n, v in columns.items()}
    execute(
        connection,
        f"update list_maintenance_log set {', '.join(sets)} where id = :id",
        id=log_id,
        **values,
    )


def end_log(connection: Connection, log_id: int, status: str, now: datetime) -> None:
    """End an attempt. What was never known is an empty object, so that the row says it was looked for."""
    execute(
        connection,
        """
        update list_maintenance_log set status = :status, finished_at = :now,
               execution_time_ms = greatest(0, round(extract(epoch from (cast(:now as timestamptz) - executed_at)) * 1000)),
               ai_assessments = coalesce(ai_assessments, '{}'), before_state = coalesce(before_state, '{}'),
               after_state = coalesce(after_state, '{}')
        where id = :id and status in ('running', 'pending_review', 'read_only')
        """,
        id=log_id,
        status=status,
        now=now,
    )


def reopen_log(connection: Connection, log_id: int, now: datetime) -> None:
    """A waiting attempt goes on after a person decided; the time it waited does not count towards its deadline."""
    execute(
        connection,
        """update list_maintenance_log set status = 'running', finished_at = null, touched_at = :now, working_since = :now
           where id = :id""",
        id=log_id,
        now=now,
    )


def save_snapshot(
    connection: Connection,
    campaign_id: int,
    sweep: str,
    phase: str,
    sizes: Mapping[ListRole, tuple[int, int]],
    now: datetime,
) -> None:
    """Write the raw and mailable sizes of a phase once; a second write changes nothing."""
    for role, (raw, mailable) in sizes.items():
        execute(
            connection,
            """
            insert into list_snapshot (campaign_id, sweep, phase, list_role, raw_count, mailable_count, taken_at)
            values (:campaign, :sweep, :phase, :role, :raw, :mailable, :now)
            on conflict (campaign_id, sweep, phase, list_role) do nothing
            """,
            campaign=campaign_id,
            sweep=sweep,
            phase=phase,
            role=role.value,
            raw=raw,
            mailable=mailable,
            now=now,
        )


def snapshot(connection: Connection, campaign_id: int, sweep: str, phase: str) -> Mapping[ListRole, tuple[int, int]]:
    """Raw and mailable size of each list in a phase; empty when no snapshot was taken."""
    found = fetch_all(
        connection,
        """select list_role, raw_count, mailable_count from list_snapshot
           where campaign_id = :campaign and sweep = :sweep and phase = :phase""",
        campaign=campaign_id,
        sweep=sweep,
        phase=phase,
    )
    return {ListRole(r["list_role"]): (int(r["raw_count"]), int(r["mailable_count"])) for r in found}


def begin_mode(connection: Connection, now: datetime) -> RowMapping:
    """The mode's row; written at the first start, whose instant the graduation counts from."""
    execute(
        connection,
        "insert into mode_state (only_row, first_started_at) values (true, :now) on conflict (only_row) do nothing",
        now=now,
    )
    statement = "select first_started_at, set_mode, set_by, set_at, switched_off_at from mode_state"
    return fetch_row(connection, "the mode", statement)


def note_switch(connection: Connection, enabled: bool, by: str, now: datetime) -> None:
    """Whoever starts notes how it found LIST_MANAGEMENT_ENABLED, for those that are running already.

    ``by`` is ``sensor`` or ``command``. What a sensor noted as off, only a sensor notes as on again.
    """
    begin_mode(connection, now)
    if enabled:
        execute(
            connection,
            """update mode_state set switched_off_at = null, switched_off_by = null
               where switched_off_by = 'command' or switched_off_at is not null and :by = 'sensor'""",
            by=by,
        )
        return
    execute(
        connection,
        """update mode_state set switched_off_at = coalesce(switched_off_at, :now), switched_off_by = :by
           where switched_off_at is null or switched_off_by = 'command' and :by = 'sensor'""",
        by=by,
        now=now,
    )


def set_mode(connection: Connection, mode: str | None, by: str | None, now: datetime) -> None:
    """A person sets the mode, or gives it back to the graduation with None."""
    begin_mode(connection, now)
    execute(
        connection,
        """update mode_state set set_mode = :mode, set_by = :by,
               set_at = case when cast(:mode as text) is null then null else cast(:now as timestamptz) end""",
        mode=mode,
        by=by if mode is not None else None,
        now=now,
    )
