"""How rows are moved through their life: a statement names the states it leaves, and rows that it missed are an error.

Belongs here: what such statements have in common. Does not belong here: which state may follow which (``core``), and the
statements themselves.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import RowMapping

from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.life_cycles import LifeCycle, Status


def sql_list(*members: StrEnum) -> str:
    """Members of an enum as an SQL list for ``in``: ``('planned', 'submitting')``."""
    return f"({', '.join(map(sql_word, members))})"


def sql_word(member: StrEnum) -> str:
    """A member of an enum as an SQL literal. Enums are the product's own words: letters and underscores.

    Raises:
        ValueError: it is no such word.
    """
    if not member.value.replace("_", "").isalnum():
        raise ValueError(f"{member!r} is no word for a statement")
    return f"'{member.value}'"


def left_for(life: LifeCycle[Status], wanted: Status, *left: Status) -> str:
    """The states that a statement leaves for ``wanted``, as an SQL list: those named, or where none is, all legal ones.

    Raises:
        IllegalTransitionError: one of those named does not lead to ``wanted``.
    """
    return sql_list(*life.leaving(wanted, *left))


def require_one(touched: int, tried: str) -> None:
    """The row that was to be moved was still as it had been read.

    Raises:
        StateChangedError: it was not. Raised within the transaction, so that nothing of it stays.
    """
    if touched != 1:
        raise _somebody_was_faster(tried)


def require_row(row: RowMapping | None, tried: str) -> RowMapping:
    """The row that a statement moved and returned.

    Raises:
        StateChangedError: it met none, because it was no longer as it had been read.
    """
    if row is None:
        raise _somebody_was_faster(tried)
    return row


def _somebody_was_faster(tried: str) -> StateChangedError:
    return StateChangedError(
        tried, "somebody else was faster and moved it on, so nothing was written", "Look at it again"
    )


def require_all(touched: int, wanted: int, tried: str) -> None:
    """Every row that was to be moved was still as it had been read.

    Raises:
        StateChangedError: some were not. Raised within the transaction, so that nothing of it stays.
    """
    if touched != wanted:
        raise StateChangedError(
            tried,
            f"{wanted - touched} of {wanted} were moved on by somebody else since they were read, so nothing was written",
            "Run it again: it goes on from what is true now",
        )
