"""The rule about the states of the lists, looked at on their whole history."""

from __future__ import annotations

from list_pipeline.core.list_states.machines import ListEvent, StateChange, broken_transitions
from list_pipeline.operations.access import Storing
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.list_states.history import history
from list_pipeline.storage import list_states as state_rows

_MOST_SHOWN = 5


def only_legal_transitions(services: Storing) -> CheckResult:
    """Every transition of every list is one that the machines know, follows the one before, and leads to the present state."""
    with services.database.begin() as connection:
        present = {(row.list_role.value, row.machine): row.state for row in state_rows.states(connection)}
    noted = history(services)
    steps = [
        (one.list_role.value, StateChange(one.machine, one.from_state, one.to_state, one.event, one.reason))
        for one in noted
    ]
    wrong = broken_transitions(steps, present)
    if wrong:
        more = f"; and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        return CheckResult(False, f"{'; '.join(wrong[:_MOST_SHOWN])}{more}")
    unexpected = sum(one.event is ListEvent.UNEXPECTED for one in noted)
    words = f"{len(noted):,} transitions, all legal"
    return CheckResult(
        True, f"{words}; {unexpected} of them because something came unexpectedly" if unexpected else words
    )
