"""How a maintenance stands after an undo, a rollback or a redo, written into the ledger from the journal.

Belongs here: gathering what is taken back, what stands, and why. Does not belong here: which status follows from it
(``core.runs.status``), and the corrections themselves (``undo``, ``redo``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from list_pipeline.core.plans.corrections import CorrectionSummary, Left, why_left_words
from list_pipeline.core.plans.plan import TAKEN_BACK_BY_UNDO, PlanKind, Sweep
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus, status_after_undo
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import Storing
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.storage.plans import plan_rows, undone
from list_pipeline.storage.runs import ledger

_WHOLE = (*TAKEN_BACK_BY_UNDO, PlanKind.REDO)
_ONLY_MOVES = (PlanKind.REBALANCING,)


@dataclass(frozen=True, slots=True)
class Stands:
    """How a maintenance stands, for people and machines. ``taken_back`` is None where no undo is in force."""

    status: RunStatus | None
    taken_back: int | None = None
    left_because: Mapping[str, int] = field(default_factory=dict)

    @property
    def lines(self) -> tuple[str, ...]:
        """The status in words, with what is left and why."""
        if self.status is None:
            return ()
        words = f"The maintenance is {self.status.replace('_', ' ')}"
        if self.taken_back is None:
            return (f"{words}.",)
        left = sum(self.left_because.values())
        reasons = [f"- {count} stand: {why_left_words(reason)}" for reason, count in sorted(self.left_because.items())]
        return (f"{words}: {count_text(self.taken_back, 'change')} taken back, {left} left.", *reasons)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        status = self.status.value if self.status else None
        return {"status": status, "taken_back": self.taken_back, "left_because": dict(self.left_because)}


def state_of(services: Storing, key: str, sweep: Sweep) -> Stands:
    """How the latest attempt at the maintenance of a campaign stands.

    Raises:
        NotFoundError: there is no such campaign.
    """
    with services.database.begin() as connection:
        row = ledger.latest_log(connection, find_campaign(connection, key).campaign_id, sweep.value)
    return Stands(row.status, row.changes_taken_back, row.left_because or {}) if row is not None else Stands(None)


def note_in_ledger(services: Storing, campaign_id: int, sweep: Sweep, *, by_rollback: bool = False) -> RunStatus | None:
    """Write how the latest attempt of a maintenance stands now. Where nothing was taken back, it stays as it is.

    Args:
        by_rollback: only the rebalancing was taken back, by itself: the suppressions are meant to stand.

    Returns:
        The status, None where there is no attempt.
    """
    kinds = _ONLY_MOVES if by_rollback else _WHOLE
    with services.database.begin() as connection:
        row = ledger.latest_log(connection, campaign_id, sweep.value)
        if row is None:
            return None
        found = undone.standing(connection, campaign_id, sweep, kinds)
        if not found.taken_back and not found.withdrawn and row.status not in TAKEN_BACK:
            return row.status
        # Of an undo by an earlier version it is not known how the attempt stood before.
        before = row.status_before_undo or RunStatus.SUCCESS
        status = status_after_undo(before, taken_back=found.taken_back, left=len(found.left), withdrawn=found.withdrawn)
        because = _why_left(connection, campaign_id, sweep, found.left)
        ledger.note_taken_back(connection, row, status, found.taken_back, because, services.clock.now())
    return status


def _why_left(
    connection: Connection, campaign_id: int, sweep: Sweep, contact_ids: tuple[int, ...]
) -> Mapping[str, int]:
    """Why the changes of contacts stand: the latest reason that an undo, a rollback or a redo gave."""
    reasons: dict[int, str] = {}
    for plan_id in undone.corrections_of(
        connection, campaign_id, sweep, (PlanKind.UNDO, PlanKind.ROLLBACK, PlanKind.REDO)
    ):
        plan = plan_rows.existing_plan(connection, plan_id)
        if plan.kind is PlanKind.REDO:
            reasons |= {item.contact_id: Left.DONE_AGAIN for item in plan_rows.plan_items(connection, plan_id)}
        elif isinstance(plan.summary, CorrectionSummary):
            reasons |= {one: reason for reason, ids in plan.summary.refused.items() for one in ids}
    return Counter(reasons.get(contact_id, Left.NOT_TAKEN_BACK) for contact_id in contact_ids)
