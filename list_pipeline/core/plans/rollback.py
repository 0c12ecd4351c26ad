"""When a rebalancing that failed midway is taken back as a whole.

Belongs here: the rule, and who counts as astray. Does not belong here: what taking back consists of (``corrections``), and
reading the lists before it is asked (``operations.rebalancing.plan_and_execute``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.automations import Automations, entering_words
from list_pipeline.core.plans.corrections import ContactNow, DoneChange
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.wording import count_text, exceeds_percent


def count_astray(changes: Iterable[DoneChange], now: Mapping[int, ContactNow], unfinished: Collection[int]) -> int:
    """The number of contacts that were moved and are not on exactly one campaign list.

    Whoever failed is counted as failed, is queued, and is still in at least one list; who waits in the middle of a move stands
    on two until it goes on.

    Args:
        now: the contacts as they are.
        unfinished: changes that failed, or that are still to be brought to their end.
    """
    return sum(
        change.change_id not in unfinished
        and not now[change.contact_id].is_gone
        and len(now[change.contact_id].campaign_lists) != 1
        for change in changes
    )


def why_roll_back(planned: int, failed: int, astray: int) -> str | None:
    """Why a rebalancing has to be taken back, in words, or None.

    Args:
        planned: contacts that were to be moved or enrolled, those found to need nothing left out.
        failed: those that could not be in three attempts.
        astray: those that were confirmed and are not in exactly one campaign list.
    """
    if astray:
        return f"{count_text(astray, 'moved contact')} not in exactly one campaign list"
    if exceeds_percent(failed, planned, EXECUTION.rollback_percent):
        return f"{failed} of {planned} contacts could not be moved, more than {EXECUTION.rollback_percent} %"
    return None


def why_left_to_a_person(changes: Iterable[DoneChange], automations: Automations) -> str:
    """Why a rebalancing that failed is left as it is until a person takes it back, as a sentence; empty where it need not be:
    going back would add contacts to lists with automations."""
    back = (role for change in changes for action, role in change.done if action is StepAction.REMOVE)
    return "" if automations.may_start else entering_words(automations.entering(back))


def added_to(changes: Iterable[DoneChange], role: ListRole) -> list[int]:
    """The contacts that the changes put on a list."""
    return [change.contact_id for change in changes if (StepAction.ADD, role) in change.done]
