"""A waiting plan that a person edits: who is left out, what its gate says then, and what cannot be edited.

An edit only ever takes contacts out. Nobody is added and nothing else is changed, so that whatever the plan would do to
somebody was decided by the rules.

Does not belong here: the figures of an edited plan (``core.suppression.edits``, ``core.rebalancing.edits``), and writing it
(``operations.maintenance.edits``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateDecision, GateOutcome
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, PlanItem, PlanKind
from list_pipeline.core.wording import count_text, ids_text

EDITABLE = (PlanKind.SUPPRESSION, PlanKind.REBALANCING, PlanKind.IMPORT, PlanKind.SPLIT)
"""The plans that can be edited: those of which each contact stands for itself, and of which a gate judges what is left."""


@dataclass(frozen=True, slots=True)
class PlanEdit:
    """An edit. ``without``: contacts to leave out; ``keep``: the only ones to keep. One of the two is given."""

    without: frozenset[int] = frozenset()
    keep: frozenset[int] = frozenset()

    def taken_out(self, items: Iterable[PlanItem], begun: Collection[int] = ()) -> frozenset[int]:
        """The contacts that are left out: of those whom the plan would change, held ones included.

        Args:
            begun: contacts of which changes were carried out already; to keep others leaves them in.
        """
        changing = {item.contact_id for item in items if item.action in CHANGING_ACTIONS}
        return frozenset(changing - self.keep - {*begun} if self.keep else changing & self.without)

    def left(self, items: Iterable[PlanItem], begun: Collection[int] = ()) -> tuple[PlanItem, ...]:
        """The items of the edited plan, as they were. Who is only watched or kept stays in it."""
        every = tuple(items)
        out = self.taken_out(every, begun)
        return tuple(item for item in every if item.contact_id not in out)


def why_not_editable(edit: PlanEdit, items: Collection[PlanItem], begun: Collection[int]) -> tuple[str, str] | None:
    """Why an edit makes no plan, and what to do instead, in words; None where it does.

    Args:
        begun: contacts of which changes were carried out already (complaints of a plan that waits).
    """
    if bool(edit.without) is bool(edit.keep):
        return "it is not said who is left out", "Name either those to leave out, or those to keep"
    changing = {item.contact_id for item in items if item.action in CHANGING_ACTIONS}
    if strangers := sorted((edit.without | edit.keep) - changing):
        return f"it changes nothing about {ids_text(strangers, most=20)}", "Name contacts of the plan"
    out = edit.taken_out(items, begun)
    if not out:
        return "nobody would be left out", "Approve it as it is"
    if done := sorted(out & set(begun)):
        return f"it was carried out already for {ids_text(done, most=20)}", "Reinstate whom it should not have changed"
    if out == changing:
        return "nobody would be left in it", "Reject it instead"
    return None


def decision_after_edit(
    decision: GateDecision, complaints: Collection[int], *, by: str, plan_id: int, taken_out: int
) -> GateDecision:
    """The gate's decision on what an edit left: whatever it lets through, a person decides on it; complaints excepted, where
    the gate lets them run in spite of that.

    Args:
        decision: on the items that are left; not refused.
        complaints: contacts whose suppression for a complaint is among them.
        plan_id: of the plan that was edited. taken_out: how many were left out.
    """
    words = f"{by} left {count_text(taken_out, 'contact')} out of plan {plan_id}; a person decides on the others."
    check = GateCheck("edited", False, CheckSeverity.WARNING, words)
    at_once = tuple(one for one in decision.may_run if one in complaints)
    everybody = sorted({*decision.may_run, *decision.waiting} - {*at_once})
    return GateDecision(GateOutcome.NEEDS_REVIEW, (*decision.checks, check), at_once, tuple(everybody), decision.alert)
