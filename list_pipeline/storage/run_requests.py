"""Rows of work that was asked for over HTTP, and of what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.run_requests import RequestKind
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_one, sql_word

_RUNNING = sql_word(RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Work that no run has yet. ``requested_at`` is UTC; ``partition_key``: the campaign's key, or the week's Monday."""

    request_id: int
    kind: RequestKind
    partition_key: str
    attempt: int
    requested_at: datetime
    requested_by: str


_ROW = {RequestKind.MAINTENANCE: "log_id", RequestKind.HEALTH_CHECK: "check_id"}
"""The column that names the row which the work fills."""


def ask_for(
    connection: Connection,
    kind: RequestKind,
    partition_key: str,
    attempt: int,
    row_id: int,
    run_id: str | None,
    by: str,
    now: datetime,
) -> None:
    """A run is wanted.

    Args:
        partition_key: the campaign's key, or the week's Monday. row_id: of the maintenance's or the check's row. run_id: the
            run that this row names so far.
    """
    execute(
        connection,
        f"""insert into run_request (kind, partition_key, attempt, {_ROW[kind]}, run_before, requested_at, requested_by)
            values ({sql_word(kind)}, :key, :attempt, :row, :run, :now, :by)""",
        key=partition_key,
        attempt=attempt,
        row=row_id,
        run=run_id,
        now=now,
        by=by,
    )


def close_taken_up(connection: Connection, now: datetime) -> None:
    """Close requests whose work ended, or is done by a run that did not come of them."""
    execute(
        connection,
        f"""update run_request r set started_at = :now where started_at is null and (
                exists (select 1 from list_maintenance_log l
                        where l.id = r.log_id and (l.status <> {_RUNNING} or l.run_id is distinct from r.run_before))
                or exists (select 1 from list_health_check c
                           where c.id = r.check_id and (c.status <> {_RUNNING} or c.run_id is distinct from r.run_before)))""",
        now=now,
    )


def open_requests(connection: Connection) -> Sequence[OpenRequest]:
    """Requests that no run has yet, oldest first."""
    found = fetch_all(
        connection,
        """select request_id, kind, partition_key, attempt, requested_at, requested_by from run_request
           where started_at is null order by request_id""",
    )
    return tuple(OpenRequest(**{**row, "kind": RequestKind(row["kind"])}) for row in found)


def note_started(connection: Connection, request_id: int, now: datetime) -> None:
    """A run has this request now."""
    execute(
        connection,
        "update run_request set started_at = :now where request_id = :id and started_at is null",
        id=request_id,
        now=now,
    )


def answer_of(connection: Connection, caller: str, key: str, since: datetime) -> tuple[str, str] | None:
    """Hash of the request and answer that stand under a key since then, or None."""
    row = fetch_one(
        connection,
        """select request_hash, answer from api_answer
           where caller = :caller and key = :key and answered_at > :since""",
        caller=caller,
        key=key,
        since=since,
    )
    return (str(row["request_hash"]), str(row["answer"])) if row is not None else None


def keep_answer(
    connection: Connection, caller: str, key: str, request_hash: str, answer: str, now: datetime, since: datetime
) -> None:
    """Keep an answer under a key, unless one stands there; those from before ``since`` are forgotten."""
    execute(connection, "delete from api_answer where answered_at <= :since", since=since)
    execute(
        connection,
        """insert into api_answer (caller, key, request_hash, answer, answered_at)
           values (:caller, :key, :hash, :answer, :now) on conflict (caller, key) do nothing""",
        caller=caller,
        key=key,
        hash=request_hash,
        answer=answer,
        now=now,
    )
