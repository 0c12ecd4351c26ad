"""By how much our own changes made a list larger or smaller since its expected size was taken.

Belongs here: that number. Does not belong here: whether the list has the expected size (``rules``), and the journal that
the changes are read from (``storage.validation.results``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepAction, StepOnList


@dataclass(frozen=True, slots=True)
class OwnChange:
    """Our change of a contact. ``was_on``: its lists before; ``earlier`` and ``later``: the steps that were carried out
    before and after the moment from which on the change is to count."""

    was_on: frozenset[ListRole]
    was_unsubscribed: bool
    was_excluded: bool
    earlier: frozenset[StepOnList]
    later: frozenset[StepOnList]


def net_change(role: ListRole, changes: Iterable[OwnChange]) -> int:
    """By how many mailable contacts our own later steps made a list larger or smaller."""
    return sum(_is_mailable(role, c, c.earlier | c.later) - _is_mailable(role, c, c.earlier) for c in changes)


def _is_mailable(role: ListRole, change: OwnChange, steps: frozenset[StepOnList]) -> bool:
    is_on = (role in change.was_on or (StepAction.ADD, role) in steps) and (StepAction.REMOVE, role) not in steps
    is_out = (change.was_excluded or (StepAction.EXCLUDE, None) in steps) and (StepAction.INCLUDE, None) not in steps
    return is_on and not is_out and not change.was_unsubscribed and (StepAction.UNSUB, role) not in steps
