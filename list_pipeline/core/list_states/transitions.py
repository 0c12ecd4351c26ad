"""State machines as tables: which event leads from which state to which, and nothing else.

Belongs here: what every machine has in common. Does not belong here: any machine of the product (``list_states``), and
where a state is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from list_pipeline.core.errors import IllegalTransitionError

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[State, Event]):
    """A state machine. Whatever is not in the table is illegal; staying has to be in it as well.

    Attributes:
        name: what is moved, in a word, e.g. ``health``.
        initial: where it begins.
        table: state to event to next state.
    """

    name: str
    initial: State
    table: Mapping[State, Mapping[Event, State]]

    @property
    def events(self) -> frozenset[Event]:
        """The events that the machine knows in any state."""
        return frozenset(event for row in self.table.values() for event in row)

    @property
    def states(self) -> frozenset[State]:
        """The states that the table speaks of."""
        return frozenset(self.table) | {state for row in self.table.values() for state in row.values()}

    def reachable(self, start: State) -> frozenset[State]:
        """Every state that events lead to from ``start``, itself included."""
        found, waiting = {start}, [start]
        while waiting:
            for state in self.table.get(waiting.pop(), {}).values():
                if state not in found:
                    found.add(state)
                    waiting.append(state)
        return frozenset(found)


def machine_of(name: str, initial: State, table: Mapping[State, Mapping[Event, State]]) -> Machine[State, Event]:
    """A machine whose table nobody can change any more."""
    return Machine(
        name, initial, MappingProxyType({state: MappingProxyType(dict(row)) for state, row in table.items()})
    )


def next_state(machine: Machine[State, Event], state: State, event: Event) -> State:
    """The state after an event.

    Raises:
        IllegalTransitionError: the machine does not know the event in this state.
    """
    row = machine.table.get(state, {})
    if event not in row:
        legal = ", ".join(sorted(each.value for each in row)) or "nothing: it is final"
        raise IllegalTransitionError(
            f"Noting {event.value} ({machine.name})", f"the state is {state.value}", f"Legal there: {legal}"
        )
    return row[event]
