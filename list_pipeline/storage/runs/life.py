"""The life of a run in its table: a sign of life, another status, an error. The same SQL for every table of runs.

Belongs here: what all runs have in common, with every change of a status guarded by the status that was seen. Does not
belong here: what else a row holds (``ledger``, ``storage.weekly``), and when a run is dead or due (``core.runs``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.runs.status import OPEN, RUN_LIFE, TAKEN_BACK, RunStatus
from list_pipeline.storage.database import execute, to_json


@dataclass(frozen=True, slots=True)
class RunTable:
    """A table whose rows are runs, with what is set beside the status when one ends and when one works (again)."""

    name: str
    on_end: str
    on_work: str


LEDGER = RunTable(
    "list_maintenance_log",
    # What was never known is an empty object, so that the row says it was looked for. Taken back, and done again, a run
    # keeps its end.
    on_end="""finished_at = case when :is_taken_back then coalesce(finished_at, :now) else :now end,
              ai_assessments = coalesce(ai_assessments, '{}'),
              before_state = coalesce(before_state, '{}'), after_state = coalesce(after_state, '{}')""",
    on_work="finished_at = null, touched_at = :now, timed_out_at = null, gave_up_at = null, away_at = null",
)
WEEKLY_CHECKS = RunTable("list_health_check", on_end="touched_at = :now", on_work="touched_at = :now, urgency = null")


def touch(connection: Connection, table: RunTable, row_id: int, now: datetime, *, run_id: str | None = None) -> bool:
    """A run works on this row now, under ``run_id`` if it has one. False: the row is not open, and stays as it is."""
    return bool(
        execute(
            connection,
            f"""update {table.name} set touched_at = :now, run_id = coalesce(:run, run_id)
                where id = :id and status = any(:open)""",
            id=row_id,
            now=now,
            run=run_id,
            open=[status.value for status in OPEN],
        )
    )


def change_status(
    connection: Connection, table: RunTable, row_id: int, seen: RunStatus, wanted: RunStatus, now: datetime
) -> None:
    """Move a run from the status that was seen to another one.

    Raises:
        IllegalTransitionError: the one may not follow the other.
        StateChangedError: the row has another status by now. Nothing was written.
    """
    RUN_LIFE.advance(seen, wanted)
    also = (
        table.on_work
        if wanted is RunStatus.RUNNING
        else f"""{table.on_end}, execution_time_ms = case when :is_taken_back and execution_time_ms is not null
                     then execution_time_ms
                     else greatest(0, round(extract(epoch from (cast(:now as timestamptz) - executed_at)) * 1000)) end"""
    )
    if not execute(
        connection,
        f"update {table.name} set status = :wanted, {also} where id = :id and status = :seen",
        id=row_id,
        seen=seen.value,
        wanted=wanted.value,
        is_taken_back=bool({seen, wanted} & TAKEN_BACK),
        now=now,
    ):
        raise StateChangedError(
            f"Making run {row_id} of {table.name} {wanted.value}",
            f"it is not {seen.value} any more: another process was faster",
            "Look at it again; nothing was overwritten",
        )


def add_error(connection: Connection, table: RunTable, row_id: int, entry: Mapping[str, Any]) -> None:
    """Add an entry to a row's errors; the same one stands there once."""
    execute(
        connection,
        f"""update {table.name} set errors = coalesce(errors, '[]') || cast(:entry as jsonb)
            where id = :id and not coalesce(errors, '[]') @> cast(:entry as jsonb)""",
        id=row_id,
        entry=to_json([dict(entry)]),
    )
