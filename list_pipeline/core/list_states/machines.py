"""The two state machines of a campaign list: its health, and its life cycle from one campaign to the next.

Belongs here: states, events, the tables of legal transitions, and how such a table is followed. Does not belong here:
which events a maintenance led to (``events``), where states are kept (``storage.list_states``).

What the product's description leaves open is settled so: 2 to 10 % bounces are a warning, with a clean-up of the hard
bounces; lists more than 15 % apart are rebalanced and people are told; where both is needed, the clean-up comes first;
after a failed run a list needs attention until a run succeeds.

An event that a state does not know is never dropped: ``advance`` leads to NEEDS_ATTENTION and says why. In
NEEDS_ATTENTION everything is legal and only a maintenance that succeeds leads out, so that no missed or doubled event
can leave a list stuck.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Generic, TypeVar

from list_pipeline.core.errors import IllegalTransitionError
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.wording import WAIT, WAITS

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


class HealthState(StrEnum):
    """The health of a list."""

    HEALTHY = "healthy"
    CHECKING = "checking"
    WARNING = "warning"
    NEEDS_CLEANUP = "needs_cleanup"
    CLEANING = "cleaning"
    CLEANED = "cleaned"
    NEEDS_REBALANCING = "needs_rebalancing"
    REBALANCING = "rebalancing"
    REBALANCED = "rebalanced"
    MAINTENANCE_COMPLETE = "maintenance_complete"
    MONITORED = "monitored"
    NEEDS_ATTENTION = "needs_attention"


class LifecycleState(StrEnum):
    """Where a list is between two campaigns. ``blocked``: the validation before a campaign found something critical."""

    CREATED = "created"
    POPULATED = "populated"
    VALIDATED = "validated"
    BLOCKED = "blocked"
    IN_USE = "in_use"
    ANALYZING = "analyzing"
    NEEDS_CLEANUP = "needs_cleanup"
    CLEANED = "cleaned"
    NEEDS_REBALANCING = "needs_rebalancing"
    REBALANCED = "rebalanced"
    READY = "ready"
    NEEDS_ATTENTION = "needs_attention"


class ListEvent(StrEnum):
    """The events of a list."""

    POPULATED = "populated"
    VALIDATED = "validated"
    VALIDATION_FAILED = "validation_failed"
    OVERRIDDEN = "overridden"
    SENT = "sent"
    BEGUN = "begun"
    BOUNCES_LOW = "bounces_low"
    BOUNCES_ELEVATED = "bounces_elevated"
    BOUNCES_HIGH = "bounces_high"
    BOUNCES_UNKNOWN = "bounces_unknown"
    CLEANUP_NEEDED = "cleanup_needed"
    NOTHING_TO_CLEAN = "nothing_to_clean"
    CLEANUP_WAITS = "cleanup_waits"
    CLEANUP_REFUSED = "cleanup_refused"
    CLEANING_BEGUN = "cleaning_begun"
    CLEANED = "cleaned"
    CLEANED_IN_PART = "cleaned_in_part"
    BALANCED = "balanced"
    IMBALANCE_FOUND = "imbalance_found"
    SEVERE_IMBALANCE_FOUND = "severe_imbalance_found"
    REBALANCING_WAITS = "rebalancing_waits"
    REBALANCING_REFUSED = "rebalancing_refused"
    REBALANCING_BEGUN = "rebalancing_begun"
    REBALANCED = "rebalanced"
    REBALANCED_IN_PART = "rebalanced_in_part"
    REBALANCED_ALONG = "rebalanced_along"
    ROLLED_BACK = "rolled_back"
    ONLY_LOOKED_AT = "only_looked_at"
    COMPLETED = "completed"
    COMPLETED_IN_PART = "completed_in_part"
    CACHE_UPDATED = "cache_updated"
    FAILED = "failed"
    UNDONE = "undone"
    MONITORED = "monitored"
    UNEXPECTED = "unexpected"

    @property
    def words(self) -> str:
        """The event, for people."""
        return _WORDS[self]


_WORDS: Mapping[ListEvent, str] = {
    ListEvent.POPULATED: "contacts were seen on it",
    ListEvent.VALIDATED: "the validation before a campaign found nothing critical",
    ListEvent.VALIDATION_FAILED: "the validation before a campaign found something critical",
    ListEvent.OVERRIDDEN: "a person lets the campaign through all the same",
    ListEvent.SENT: "a campaign was sent to it",
    ListEvent.BEGUN: "a look at the campaign began",
    ListEvent.BOUNCES_LOW: "less than 2 % bounced",
    ListEvent.BOUNCES_ELEVATED: "2 to 10 % bounced",
    ListEvent.BOUNCES_HIGH: "more than 10 % bounced",
    ListEvent.BOUNCES_UNKNOWN: "how many bounced is not known",
    ListEvent.CLEANUP_NEEDED: "contacts are to be suppressed",
    ListEvent.NOTHING_TO_CLEAN: "nobody is to be suppressed",
    ListEvent.CLEANUP_WAITS: f"the suppressions {WAIT}",
    ListEvent.CLEANUP_REFUSED: "a person rejected the suppressions, or nobody decided in time",
    ListEvent.CLEANING_BEGUN: "suppressing began",
    ListEvent.CLEANED: "the suppressions are done",
    ListEvent.CLEANED_IN_PART: "some suppressions failed or are left to people",
    ListEvent.BALANCED: "the three lists are balanced",
    ListEvent.IMBALANCE_FOUND: "the three lists are out of balance",
    ListEvent.SEVERE_IMBALANCE_FOUND: "the three lists are more than 15 % apart",
    ListEvent.REBALANCING_WAITS: f"the rebalancing {WAITS}",
    ListEvent.REBALANCING_REFUSED: "a person rejected the rebalancing, or nobody decided in time",
    ListEvent.REBALANCING_BEGUN: "moving and enrolling began",
    ListEvent.REBALANCED: "the lists are as even as planned",
    ListEvent.REBALANCED_IN_PART: "some moves failed, or the open cycle defers them",
    ListEvent.REBALANCED_ALONG: "contacts came or went in a rebalancing",
    ListEvent.ROLLED_BACK: "the rebalancing failed midway and was taken back",
    ListEvent.ONLY_LOOKED_AT: "nothing may be changed now",
    ListEvent.COMPLETED: "the maintenance succeeded",
    ListEvent.COMPLETED_IN_PART: "the maintenance ended with something left to people",
    ListEvent.CACHE_UPDATED: "what people are shown is up to date",
    ListEvent.FAILED: "the run failed",
    ListEvent.UNDONE: "a person took the maintenance back",
    ListEvent.MONITORED: "the weekly check looked at it",
    ListEvent.UNEXPECTED: "something came that the state does not know",
}

_H, _L, _E = HealthState, LifecycleState, ListEvent
_S = TypeVar("_S", HealthState, LifecycleState)
_Rules = Iterable[tuple[Iterable[ListEvent], Iterable[_S], _S | None]]

_FOUND = (_H.HEALTHY, _H.WARNING, _H.CLEANED)
_OUT_OF_BALANCE = (_E.IMBALANCE_FOUND, _E.SEVERE_IMBALANCE_FOUND)
_AT_WORK = (
    _H.HEALTHY, _H.WARNING, _H.NEEDS_CLEANUP, _H.CLEANING, _H.CLEANED,
    _H.NEEDS_REBALANCING, _H.REBALANCING, _H.REBALANCED,
)  # fmt: skip
_SOUND = tuple(state for state in _H if state is not _H.NEEDS_ATTENTION)
_STAYING = (_E.MONITORED, _E.ONLY_LOOKED_AT, _E.REBALANCED_ALONG)
_ALARMING = (_E.FAILED, _E.ROLLED_BACK, _E.UNEXPECTED)

# Events, the states in which they are legal, and where they lead; None: the state stays as it is.
_HEALTH_RULES: _Rules[HealthState] = (
    ((_E.SENT,), (_H.MONITORED, _H.MAINTENANCE_COMPLETE, _H.HEALTHY, _H.WARNING, _H.CHECKING), _H.CHECKING),
    # What an earlier campaign left to do stays to be seen until the look at this one begins.
    ((_E.SENT,), (*_AT_WORK[2:],), None),
    ((_E.BEGUN,), _SOUND, _H.CHECKING),
    ((_E.BOUNCES_LOW,), (_H.CHECKING,), _H.HEALTHY),
    ((_E.BOUNCES_ELEVATED, _E.BOUNCES_UNKNOWN), (_H.CHECKING,), _H.WARNING),
    ((_E.BOUNCES_HIGH,), (_H.CHECKING,), _H.NEEDS_CLEANUP),
    ((_E.CLEANUP_NEEDED,), (_H.HEALTHY, _H.WARNING, _H.NEEDS_CLEANUP), _H.NEEDS_CLEANUP),
    ((_E.NOTHING_TO_CLEAN,), (_H.HEALTHY, _H.WARNING), None),
    # Many bounces, and none that may be suppressed: soft ones, or the sender's fault.
    ((_E.NOTHING_TO_CLEAN,), (_H.NEEDS_CLEANUP,), _H.WARNING),
    ((_E.CLEANUP_WAITS,), (_H.NEEDS_CLEANUP, _H.CLEANING), None),
    ((_E.CLEANUP_REFUSED,), (_H.NEEDS_CLEANUP, _H.CLEANING), _H.WARNING),
    ((_E.CLEANING_BEGUN,), (_H.NEEDS_CLEANUP,), _H.CLEANING),
    ((_E.CLEANED,), (_H.NEEDS_CLEANUP, _H.CLEANING), _H.CLEANED),
    ((_E.CLEANED_IN_PART,), (_H.NEEDS_CLEANUP, _H.CLEANING), _H.WARNING),
    ((_E.BALANCED,), _FOUND, None),
    # Not legal while a clean-up is needed: that comes first.
    (_OUT_OF_BALANCE, _FOUND, _H.NEEDS_REBALANCING),
    ((_E.REBALANCING_WAITS,), (_H.NEEDS_REBALANCING,), None),
    ((_E.REBALANCING_REFUSED,), (_H.NEEDS_REBALANCING, _H.REBALANCING), _H.WARNING),
    ((_E.REBALANCING_BEGUN,), (_H.NEEDS_REBALANCING,), _H.REBALANCING),
    ((_E.REBALANCED,), (_H.NEEDS_REBALANCING, _H.REBALANCING), _H.REBALANCED),
    ((_E.REBALANCED_IN_PART,), (_H.NEEDS_REBALANCING, _H.REBALANCING), _H.WARNING),
    ((_E.COMPLETED,), (*_FOUND, _H.REBALANCED), _H.MAINTENANCE_COMPLETE),
    # The deadline may have passed before a stage began.
    ((_E.COMPLETED_IN_PART,), _AT_WORK, _H.MAINTENANCE_COMPLETE),
    ((_E.CACHE_UPDATED,), (_H.MAINTENANCE_COMPLETE, _H.MONITORED), _H.MONITORED),
    # A campaign that was sent since is still to be looked at.
    ((_E.UNDONE,), (_H.CHECKING,), None),
    ((_E.UNDONE,), (*_AT_WORK, _H.MAINTENANCE_COMPLETE, _H.MONITORED), _H.MONITORED),
    (_STAYING, _SOUND, None),
    (_ALARMING, _SOUND, _H.NEEDS_ATTENTION),
)  # fmt: skip

_RESTING = (_L.POPULATED, _L.READY, _L.VALIDATED, _L.BLOCKED)
_MID = (_L.ANALYZING, _L.NEEDS_CLEANUP, _L.CLEANED, _L.NEEDS_REBALANCING, _L.REBALANCED)
_VALIDATING = (_E.VALIDATED, _E.VALIDATION_FAILED, _E.OVERRIDDEN)
_ALL_BUT_ATTENTION = tuple(state for state in _L if state is not _L.NEEDS_ATTENTION)

_LIFECYCLE_RULES: _Rules[LifecycleState] = (
    ((_E.POPULATED,), (_L.CREATED,), _L.POPULATED),
    ((_E.POPULATED,), (*_RESTING, _L.IN_USE, *_MID), None),
    ((_E.VALIDATED, _E.OVERRIDDEN), _RESTING, _L.VALIDATED),
    # An empty list is no list to send to.
    ((_E.VALIDATION_FAILED,), (_L.CREATED, *_RESTING), _L.BLOCKED),
    # Validated too early or too late: it says nothing about where the list is.
    (_VALIDATING, (_L.IN_USE, *_MID), None),
    # Mailjet sends also what nobody validated, or what a validation would have blocked.
    ((_E.SENT,), (_L.CREATED, *_RESTING, _L.IN_USE), _L.IN_USE),
    ((_E.SENT,), _MID, None),
    ((_E.BEGUN,), _ALL_BUT_ATTENTION, _L.ANALYZING),
    ((_E.CLEANUP_NEEDED,), (_L.ANALYZING,), _L.NEEDS_CLEANUP),
    ((_E.NOTHING_TO_CLEAN,), (_L.ANALYZING,), None),
    ((_E.CLEANUP_WAITS,), (_L.NEEDS_CLEANUP,), None),
    ((_E.CLEANUP_REFUSED,), (_L.NEEDS_CLEANUP,), _L.ANALYZING),
    ((_E.CLEANED, _E.CLEANED_IN_PART), (_L.NEEDS_CLEANUP,), _L.CLEANED),
    ((_E.BALANCED,), (_L.ANALYZING, _L.CLEANED), None),
    (_OUT_OF_BALANCE, (_L.ANALYZING, _L.CLEANED), _L.NEEDS_REBALANCING),
    ((_E.REBALANCING_WAITS,), (_L.NEEDS_REBALANCING,), None),
    ((_E.REBALANCING_REFUSED,), (_L.NEEDS_REBALANCING,), _L.ANALYZING),
    ((_E.REBALANCED, _E.REBALANCED_IN_PART), (_L.NEEDS_REBALANCING,), _L.REBALANCED),
    # A list that others were rebalanced with is not the one that was validated.
    ((_E.REBALANCED_ALONG,), (_L.VALIDATED,), _L.READY),
    ((_E.REBALANCED_ALONG,), (_L.CREATED, _L.POPULATED, _L.READY, _L.BLOCKED, _L.IN_USE, *_MID), None),
    ((_E.ONLY_LOOKED_AT,), _ALL_BUT_ATTENTION, None),
    ((_E.COMPLETED,), (_L.ANALYZING, _L.CLEANED, _L.REBALANCED), None),
    ((_E.COMPLETED_IN_PART,), _MID, None),
    ((_E.CACHE_UPDATED,), (*_MID, _L.READY), _L.READY),
    ((_E.UNDONE,), (_L.IN_USE,), None),
    ((_E.UNDONE,), (*_RESTING, *_MID), _L.READY),
    (_ALARMING, _ALL_BUT_ATTENTION, _L.NEEDS_ATTENTION),
)  # fmt: skip


def _machine(name: str, initial: _S, rules: _Rules[_S], attention: _S, recovered: _S) -> Machine[_S, ListEvent]:
    """The machine of some rules, in which ``attention`` takes every event and only a success leads out, to ``recovered``."""
    table: dict[_S, dict[ListEvent, _S]] = {state: {} for state in type(initial)}
    for events, states, target in rules:
        for state in states:
            table[state].update(dict.fromkeys(events, target or state))
    known = {event for row in table.values() for event in row}
    table[attention] = {**dict.fromkeys(known, attention), ListEvent.COMPLETED: recovered}
    return machine_of(name, initial, table)


HEALTH = _machine("health", _H.MONITORED, _HEALTH_RULES, _H.NEEDS_ATTENTION, _H.MAINTENANCE_COMPLETE)
"""The health of a list. It begins as monitored: nothing is known against it."""

# Recovered, everything that was found is done: all that is missing is what people are shown.
LIFECYCLE = _machine("lifecycle", _L.CREATED, _LIFECYCLE_RULES, _L.NEEDS_ATTENTION, _L.REBALANCED)
"""Where a list is between two campaigns. It begins as created: nobody was seen on it."""

ListMachine = Machine[HealthState, ListEvent] | Machine[LifecycleState, ListEvent]
MACHINES: Mapping[str, ListMachine] = {machine.name: machine for machine in (HEALTH, LIFECYCLE)}
"""Both machines by name."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """One transition. ``reason``: why it is not the one that the event names, else empty."""

    machine: str
    from_state: str
    to_state: str
    event: ListEvent
    reason: str = ""


def target_of(machine: str, state: str, event: ListEvent) -> str:
    """The next state, of stored names.

    Raises:
        IllegalTransitionError: the event is not legal in this state.
    """
    if machine == HEALTH.name:
        return next_state(HEALTH, HealthState(state), event).value
    return next_state(LIFECYCLE, LifecycleState(state), event).value


def advance(machine: str, state: str, event: ListEvent) -> StateChange:
    """Follow an event. One that is not legal in the state leads to NEEDS_ATTENTION, with the reason, instead of nowhere."""
    try:
        return StateChange(machine, state, target_of(machine, state, event), event)
    except IllegalTransitionError:
        reason = f"{event.value} came in the state {state}, which does not know it"
        return StateChange(
            machine, state, target_of(machine, state, ListEvent.UNEXPECTED), ListEvent.UNEXPECTED, reason
        )


def bounce_event(bounced: int, recipients: int) -> ListEvent:
    """The event that the bounces of a campaign are for its list; the rate as it was seen, in exact arithmetic.

    Args:
        bounced: contacts that bounced, hard or soft.
        recipients: contacts mailed; with none the rate is not known, which is never healthy.
    """
    if recipients <= 0:
        return ListEvent.BOUNCES_UNKNOWN
    percent = Fraction(100 * bounced, recipients)
    if percent < LIST_STATES.bounces_warning_percent:
        return ListEvent.BOUNCES_LOW
    return ListEvent.BOUNCES_ELEVATED if percent <= LIST_STATES.bounces_cleanup_percent else ListEvent.BOUNCES_HIGH


def balance_event(triggered: bool, deviation_percent: float | None) -> ListEvent:
    """The event that the sizes of the three lists are. ``triggered``: the deviation is above the configured threshold."""
    if not triggered:
        return ListEvent.BALANCED
    if deviation_percent is not None and deviation_percent > LIST_STATES.severe_imbalance_percent:
        return ListEvent.SEVERE_IMBALANCE_FOUND
    return ListEvent.IMBALANCE_FOUND


def broken_transitions(found: Iterable[tuple[str, StateChange]], present: Mapping[tuple[str, str], str]) -> list[str]:
    """The faults of a history of transitions, in words; empty when only legal transitions happened.

    Args:
        found: list and transition, in the order in which they were noted, from the very first.
        present: the state that each list and machine is said to be in now.
    """
    wrong: list[str] = []
    at: dict[tuple[str, str], str] = {}
    for name, step in found:
        key = (name, step.machine)
        begun = at.get(key, MACHINES[step.machine].initial.value)
        if step.from_state != begun:
            wrong.append(
                f"{name} ({step.machine}): {step.event.value} begins in {step.from_state}, the list was {begun}"
            )
        try:
            target = target_of(step.machine, step.from_state, step.event)
        except (IllegalTransitionError, ValueError):
            wrong.append(f"{name} ({step.machine}): {step.event.value} is not legal in {step.from_state}")
        else:
            if target != step.to_state:
                wrong.append(
                    f"{name} ({step.machine}): {step.event.value} leads from {step.from_state} to {target}, "
                    f"not to {step.to_state}"
                )
        at[key] = step.to_state
    for (name, machine), state in present.items():
        last = at.get((name, machine), MACHINES[machine].initial.value)
        if state != last:
            wrong.append(f"{name} ({machine}): the list is said to be {state}, and its last transition led to {last}")
    return wrong
