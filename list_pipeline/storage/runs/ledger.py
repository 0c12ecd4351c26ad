"""The ledger of maintenance: log rows, reports, snapshots, the mode, and whether the installation was away.

Messages about it are in ``storage.messages``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reports.facts import StoredReport
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus
from list_pipeline.storage.database import (
    JsonColumn,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    to_json,
)
from list_pipeline.storage.runs import life

POST_CAMPAIGN, VALIDATION = "post_campaign", "pre_campaign_validation"
"""The types of rows in the ledger: a maintenance, and the validation before a campaign."""
RUN_STAGE, DIED = "run", "its run died"
"""Stage and words of the error of an attempt whose run gave no sign of life."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of ``list_maintenance_log`` as the workflow needs it. Instants are UTC.

    Attributes:
        gave_up_at: when this was the last attempt and failed; nothing more happens by itself.
        timed_out_at: when the attempt was ended because its run gave no sign of life.
        deadline_passed_at: when something of it was not begun because its time was over.
        away_at: when it failed because Mailjet was away or still at work.
        log_late_since: since when it found one of Mailjet's bounce sources late.
        status_before_undo: how it stood before the first undo or rollback of it; None where there was none.
        changes_taken_back, left_because: its changes that are taken back, and those that stand, by the reason.
    """

    log_id: int
    campaign_id: int
    sweep: str
    attempt: int
    executed_at: datetime
    touched_at: datetime
    finished_at: datetime | None
    status: RunStatus
    errors: Sequence[Mapping[str, Any]]
    slack_notification_sent: bool
    run_id: str | None
    gave_up_at: datetime | None
    timed_out_at: datetime | None
    deadline_passed_at: datetime | None
    away_at: datetime | None
    log_late_since: datetime | None
    status_before_undo: RunStatus | None
    changes_taken_back: int | None
    left_because: Mapping[str, int] | None

    @property
    def is_away(self) -> bool:
        """True when this attempt failed because Mailjet was away or still at work: it counts as none."""
        return self.away_at is not None and self.status is RunStatus.FAILED

    @property
    def waits_for_log(self) -> bool:
        """True when this attempt only waits for one of Mailjet's bounce sources, and goes on in the same row."""
        is_late = BOUNCES.still_waits(self.log_late_since, self.finished_at)
        return is_late and self.status is RunStatus.FAILED and not self.gave_up

    @property
    def is_final(self) -> bool:
        """True when this attempt ended well or as a person decided: it is not repeated."""
        return self.status.is_final

    @property
    def gave_up(self) -> bool:
        """True when this was the last attempt and it failed."""
        return self.gave_up_at is not None

    @property
    def timed_out(self) -> bool:
        """True when this attempt was ended because its run gave no sign of life."""
        return self.timed_out_at is not None

    @property
    def passed_deadline(self) -> bool:
        """True when something of this attempt was not begun because its time was over."""
        return self.deadline_passed_at is not None


SELECT_LOG = """
    select id as log_id, campaign_schedule_id as campaign_id, sweep, attempt, executed_at, touched_at, finished_at, status,
           coalesce(errors, '[]') as errors, slack_notification_sent, run_id, gave_up_at, timed_out_at,
           deadline_passed_at, away_at, log_late_since, status_before_undo, changes_taken_back, left_because
    from list_maintenance_log
"""


def log_row(row: RowMapping) -> LogRow:
    """A row that ``SELECT_LOG`` found."""
    before = row["status_before_undo"]
    return LogRow(
        **{**row, "status": RunStatus(row["status"]), "status_before_undo": RunStatus(before) if before else None}
    )


_LATEST = (
    SELECT_LOG
    + """where campaign_schedule_id = :campaign and maintenance_type = :kind and sweep = :sweep
         order by attempt desc limit 1"""
)


def latest_log(connection: Connection, campaign_id: int, sweep: str, kind: str = POST_CAMPAIGN) -> LogRow | None:
    """The newest attempt at a campaign's maintenance (or validation, by ``kind``), or None."""
    row = fetch_one(connection, _LATEST, campaign=campaign_id, kind=kind, sweep=sweep)
    return log_row(row) if row is not None else None


def attempt_of(connection: Connection, log_id: int) -> LogRow:
    """An attempt as it stands now.

    Raises:
        MissingRowError: somebody deleted its row.
    """
    return log_row(fetch_row(connection, f"row {log_id} of the ledger", SELECT_LOG + "where id = :id", id=log_id))


def log_by_id(connection: Connection, log_id: int) -> RowMapping | None:
    """A whole row of the log, or None."""
    return fetch_one(connection, "select * from list_maintenance_log where id = :id", id=log_id)


def begin_log(
    connection: Connection, campaign_id: int, sweep: str, attempt: int, run_id: str | None, now: datetime
) -> LogRow:
    """Write the row of a new attempt at a maintenance as ``running``: whoever looks sees that it began, also after a crash.

    An attempt that another run began at the same time stays, and is returned.
    """
    _insert(connection, POST_CAMPAIGN, campaign_id, sweep, attempt, run_id, now)
    what = f"the maintenance of campaign {campaign_id}"
    return log_row(fetch_row(connection, what, _LATEST, campaign=campaign_id, kind=POST_CAMPAIGN, sweep=sweep))


