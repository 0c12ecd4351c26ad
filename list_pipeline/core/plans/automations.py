"""Automations at Mailjet that begin when somebody is added to a list, such as a welcome series, and what plans do about them.

Belongs here: how many contacts a plan would let enter one, in words, and whether it may do so by itself. Does not belong here:
which lists have automations (``operations.campaigns.automations``).

A mail that was sent cannot be taken back, and an undo adds people to lists once more. So a plan that adds to such a list waits
for a person who was told how many it concerns, in every mode, unless the settings say that it need not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck
from list_pipeline.core.wording import count_text, names_text


@dataclass(frozen=True, slots=True)
class Automations:
    """The lists that have automations, and whether contacts may be added to them without a person."""

    lists: frozenset[ListRole] = frozenset()
    may_start: bool = False

    def entering(self, added_to: Iterable[ListRole | None]) -> Mapping[ListRole, int]:
        """How many contacts would enter automations, by list, in the order of the lists.

        Args:
            added_to: the list that each contact is added to; None for one that is added to none.
        """
        counts = Counter(role for role in added_to if role in self.lists)
        return {role: counts[role] for role in ALL_LISTS if counts[role]}

    def check(self, added_to: Iterable[ListRole | None]) -> GateCheck:
        """The gate's check of a plan that adds contacts to these lists."""
        entering = self.entering(added_to)
        if entering:
            allowed = (
                " AUTOMATIONS_MAY_START lets it." if self.may_start else " A person decides: a mail is not taken back."
            )
            words = f"{entering_words(entering)}{allowed}"
        else:
            words = "Nobody is added to a list that is known to have automations."
        return GateCheck("automations", not entering or self.may_start, CheckSeverity.WARNING, words)


def entering_words(entering: Mapping[ListRole, int]) -> str:
    """How many contacts a plan would let enter automations, as a sentence; empty for none."""
    if not entering:
        return ""
    total = sum(entering.values())
    where = names_text([f"{count:,} of {role.label}" for role, count in entering.items()])
    return f"{count_text(total, 'contact')} would enter automations at Mailjet, and may be mailed at once: {where}."


def entered_words(entered: Mapping[ListRole, int]) -> str:
    """How many contacts a correction let enter automations, as a sentence; empty for none."""
    if not entered:
        return ""
    total = sum(entered.values())
    where = names_text([f"{count:,} to {role.label}" for role, count in entered.items()])
    were = "was" if total == 1 else "were"
    return f"{count_text(total, 'contact')} {were} added where automations begin, and may have been mailed: {where}."
