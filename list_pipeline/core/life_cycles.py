"""Life cycles as tables: which status may follow which. Every word that a row carries as its status has one.

Belongs here: what all life cycles have in common. Does not belong here: any life cycle of the product
(``plans.journal``, ``plans.plan``, ``reviews.questions``, ``messages.delivery``, ``runs.status``, ``campaigns.eligibility``,
``validation.schedule_changes``), and
machines that are moved by named events (``list_states.machines``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from list_pipeline.core.errors import IllegalTransitionError

Status = TypeVar("Status", bound=StrEnum)


@dataclass(frozen=True)
class LifeCycle(Generic[Status]):
    """The legal steps from one status to the next. Staying is no step, but where the table says so.

    Attributes:
        what: a word for what has the status, with its article, e.g. ``a plan``.
        table: status to those that may follow it; every status has a row, that of a final one is empty.
    """

    what: str
    table: Mapping[Status, frozenset[Status]]

    def allows(self, current: Status, wanted: Status) -> bool:
        """Whether ``wanted`` may follow ``current``."""
        return wanted in self.table[current]

    def advance(self, current: Status, wanted: Status) -> Status:
        """``wanted``, if it may follow ``current``.

        Raises:
            IllegalTransitionError: it may not.
        """
        if not self.allows(current, wanted):
            legal = ", ".join(sorted(self.table[current])) or "nothing: it is final"
            raise IllegalTransitionError(
                f"Making {self.what} {wanted.value}", f"it is {current.value}", f"From there it may become {legal}"
            )
        return wanted

    def leaving(self, wanted: Status, *left: Status) -> tuple[Status, ...]:
        """The statuses that a statement leaves for ``wanted``: those named, or where none is, all that allow it.

        Raises:
            IllegalTransitionError: one of those named does not lead to ``wanted``.
        """
        if not left:
            return tuple(status for status, following in self.table.items() if wanted in following)
        for status in left:
            self.advance(status, wanted)
        return left


def life_cycle(what: str, table: Mapping[Status, Iterable[Status]]) -> LifeCycle[Status]:
    """A life cycle whose table nobody can change any more."""
    return LifeCycle(what, MappingProxyType({status: frozenset(following) for status, following in table.items()}))
