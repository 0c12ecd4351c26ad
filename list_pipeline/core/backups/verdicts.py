"""Whether a backup may be restored here, and whether a restored one holds what it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.backups.policy import BACKUPS
from list_pipeline.core.wording import count_text, names_text

Rows = Mapping[str, int]
"""How many rows each table has."""


def schema_problem(has: Sequence[str], known: Sequence[str]) -> str | None:
    """Why a backup cannot be used by this version, as a phrase; None where it can.

    Args:
        has: names of the migrations that it has, oldest first. known: those of this version.
    """
    if not has:
        return "it has no migration: it is no backup of this product"
    if newer := [name for name in has if name not in set(known)]:
        return f"its schema is of a newer version (it has {newer[-1]})"
    return None


def differences(expected: Rows, found: Rows) -> tuple[str, ...]:
    """Where a restored backup differs from what was counted when it was taken, a phrase a table; empty where nothing does."""
    return tuple(
        _difference(table, expected.get(table), found.get(table))
        for table in sorted({*expected, *found})
        if expected.get(table) != found.get(table)
    )


def _difference(table: str, expected: int | None, found: int | None) -> str:
    if found is None:
        return f"{table} is missing"
    if expected is None:
        return f"{table} was not there"
    return f"{table} has {count_text(found, 'row')} instead of {expected:,}"


def differences_text(found: Sequence[str]) -> str:
    """Differences in a sentence, the first ones by name."""
    return names_text(list(found), 5)


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last backup of an installation, and the last time that one was compared after restoring it (UTC)."""

    taken_at: datetime | None
    verified_at: datetime | None


def is_stale(taken_at: datetime | None, now: datetime) -> bool:
    """Whether the last backup is too old, or there is none."""
    return taken_at is None or now - taken_at > BACKUPS.stale_after


def is_unproven(verified_at: datetime | None, now: datetime) -> bool:
    """Whether no backup was restored and compared lately."""
    return verified_at is None or now - verified_at > BACKUPS.verified_within


def replaced_name(schema: str, at: datetime) -> str:
    """The name under which the schema that a restore takes out of the way is kept; a way back. At most 63 characters."""
    return f"{schema}_replaced_{at:%Y%m%dt%H%M%S}"
