"""What stops changes: the operating mode with its history, the switch, the signs of life, and the stop until reconciled.

All of it but the history is the one row of ``mode_state``. Does not belong here: what follows from it (``core.safety``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.storage.database import (
    RESTORING,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
)


@dataclass(frozen=True, slots=True)
class Continuity:
    """When the installation last gave a sign of life, and since when and why nothing may be changed until reconciled.

    ``is_restoring``: a restore of a backup is under way, or was killed.
    """

    last_alive_at: datetime | None
    must_reconcile_since: datetime | None
    must_reconcile_because: str | None
    is_restoring: bool = False

    @property
    def is_stopped(self) -> bool:
        """Whether a stop is noted, or a restore did not come to its end."""
        return self.is_restoring or self.must_reconcile_since is not None


def continuity(connection: Connection) -> Continuity:
    """The record of the installation's own absence; None before its first start."""
    row = fetch_one(
        connection,
        """
        select last_alive_at, must_reconcile_since, must_reconcile_because, to_regnamespace(:mark) is not null as is_restoring
        from mode_state
        """,
        mark=RESTORING,
    )
    return Continuity(**row) if row is not None else Continuity(None, None, None)


def note_alive(connection: Connection, now: datetime) -> None:
    """A sign of life."""
    execute(connection, "update mode_state set last_alive_at = greatest(last_alive_at, :now)", now=now)


def must_reconcile(connection: Connection, because: str, now: datetime) -> None:
    """Nothing may be changed from here on until reconciled; a reason that stands already stays."""
    execute(
        connection,
        """
        update mode_state set must_reconcile_since = :now, must_reconcile_because = :because
        where must_reconcile_since is null
        """,
        because=because,
        now=now,
    )


def must_reconcile_anew(connection: Connection, because: str, now: datetime) -> None:
    """Nothing may be changed from here on until reconciled, whatever stop and reason stood before."""
    execute(
        connection,
        "update mode_state set must_reconcile_since = :now, must_reconcile_because = :because",
        because=because,
        now=now,
    )


def may_go_on(connection: Connection) -> bool:
    """Lift the stop. False: there was none."""
    return bool(
        execute(
            connection,
            """
            update mode_state set must_reconcile_since = null, must_reconcile_because = null
            where must_reconcile_since is not null
            """,
        )
    )


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
    """Note the value of LIST_MANAGEMENT_ENABLED that a starting process found, for the processes that run already.

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


def set_mode(connection: Connection, mode: str | None, by: str, now: datetime, note: str | None = None) -> int:
    """A person sets the mode, or gives it back to the graduation with None. Returns the number of the change in its history."""
    begin_mode(connection, now)
    execute(
        connection,
        """update mode_state set set_mode = :mode, set_by = :by,
               set_at = case when cast(:mode as text) is null then null else cast(:now as timestamptz) end""",
        mode=mode,
        by=by if mode is not None else None,
        now=now,
    )
    row = fetch_row(
        connection,
        "the number of a change of the mode",
        """insert into mode_change (mode, changed_by, note, changed_at) values (:mode, :by, :note, :now)
           returning mode_change_id""",
        mode=mode,
        by=by,
        note=note,
        now=now,
    )
    return int(row["mode_change_id"])


def mode_changes(connection: Connection, most: int) -> Sequence[RowMapping]:
    """The latest changes of the mode by persons, newest first: ``mode`` (None: given back), ``changed_by``, ``note``,
    ``changed_at``."""
    return fetch_all(
        connection,
        "select mode, changed_by, note, changed_at from mode_change order by mode_change_id desc limit :most",
        most=most,
    )
