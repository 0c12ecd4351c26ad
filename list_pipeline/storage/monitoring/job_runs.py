"""The ends of Dagster's runs, copied into a table of ours: so that nothing is told twice, and failures can be counted.

Belongs here: SQL over those rows. Does not belong here: Dagster (``defs.monitoring.run_failures``) and what people are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.monitoring.exported import RUNS, Increments
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_row
from list_pipeline.storage.monitoring import totals

TOLD_BY_REPORT = "report"
"""In place of a message's key: the maintenance's own report tells of it."""
TOLD_TO_LAUNCHER = "launcher"
"""In place of a message's key: whoever launched it in Dagster sees there what was refused, and it concerns nobody else."""
TOLD_ELSEWHERE = (TOLD_BY_REPORT, TOLD_TO_LAUNCHER)


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that ended. ``started_by`` names the schedule or sensor, None for a person's; ``error`` None for a success.

    ``is_refusal``: a rule forbade what was asked for, or something was left out: nothing failed.
    """

    run_id: str
    job: str
    started_by: str | None
    partition_key: str | None
    error: str | None
    is_refusal: bool = False

    @property
    def status(self) -> str:
        """success or failure."""
        return "success" if self.error is None else "failure"


def known_among(connection: Connection, run_ids: Sequence[str]) -> frozenset[str]:
    """The runs among these that stand in the table already."""
    found = fetch_all(connection, "select run_id from job_run where run_id = any(:ids)", ids=list(run_ids))
    return frozenset(str(row["run_id"]) for row in found)


def note(connection: Connection, ended: EndedRun, now: datetime) -> None:
    """Write a run down, once. A failed maintenance that stands in the ledger as ended is told by its own report, and what was
    refused to a person by the page on which it was asked for."""
    inserted = execute(
        connection,
        """
        insert into job_run (run_id, job, started_by, partition_key, noted_at, status, error, told_in, told_at)
        select :run_id, :job, :started_by, :partition_key, :now, :status, :error,
               told.where_, case when told.where_ is not null then :now end
        from (select case when :status <> 'failure' then null
                  when exists (select 1 from list_maintenance_log where run_id = :run_id and status <> :running) then :report
                  when :is_refusal and cast(:started_by as text) is null then :launcher end as where_) told
        on conflict (run_id) do nothing
        """,
        **asdict(ended),
        status=ended.status,
        now=now,
        report=TOLD_BY_REPORT,
        launcher=TOLD_TO_LAUNCHER,
        running=RunStatus.RUNNING.value,
    )
    if inserted:
        told = Increments()
        told.count(RUNS, ended.job, ended.status)
        totals.add(connection, told)


def untold(connection: Connection) -> tuple[EndedRun, ...]:
    """Failures that nobody was told about, oldest first."""
    found = fetch_all(
        connection,
        """select run_id, job, started_by, partition_key, coalesce(error, '') as error from job_run
           where status = 'failure' and told_in is null order by noted_at, run_id""",
    )
    return tuple(EndedRun(**row) for row in found)


def told_times(connection: Connection, job: str, since: datetime) -> tuple[datetime, ...]:
    """When messages about failures of a job went out since then, one time for each message."""
    found = fetch_all(
        connection,
        """select max(told_at) as told_at from job_run
           where job = :job and told_in is not null and told_in <> all(:elsewhere) and told_at > :since group by told_in""",
        job=job,
        since=since,
        elsewhere=list(TOLD_ELSEWHERE),
    )
    return tuple(row["told_at"] for row in found)


def mark_told(connection: Connection, run_ids: Sequence[str], message_key: str, now: datetime) -> None:
    """These failures stand in a message that is in the outbox."""
    execute(
        connection,
        "update job_run set told_in = :key, told_at = :now where run_id = any(:ids) and told_in is null",
        ids=list(run_ids),
        key=message_key,
        now=now,
    )


def scheduled(connection: Connection, start: datetime, end: datetime) -> tuple[int, int]:
    """Runs that schedules and sensors started and that ended in a span, and how many of them failed."""
    row = fetch_row(
        connection,
        "the number of runs",
        """select count(*) as runs, count(*) filter (where status = 'failure') as failed from job_run
           where started_by is not null and noted_at >= :start and noted_at < :end""",
        start=start,
        end=end,
    )
    return int(row["runs"]), int(row["failed"])


def failures_by_job(connection: Connection, start: datetime, end: datetime) -> dict[str, tuple[int, int]]:
    """Runs that ended in a span and how many failed, by job, whoever started them."""
    found = fetch_all(
        connection,
        """select job, count(*) as runs, count(*) filter (where status = 'failure') as failed from job_run
           where noted_at >= :start and noted_at < :end group by job order by job""",
        start=start,
        end=end,
    )
    return {str(row["job"]): (int(row["runs"]), int(row["failed"])) for row in found}
