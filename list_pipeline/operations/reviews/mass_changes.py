"""A person's answer to a mass change: it was meant, or those who were taken off are to be put back.

Belongs here: who may answer, and the plan that puts contacts back. Does not belong here: finding mass changes
(``operations.membership.mass_changes``), and carrying the plan out (``operations.plans.corrections``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from list_pipeline.core.drift.findings import RepairSummary
from list_pipeline.core.drift.mass_change_message import LOOK, can_be_repaired, repair_message
from list_pipeline.core.drift.mass_changes import POLICY_VERSION, PUT_BACK, MassChangeKind, MassChangeStatus
from list_pipeline.core.drift.repairs import may_be_put_back
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.plans.automations import entering_words
from list_pipeline.core.plans.corrections import ContactNow
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, content_hash
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.automations import automations_now
from list_pipeline.operations.drift.mass_changes import tell_about_mass_changes
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.services import Services
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage import mass_changes as rows
from list_pipeline.storage.mass_changes import MassChange
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MassRepair:
    """The plan that puts contacts back, which waits for approval.

    ``left``: contacts that stay off. ``entering``: how many would enter automations, as a sentence; empty for none.
    """

    plan_id: int
    content_hash: str
    contacts: int
    left: int
    entering: str = ""


def accept(services: Services, matter: int, *, by: str, note: str) -> tuple[MassChange, ...]:
    """A person says that a mass change was meant: its lists are rebalanced again, and a repair of it that waits is rejected.

    Args:
        matter: the number that the question and the message name.

    Returns:
        What was accepted.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        NotFoundError: no such mass change is open.
        RefusedError: nobody is named, or no reason; or its repair is approved.
        StateChangedError: it ended at this moment.
    """
    tried = f"Accepting mass change {matter}"
    by, note = _decider(services, by, note, tried)
    now = services.clock.now()
    with services.database.begin() as connection:
        repairs = _repairs(connection, _open(services, connection, matter, tried))
    _refuse(tried, repairs, PlanStatus.APPROVED)
    for plan in repairs:
        decisions.reject(services, plan.plan_id, by=by, note=note)
    with services.database.begin() as connection:
        drift_rows.one_writer(connection)
        found = _open(services, connection, matter, tried)
        ids = [one.mass_change_id for one in found]
        rows.close(connection, ids, MassChangeStatus.ACCEPTED, by, note, now)
        rows.close_question(connection, matter, ReviewStatus.APPROVED, by, note, now)
    log.info("a mass change was accepted", matter=matter, by=by)
    tell_about_mass_changes(services)
    return found


def repair(services: Services, matter: int, *, by: str, note: str) -> MassRepair:
    """Plan to put back who was taken off campaign lists in a mass change; the plan waits for approval, the lists stay frozen.

    Who unsubscribed, complained, is excluded, suppressed or erased stays off, and so does who left the master list or is on
    another campaign list by now.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        NotFoundError: no such mass change is open.
        RefusedError: nobody is named, or no reason; nobody can be put back; or a repair of it waits already.
    """
    tried = f"Repairing mass change {matter}"
    by, note = _decider(services, by, note, tried)
    with services.database.begin() as connection:
        drift_rows.one_writer(connection)
        found = [one for one in _open(services, connection, matter, tried) if can_be_repaired(one.figures)]
        _refuse(tried, _repairs(connection, found), PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED)
        items, left = _put_back(connection, found)
        if not items:
            raise RefusedError(
                tried,
                "nobody was taken off a campaign list and may be put back",
                f"Take it back at Mailjet by hand, or accept it: `{LOOK}`",
            )
        made = _save(services, connection, matter, items, left, by, note)
        touched = {item.to_role for item in items}
        rows.repaired_by(connection, [one.mass_change_id for one in found if one.figures.role in touched], made.plan_id)
    log.info("the repair of a mass change waits for approval", matter=matter, plan=made.plan_id, contacts=made.contacts)
    message = repair_message(matter, made.plan_id, made.content_hash, made.contacts, made.left, made.entering)
    deliver(
        services,
        keys.mass_change_repair(made.plan_id),
        message,
        thread_key=keys.mass_change(matter),
        important=True,
        broadcast=True,
    )
    return made


def _decider(services: Deciding, by: str, note: str, tried: str) -> tuple[str, str]:
    name = reviewer(services, by, tried)
    return name, reason_of(note, tried, "there is no reason", "Say why: somebody will ask")


def _open(services: Deciding, connection: Connection, matter: int, tried: str) -> tuple[MassChange, ...]:
    found = tuple(
        one
        for one in rows.mass_changes(connection, since=services.clock.now())
        if one.matter == matter and one.status is MassChangeStatus.OPEN
    )
    if not found:
        raise NotFoundError(tried, "no mass change with this number is open", f"`{LOOK}` shows those that are")
    if any(one.figures.kind is MassChangeKind.LIST_GONE for one in found):
        raise RefusedError(
            tried, "a list that is gone cannot be worked without", "Restore it at Mailjet, or correct its setting"
        )
    return found


def _repairs(connection: Connection, found: Sequence[MassChange]) -> list[StoredPlan]:
    """The repairs of mass changes that wait, or are approved and not carried out."""
    numbers = sorted({one.repair_plan_id for one in found if one.repair_plan_id is not None})
    plans = [plan_rows.existing_plan(connection, number) for number in numbers]
    return [plan for plan in plans if plan.status in (PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED)]


def _refuse(tried: str, repairs: Sequence[StoredPlan], *statuses: PlanStatus) -> None:
    for plan in repairs:
        if plan.status in statuses:
            raise RefusedError(
                tried,
                f"plan {plan.plan_id} repairs it and is {plan.status.value.replace('_', ' ')}",
                "Reject that one where it still waits; else look again when it was carried out",
            )


def _put_back(connection: Connection, found: Sequence[MassChange]) -> tuple[list[PlanItem], int]:
    wanted: dict[int, ListRole] = {}
    for one in found:
        for contact_id in rows.contacts_of(connection, one.mass_change_id):
            wanted.setdefault(contact_id, one.figures.role)
    now: dict[int, ContactNow] = dict(outcome_rows.contacts_now(connection, sorted(wanted)))
    suppressed = queue.with_suppressed_address(connection, sorted(wanted))
    items = [
        PlanItem(
            contact_id,
            ItemAction.ENROL,
            rule=PUT_BACK,
            to_role=role,
            reason="repair",
            explanation=f"Was taken off {role.label} together with many others; goes back there.",
        )
        for contact_id, role in sorted(wanted.items())
        if contact_id not in suppressed and may_be_put_back(now[contact_id])
    ]
    return items, len(wanted) - len(items)


def _save(
    services: Deciding,
    connection: Connection,
    matter: int,
    items: Sequence[PlanItem],
    left: int,
    by: str,
    note: str,
) -> MassRepair:
    now = services.clock.now()
    hashed = content_hash(None, PlanKind.REPAIR, None, POLICY_VERSION, items)
    plan = plan_rows.save_plan(
        connection,
        campaign_id=None,
        kind=PlanKind.REPAIR,
        sweep=None,
        content_hash=hashed,
        policy_version=POLICY_VERSION,
        status=PlanStatus.PENDING_REVIEW,
        summary=RepairSummary(MassChangeKind.LEFT, len(items)),
        items=items,
        now=now,
        requested_by=by,
        note=note,
    )
    entering = entering_words(automations_now(services, connection).entering(item.to_role for item in items))
    lists = ", ".join(role.label for role in ListRole if role in {item.to_role for item in items})
    plan_rows.add_review_item(
        connection,
        campaign_id=None,
        plan_id=plan.plan_id,
        kind=ReviewKind.PLAN,
        summary=f"{count_text(len(items), 'contact')} would be put back on {lists} (mass change {matter})"
        + (f". {entering.rstrip('.')}" if entering else ""),
        details={"content_hash": hashed, "matter": matter},
        now=now,
    )
    return MassRepair(plan.plan_id, hashed, len(items), left, entering)