def begin_validation(
    connection: Connection, campaign_id: int, sweep: str, attempt: int, run_id: str | None, now: datetime
) -> int:
    """Write the row of a new validation as ``running``; its number.

    Raises:
        StateChangedError: another process began the same one at this moment.
    """
    log_id = _insert(connection, VALIDATION, campaign_id, sweep, attempt, run_id, now)
    if log_id is None:
        raise StateChangedError(
            f"Beginning validation {attempt} of campaign {campaign_id}",
            "another process began it at the same moment",
            "Look at what that one finds",
        )
    return log_id


def _insert(
    connection: Connection, kind: str, campaign_id: int, sweep: str, attempt: int, run_id: str | None, now: datetime
) -> int | None:
    log_id: int | None = fetch_scalar(
        connection,
        """
        insert into list_maintenance_log (campaign_schedule_id, maintenance_type, sweep, attempt, executed_at, touched_at,
               working_since, run_id, status)
        values (:campaign, :kind, :sweep, :attempt, :now, :now, :now, :run, :running)
        on conflict (campaign_schedule_id, maintenance_type, sweep, attempt) do nothing returning id
        """,
        campaign=campaign_id,
        kind=kind,
        sweep=sweep,
        attempt=attempt,
        now=now,
        run=run_id,
        running=RunStatus.RUNNING.value,
    )
    return log_id


def touch_log(connection: Connection, log_id: int, run_id: str | None, now: datetime) -> LogRow:
    """A run works on this attempt now. One that was taken for dead runs again, unless another attempt took over.

    Returns:
        The attempt as it stands now; one that ended otherwise stays as it was.

    Raises:
        StateChangedError: another process moved it on at the same moment.
    """
    is_open = life.touch(connection, life.LEDGER, log_id, now, run_id=run_id)
    row = attempt_of(connection, log_id)
    if is_open or not row.timed_out or has_later_attempt(connection, log_id):
        return row
    life.change_status(connection, life.LEDGER, log_id, row.status, RunStatus.RUNNING, now)
    life.touch(connection, life.LEDGER, log_id, now, run_id=run_id)
    execute(
        connection,
        """update list_maintenance_log set errors = (
               select coalesce(jsonb_agg(e), '[]') from jsonb_array_elements(errors) e where e ->> 'stage' <> :run_stage)
           where id = :id""",
        id=log_id,
        run_stage=RUN_STAGE,
    )
    return attempt_of(connection, log_id)


def has_later_attempt(connection: Connection, log_id: int) -> bool:
    """Whether another attempt took over from this one."""
    return bool(
        fetch_scalar(
            connection,
            """select exists (select 1 from list_maintenance_log l join list_maintenance_log n
                   on (n.campaign_schedule_id, n.maintenance_type, n.sweep)
                    = (l.campaign_schedule_id, l.maintenance_type, l.sweep) and n.attempt > l.attempt
               where l.id = :id)""",
            id=log_id,
        )
    )


def working_since(connection: Connection, log_id: int) -> datetime:
    """Since when an attempt works without a pause for a person's decision."""
    since: datetime = fetch_scalar(
        connection, "select coalesce(working_since, executed_at) from list_maintenance_log where id = :id", id=log_id
    )
    return since


def add_error(connection: Connection, log_id: int, stage: str, error: str, count: int = 1) -> None:
    """Add ``{stage, error, count}`` to a row's errors; the same error of the same stage stands there once."""
    life.add_error(connection, life.LEDGER, log_id, {"stage": stage, "error": error, "count": count})


def note_timed_out(connection: Connection, log_id: int, now: datetime) -> None:
    """The run of an attempt gave no sign of life. Whoever calls this ends the attempt in the same transaction, after
    ``end_log``."""
    add_error(connection, log_id, RUN_STAGE, DIED)
    execute(connection, "update list_maintenance_log set timed_out_at = :now where id = :id", id=log_id, now=now)


def note_gave_up(connection: Connection, log_id: int, now: datetime) -> None:
    """The last attempt failed. Called after ``end_log``, in the same transaction."""
    execute(connection, "update list_maintenance_log set gave_up_at = :now where id = :id", id=log_id, now=now)


def note_away(connection: Connection, log_id: int, now: datetime) -> None:
    """The attempt failed because Mailjet was away or still at work. Called after ``end_log``, in the same transaction."""
    execute(connection, "update list_maintenance_log set away_at = :now where id = :id", id=log_id, now=now)


def waits_until(connection: Connection, row: LogRow) -> int:
    """How many attempts up to this one met an unavailable Mailjet, this one included."""
    return int(
        fetch_scalar(
            connection,
            """select count(*) from list_maintenance_log l join list_maintenance_log m using (campaign_schedule_id,
                      maintenance_type, sweep)
               where m.id = :id and l.attempt <= m.attempt and l.away_at is not null and l.status = :failed""",
            id=row.log_id,
            failed=RunStatus.FAILED,
        )
    )


