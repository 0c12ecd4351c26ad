"""Cycles that a person closed without their missing rounds: who did, why, who got nothing by it, and what was taken back.

Does not belong here: cycles as such (``sent_campaigns``), and what a closing means for them (``core.campaigns.cycles``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.storage.campaigns.recipients import RECEIVED_CYCLE
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_scalar, require_one


@dataclass(frozen=True, slots=True)
class CycleClosing:
    """A person's decision that the missing rounds of a cycle do not come. ``missed_contacts``: how many could be mailed on the
    missing lists and had not got the cycle."""

    closing_id: int
    cycle_number: int
    missing: tuple[ListRole, ...]
    missed_contacts: int
    closed_at: datetime
    closed_by: str
    note: str


def standing(connection: Connection) -> tuple[datetime, ...]:
    """The instants at which a person closed the cycle that was open then, those left out that were taken back."""
    found = fetch_all(
        connection, "select closed_at from cycle_closing where reopened_at is null order by closed_at, closing_id"
    )
    return tuple(row["closed_at"] for row in found)


def latest_standing(connection: Connection) -> CycleClosing | None:
    """The newest closing that was not taken back, or None."""
    row = fetch_one(
        connection, "select * from cycle_closing where reopened_at is null order by closing_id desc limit 1"
    )
    if row is None:
        return None
    return CycleClosing(
        row["closing_id"],
        row["cycle_number"],
        tuple(ListRole(role) for role in row["missing_lists"]),
        row["missed_contacts"],
        row["closed_at"],
        row["closed_by"],
        row["note"],
    )


def last_reopened(connection: Connection) -> datetime | None:
    """When a person last took a closing back, or None."""
    found: datetime | None = fetch_scalar(connection, "select max(reopened_at) from cycle_closing")
    return found


def save(
    connection: Connection, number: int, missing: Sequence[ListRole], missed: int, by: str, note: str, now: datetime
) -> int:
    """Write a closing down, and return its number. The cycle itself is written by the caller."""
    return int(
        fetch_scalar(
            connection,
            """
            insert into cycle_closing (cycle_number, missing_lists, missed_contacts, closed_at, closed_by, note)
            values (:number, :missing, :missed, :now, :by, :note) returning closing_id
            """,
            number=number,
            missing=[role.value for role in missing],
            missed=missed,
            by=by,
            note=note,
            now=now,
        )
    )


def take_back(connection: Connection, closing_id: int, by: str, note: str, now: datetime) -> None:
    """The cycle is open again.

    Raises:
        StateChangedError: somebody else took the closing back in between.
    """
    touched = execute(
        connection,
        """update cycle_closing set reopened_at = :now, reopened_by = :by, reopened_note = :note
           where closing_id = :id and reopened_at is null""",
        id=closing_id,
        by=by,
        note=note,
        now=now,
    )
    require_one(touched, f"Opening cycle {closing_id} again")


def contacts_without(connection: Connection, number: int, lists: Sequence[ListRole]) -> int:
    """How many contacts can be mailed on these lists and did not get a cycle."""
    return _count(connection, number, lists, f"not {RECEIVED_CYCLE}")


def contacts_with(connection: Connection, number: int, lists: Sequence[ListRole]) -> int:
    """How many contacts can be mailed on these lists and got a cycle already."""
    return _count(connection, number, lists, RECEIVED_CYCLE)


def _count(connection: Connection, number: int, lists: Sequence[ListRole], condition: str) -> int:
    return int(
        fetch_scalar(
            connection,
            f"""
            select count(distinct c.contact_id) from list_membership m join contact_list_membership c using (contact_id)
            where m.list_role = any(:lists) and m.left_at is null and not m.is_unsubscribed and not c.is_excluded
              and not c.is_anonymised and {condition}
            """,
            lists=[role.value for role in lists],
            cycle=number,
        )
    )
