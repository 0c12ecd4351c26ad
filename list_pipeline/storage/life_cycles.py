"""How rows are moved through their life: a statement names the states it leaves, and rows that it missed are an error.

Belongs here: what such statements have in common. Does not belong here: which state may follow which (``core``), and the
statements themselves.
"""

from __future__ import annotations

from enum import StrEnum

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
