"""Rows of work that was asked for over HTTP, and of what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import CORRECTIONS, ONE_AT_A_TIME, RequestKind, RequestOutcome
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    require_one,
    sql_list,
    sql_word,
)

_RUNNING = sql_word(RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Work that no run has yet. ``requested_at`` is UTC; ``partition_key``: the campaign's key, or the week's Monday;
    None: it is about contacts."""

    request_id: int
    kind: RequestKind
    partition_key: str | None
    attempt: int
    requested_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Work that was asked for, and what became of it. Instants are UTC.

    Attributes:
        partition_key: the campaign's key, or the week's Monday; None: it is about contacts.
        log_id, check_id: the row of a maintenance, and of a weekly check, which say what became of them.
        started_at: when a run had it; None: none yet.
        ended_at, outcome, words, plan_ids: of a correction alone: what became of it.
    """

    request_id: int
    kind: RequestKind
    partition_key: str | None
    sweep: Sweep | None
    contact_ids: tuple[int, ...]
    note: str
    despite_complaint: bool
    log_id: int | None
    check_id: int | None
    requested_at: datetime
    requested_by: str
    started_at: datetime | None
    ended_at: datetime | None
    outcome: RequestOutcome | None
    words: str
    plan_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WantedCorrection:
    """A correction that is asked for: of a campaign's maintenance, or of contacts."""

    kind: RequestKind
    campaign: str | None = None
    sweep: Sweep | None = None
    contact_ids: tuple[int, ...] = ()
    note: str = ""
    despite_complaint: bool = False


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


def ask_for_correction(connection: Connection, wanted: WantedCorrection, by: str, now: datetime) -> int:
    """A run that carries a correction out is wanted; its number. What is asked for already and did not end is the same request,
    but for suppressions, of which each is a list of its own."""
    number = fetch_scalar(
        connection,
        f"""insert into run_request (kind, partition_key, sweep, contact_ids, note, despite_complaint, attempt, requested_at,
                  requested_by)
           values (:kind, :key, :sweep, :contacts, :note, :despite, 1, :now, :by)
           on conflict (kind, coalesce(partition_key, ''), coalesce(sweep, ''), coalesce(contact_ids[1], 0))
               where ended_at is null and kind in {sql_list(*ONE_AT_A_TIME)}
           do update set attempt = run_request.attempt returning request_id""",
        kind=wanted.kind,
        key=wanted.campaign,
        sweep=wanted.sweep,
        contacts=list(wanted.contact_ids),
        note=wanted.note,
        despite=wanted.despite_complaint,
        now=now,
        by=by,
    )
    return int(number)


_WHOLE = f"select {', '.join(RunRequest.__dataclass_fields__)} from run_request"


def request_by_id(connection: Connection, request_id: int) -> RunRequest | None:
    """A request, or None."""
    row = fetch_one(connection, f"{_WHOLE} where request_id = :id", id=request_id)
    return _request(row) if row is not None else None


def requests_page(
    connection: Connection, *, after: int, most: int, kind: RequestKind | None = None
) -> list[RunRequest]:
    """Requests, the latest first.

    Args:
        after: the number that the page before ended with; 0: the first page.
    """
    found = fetch_all(
        connection,
        f"""{_WHOLE} where (:after = 0 or request_id < :after) and (cast(:kind as text) is null or kind = :kind)
            order by request_id desc limit :most""",
        after=after,
        most=most,
        kind=kind,
    )
    return [_request(row) for row in found]


def unended_corrections(connection: Connection) -> Sequence[int]:
    """Corrections that a run has or had, and that did not end; oldest first."""
    found = fetch_all(
        connection,
        f"""select request_id from run_request
            where kind in {sql_list(*CORRECTIONS)} and started_at is not null and ended_at is null order by request_id""",
    )
    return tuple(int(row["request_id"]) for row in found)


def end_correction(
    connection: Connection,
    request_id: int,
    outcome: RequestOutcome,
    words: str,
    plan_ids: Sequence[int],
    now: datetime,
) -> None:
    """Write what became of a correction.

    Raises:
        StateChangedError: it ended already.
    """
    touched = execute(
        connection,
        """update run_request set ended_at = :now, started_at = coalesce(started_at, :now), outcome = :outcome, words = :words,
                  plan_ids = :plans
           where request_id = :id and ended_at is null""",
        id=request_id,
        outcome=outcome,
        words=words,
        plans=list(plan_ids),
        now=now,
    )
    require_one(touched, f"Writing what became of request {request_id}")


def _request(row: RowMapping) -> RunRequest:
    return RunRequest(
        **{
            **row,
            "kind": RequestKind(row["kind"]),
            "sweep": Sweep(row["sweep"]) if row["sweep"] else None,
            "contact_ids": tuple(row["contact_ids"]),
            "outcome": RequestOutcome(row["outcome"]) if row["outcome"] else None,
            "plan_ids": tuple(row["plan_ids"]),
        }
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


def claim_key(
    connection: Connection,
    caller: str,
    key: str,
    request_hash: str,
    now: datetime,
    since: datetime,
    dead_before: datetime,
) -> bool:
    """Begin to answer under a key; False: an answer stands there, or somebody else began one.

    Args:
        since: answers from before it are forgotten. dead_before: who began before it and did not answer does not any more.
    """
    touched = execute(
        connection,
        """insert into api_answer as a (caller, key, request_hash, answer, answered_at)
           values (:caller, :key, :hash, '', :now)
           on conflict (caller, key) do update
               set request_hash = excluded.request_hash, answer = '', answered_at = excluded.answered_at
               where a.answered_at <= :since or (a.answer = '' and a.answered_at <= :dead)""",
        caller=caller,
        key=key,
        hash=request_hash,
        now=now,
        since=since,
        dead=dead_before,
    )
    return touched == 1


def release_key(connection: Connection, caller: str, key: str, request_hash: str) -> None:
    """No answer comes of what was begun under a key."""
    execute(
        connection,
        "delete from api_answer where caller = :caller and key = :key and request_hash = :hash and answer = ''",
        caller=caller,
        key=key,
        hash=request_hash,
    )


def answer_of(connection: Connection, caller: str, key: str, since: datetime) -> tuple[str, str] | None:
    """Hash of the request and answer that stand under a key since then, or None. The answer is empty while it is being made."""
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
    """Keep the answer to what was begun under a key; those from before ``since`` are forgotten."""
    execute(connection, "delete from api_answer where answered_at <= :since", since=since)
    execute(
        connection,
        """update api_answer set answer = :answer, answered_at = :now
           where caller = :caller and key = :key and request_hash = :hash and answer = ''""",
        caller=caller,
        key=key,
        hash=request_hash,
        answer=answer,
        now=now,
    )
