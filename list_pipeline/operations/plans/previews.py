"""What an undo, a redo or a reinstatement would do now, without doing it.

Belongs here: asking the same questions as ``undo``, ``redo`` and ``single_contacts``, in the same order, without a plan, a
journal or a request that changes anything. Does not belong here: any rule of its own.

Mailjet is read first, as before the real thing, and our rows follow what it shows; nothing else is written. Where somebody
waits for a page, our rows are asked as they are (``looks_first``): the real thing reads Mailjet anyway. It may be asked in
whatever mode: ``blocked_because`` says that the real thing would be refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from list_pipeline.core.plans.corrections import Refusal, Reversal, by_refusal
from list_pipeline.core.plans.journal import StepOnList
from list_pipeline.core.plans.plan import PLAN_LIFE, ItemAction, PlanStatus, Sweep
from list_pipeline.core.plans.redo import Redoing
from list_pipeline.operations.access import Correcting
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.plans.corrections import look_at, reversals_of
from list_pipeline.operations.plans.redo import in_order, undone_campaign
from list_pipeline.operations.plans.redo_judgement import judged
from list_pipeline.operations.plans.single_contacts import reinstatement
from list_pipeline.operations.plans.undo import maintained, own_plans, redos
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import redone


@dataclass(frozen=True, slots=True)
class PreviewedChange:
    """One contact with the kind of the change that is taken back or done again, and the steps of it."""

    contact_id: int
    kind: ItemAction
    steps: tuple[StepOnList, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen.

    Attributes:
        changes: in the order in which they would be made.
        refused: why contacts would be left as they are, to their ids.
        withdrawn: plans that are not carried out to the end, and would be withdrawn.
        blocked_because: why the real thing would be refused now, or None.
    """

    what: str
    changes: tuple[PreviewedChange, ...]
    refused: Mapping[Refusal, Sequence[int]]
    withdrawn: int
    blocked_because: str | None

    @property
    def content_hash(self) -> str:
        """Of what would be changed, and who would be left: another one, once that is not as somebody was shown it."""
        shown = {"changes": self.as_json()["changes"], "left": self.as_json()["left"], "withdrawn": self.withdrawn}
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, object]:
        """For machines: contacts by id."""
        return {
            "dry_run": True,
            "what": self.what,
            "changes": [
                {
                    "contact_id": one.contact_id,
                    "kind": one.kind.value,
                    "steps": [
                        {"action": action.value, "list": role.value if role else None} for action, role in one.steps
                    ],
                }
                for one in self.changes
            ],
            "left": {reason.value: list(ids) for reason, ids in self.refused.items()},
            "withdrawn": self.withdrawn,
            "refused_because": self.blocked_because,
        }


def preview_undo(
    services: Correcting,
    key: str,
    *,
    sweep: Sweep = Sweep.H24,
    despite_complaint: bool = False,
    looks_first: bool = True,
) -> Preview:
    """What ``undo_maintenance`` would take back.

    Args:
        looks_first: Mailjet is read first.

    Raises:
        NotFoundError: there is no such campaign, or nothing was ever done after it.
    """
    with services.database.begin() as connection:
        campaign = find_campaign(connection, key)
    maintained(services, campaign, sweep)
    own = own_plans(services, campaign.campaign_id, sweep)
    plan_ids = (*redos(services, campaign.campaign_id, sweep), *(plan.plan_id for plan in own))
    with services.database.begin() as connection:
        changes = [change for plan_id in plan_ids for change in outcome_rows.done_changes(connection, plan_id)]
    if changes and looks_first:
        look_at(services, [change.contact_id for change in changes])
    with services.database.begin() as connection:
        found = reversals_of(services, connection, changes, despite_complaint)
    ended = PLAN_LIFE.leaving(PlanStatus.WITHDRAWN)
    return _of_reversals(
        services, f"Undoing the maintenance of {key}", found, sum(plan.status in ended for plan in own)
    )


def preview_redo(services: Correcting, key: str, *, sweep: Sweep = Sweep.H24, looks_first: bool = True) -> Preview:
    """What ``redo_maintenance`` would do again.

    Args:
        looks_first: Mailjet is read first.

    Raises:
        NotFoundError: there is no such campaign, or its maintenance was not undone.
    """
    campaign_id = undone_campaign(services, key, sweep)
    with services.database.begin() as connection:
        candidates = redone.undone_changes(connection, campaign_id, sweep)
    found: list[Redoing] = []
    if candidates and looks_first:
        look_at(services, [one.contact_id for one in candidates])
    for group in in_order(candidates):
        if group:
            with services.database.begin() as connection:
                found += judged(services, connection, campaign_id, group)
    return Preview(
        f"Taking back the undo of {key}",
        tuple(
            PreviewedChange(one.undone.contact_id, one.undone.item.action, one.steps)
            for one in found
            if one.refused is None
        ),
        by_refusal((one.refused, one.undone.contact_id) for one in found),
        0,
        change_block_reason(services),
    )


def preview_reinstatement(
    services: Correcting, contact_id: int, *, despite_complaint: bool = False, looks_first: bool = True
) -> Preview:
    """What ``reinstate`` would do for a contact.

    Args:
        looks_first: Mailjet is read first.

    Raises:
        NotFoundError: we did not suppress this contact.
    """
    if looks_first:
        look_at(services, [contact_id])
    with services.database.begin() as connection:
        found = reinstatement(services, connection, contact_id, despite_complaint)
    return _of_reversals(services, f"Reinstating contact {contact_id}", [found], 0)


def _of_reversals(services: Correcting, what: str, found: Sequence[Reversal], withdrawn: int) -> Preview:
    return Preview(
        what,
        tuple(
            PreviewedChange(one.change.contact_id, one.change.kind, one.steps) for one in found if one.refused is None
        ),
        by_refusal((one.refused, one.change.contact_id) for one in found),
        withdrawn,
        change_block_reason(services),
    )