def was_away_before(connection: Connection, row: LogRow) -> bool:
    """Whether the attempt before this one met an unavailable Mailjet as well."""
    return bool(
        fetch_scalar(
            connection,
            """select exists (select 1 from list_maintenance_log l join list_maintenance_log m using (campaign_schedule_id,
                      maintenance_type, sweep)
               where m.id = :id and l.attempt = m.attempt - 1 and l.away_at is not null)""",
            id=row.log_id,
        )
    )


def note_deadline(connection: Connection, log_id: int, stage: str, words: str, count: int, now: datetime) -> None:
    """So many contacts of a stage, or the stage, were not begun because the time of the attempt was over."""
    add_error(connection, log_id, stage, words, count)
    execute(
        connection,
        """update list_maintenance_log set deadline_passed_at = coalesce(deadline_passed_at, :now) where id = :id""",
        id=log_id,
        now=now,
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


def end_log(connection: Connection, log_id: int, seen: RunStatus, status: RunStatus, now: datetime) -> None:
    """End an attempt, or let it wait.

    Raises:
        IllegalTransitionError: it may not end like that from the status that was seen.
        StateChangedError: another process moved it on meanwhile.
    """
    life.change_status(connection, life.LEDGER, log_id, seen, status, now)


def reopen_log(connection: Connection, log_id: int, seen: RunStatus, now: datetime) -> None:
    """A waiting attempt goes on after a person decided; the time it waited does not count towards its deadline.

    Raises:
        StateChangedError: another process moved it on meanwhile.
    """
    life.change_status(connection, life.LEDGER, log_id, seen, RunStatus.RUNNING, now)
    execute(connection, "update list_maintenance_log set working_since = :now where id = :id", id=log_id, now=now)


def note_log_late(connection: Connection, row: LogRow, now: datetime) -> datetime:
    """An attempt found one of Mailjet's bounce sources late; since when that is so for its campaign."""
    since: datetime = fetch_scalar(
        connection,
        """update list_maintenance_log set log_late_since = (
               select coalesce(min(l.log_late_since), :now) from list_maintenance_log l
               where l.campaign_schedule_id = :campaign and l.maintenance_type = :kind and l.sweep = :sweep)
           where id = :id returning log_late_since""",
        now=now,
        campaign=row.campaign_id,
        kind=POST_CAMPAIGN,
        sweep=row.sweep,
        id=row.log_id,
    )
    return since


def go_on_after_waiting(connection: Connection, log_id: int, run_id: str | None, now: datetime) -> LogRow:
    """An attempt that waited for Mailjet's bounce log goes on; that it waited is no error of it any more.

    Raises:
        StateChangedError: another process moved it on meanwhile.
    """
    reopen_log(connection, log_id, RunStatus.FAILED, now)
    execute(connection, "update list_maintenance_log set errors = '[]' where id = :id", id=log_id)
    return touch_log(connection, log_id, run_id, now)


def note_taken_back(
    connection: Connection,
    seen: LogRow,
    status: RunStatus,
    taken_back: int,
    left_because: Mapping[str, int],
    now: datetime,
) -> None:
    """Write how an attempt stands after an undo, a rollback or a redo; what it did itself, and when it ended, stays.

    Args:
        seen: the attempt as it was read. status: how it stands now.
        taken_back: changes of it that are taken back.
        left_because: changes that stand, by the reason.

    Raises:
        StateChangedError: another process moved it on meanwhile.
    """
    is_back = status in TAKEN_BACK
    if not is_back:
        life.change_status(connection, life.LEDGER, seen.log_id, seen.status, status, now)
    before = seen.status_before_undo or (None if seen.status in TAKEN_BACK else seen.status)
    execute(
        connection,
        """update list_maintenance_log set status_before_undo = :before, changes_taken_back = :taken_back,
               changes_left = :left, left_because = cast(:because as jsonb) where id = :id""",
        id=seen.log_id,
        before=before if is_back else None,
        taken_back=taken_back if is_back else None,
        left=sum(left_because.values()) if is_back else None,
        because=to_json(dict(left_because)) if is_back else None,
    )
    if is_back and status is not seen.status:
        life.change_status(connection, life.LEDGER, seen.log_id, seen.status, status, now)


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


REPORT: JsonColumn[StoredReport] = JsonColumn("a report", StoredReport)
"""How a report is read and written: ``ai_assessments`` of the ledger under ``reporting``, ``weekly_report`` of a week."""


def kept_report(connection: Connection, log_id: int) -> StoredReport | None:
    """The report of a maintenance, or None where none was written."""
    kept = fetch_scalar(
        connection, "select ai_assessments -> 'reporting' from list_maintenance_log where id = :id", id=log_id
    )
    return REPORT.read(kept) if kept else None
