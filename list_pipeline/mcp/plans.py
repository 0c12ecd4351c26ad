"""Tools about plans: what they intend, contact by contact, and decisions on them. An approval is of exactly the plan that was
shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import Field

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.gate import GateCheck
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.mcp.arguments import LARGEST_ID, MOST, Arguments, ContentHash, KeyFilter, Limit, Number, Page, Reason
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, deciding, reading
from list_pipeline.operations.audience.shown import BatchShown, batches_shown
from list_pipeline.operations.audience.splitting import batches_of
from list_pipeline.operations.maintenance.edits import edit_plan as edit
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approvals import approvals_of
from list_pipeline.operations.views.masked_items import ItemShown, existing_plan, items_page
from list_pipeline.operations.views.pages import plans_page
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.views import PlanRow

T = TypeVar("T")


class PlansWanted(Page):
    """Which plans."""

    campaign: KeyFilter = None
    status: Annotated[PlanStatus | None, Field(description="`pending_review`: those that wait for a person.")] = None
    kind: PlanKind | None = None


class Plans(Result):
    """A page of plans without their items."""

    plans: tuple[PlanRow, ...]
    next_after: int | None


class PlanWanted(Arguments):
    """Which plan, and which page of its items."""

    number: Number
    after: Annotated[int, Field(ge=0, le=MOST, description="`nextAfter` of the page before: items from there on.")] = 0
    limit: Limit = 20


class PlanShown(Result):
    """A plan with a page of its items."""

    number: int
    kind: PlanKind
    status: PlanStatus
    revision: int
    content_hash: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    approvals: str
    requested_by: str | None
    note: str | None
    checks: tuple[GateCheck, ...]
    batches: Annotated[
        tuple[BatchShown, ...], Field(description="The ranges of a plan that divides a new audience; else none.")
    ]
    items_in_all: int
    items: tuple[ItemShown, ...]
    next_after: int | None


class Approval(Arguments):
    """An approval of exactly one plan."""

    number: Number
    content_hash: ContentHash
    note: Annotated[str, Field(max_length=500, description="What the person says to it, for the record.")] = ""


class Rejection(Arguments):
    """A rejection of exactly one plan."""

    number: Number
    content_hash: ContentHash
    reason: Reason


class Edit(Arguments):
    """Who is left out of exactly one plan, and why."""

    number: Number
    content_hash: ContentHash
    without: Annotated[
        tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...],
        Field(min_length=1, max_length=500, description="Ids of the contacts to leave out."),
    ]
    reason: Reason


class Edited(Result):
    """The plan that is left: a new one with a hash of its own. ``edited``: the number of the one it came from."""

    number: int
    content_hash: str
    status: PlanStatus
    revision: int
    changes: int
    edited: int
    without: tuple[int, ...]


class Decided(Result):
    """A plan that was decided on. ``approvals``: where one person is not enough, who approved it and how many have to; empty
    otherwise."""

    number: int
    status: PlanStatus
    decided_by: str | None
    approvals: str


def plans(call: Call, asked: PlansWanted) -> Plans:
    """List plans, the latest first: kind, status, how many contacts each changes, who decided. A plan is what the product
    intends to do with contacts; with status `pending_review` it waits for a person. `plan` shows one with its contacts."""
    found = plans_page(
        call.services,
        after=asked.after,
        limit=asked.limit,
        campaign=asked.campaign,
        status=asked.status,
        kind=asked.kind,
    )
    return Plans(plans=found.entries, next_after=found.next_after)


def plan(call: Call, asked: PlanWanted) -> PlanShown:
    """Show one plan: what its gate checked, and page by page each contact with the intended action, the rule and the reason.
    Contacts are shown by id and masked address. Its `contentHash` is needed to decide on it. Have the person look at this
    before anything is approved."""
    one = existing_plan(call.services, asked.number)
    found = items_page(call.services, one, after=asked.after, limit=asked.limit)
    return PlanShown(
        number=one.plan_id,
        kind=one.kind,
        status=one.status,
        revision=one.revision,
        content_hash=one.content_hash,
        created_at=one.created_at,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
        approvals=approvals_of(call.services, one).words,
        requested_by=one.requested_by,
        note=one.note,
        checks=one.gate.checks if one.gate is not None else (),
        batches=batches_shown(batches_of(call.services, one)),
        items_in_all=found.in_all,
        items=found.items,
        next_after=found.next_after,
    )


def approve_plan(call: Call, asked: Approval) -> Decided:
    """Approve a plan that waits: its changes are then made at Mailjet by a run that starts within a minute. Do this only when
    the person whose token this is said so after seeing the plan. It holds for exactly the plan with this `contentHash`; a
    plan that changed meanwhile is refused. Where `approvals` asks for another person, it goes on waiting for them."""
    return _decided(
        call,
        asked.number,
        lambda: decisions.approve(
            call.services,
            asked.number,
            by=call.who.name,
            content_hash=asked.content_hash,
            note=asked.note or None,
            way=Way.MCP,
        ),
    )


def reject_plan(call: Call, asked: Rejection) -> Decided:
    """Turn a plan that waits down: nothing of it is done, and the campaign's maintenance goes on without it. Only when the
    person whose token this is said so."""
    return _decided(
        call,
        asked.number,
        lambda: decisions.reject(
            call.services,
            asked.number,
            by=call.who.name,
            content_hash=asked.content_hash,
            note=asked.reason,
            way=Way.MCP,
        ),
    )


def edit_plan(call: Call, asked: Edit) -> Edited:
    """Leave contacts out of a plan that waits, when the person whose token this is named them: they stay as they are and
    count as rejected. What is left is judged again and becomes a new plan that waits under a `contentHash` of its own; it still
    has to be approved."""
    done = _as_it_is_now(
        call,
        asked.number,
        lambda: edit(
            call.services,
            asked.number,
            by=call.who.name,
            note=asked.reason,
            content_hash=asked.content_hash,
            without=asked.without,
            way=Way.MCP,
        ),
    )
    return Edited(
        number=done.plan.plan_id,
        content_hash=done.plan.content_hash,
        status=done.plan.status,
        revision=done.plan.revision,
        changes=done.changes,
        edited=done.edited_plan_id,
        without=done.taken_out,
    )


def _decided(call: Call, number: int, decide: Callable[[], StoredPlan]) -> Decided:
    done = _as_it_is_now(call, number, decide)
    approvals = approvals_of(call.services, done).words
    return Decided(number=done.plan_id, status=done.status, decided_by=done.decided_by, approvals=approvals)


def _as_it_is_now(call: Call, number: int, decide: Callable[[], T]) -> T:
    """A decision; where it is refused, with how the plan stands now and by whom."""
    try:
        return decide()
    except NotAReviewerError:
        raise
    except RefusedError as error:
        found = existing_plan(call.services, number)
        by = f" by {found.decided_by}" if found.decided_by else ""
        raise RefusedError(
            error.tried,
            f"{error.happened}; the plan is {found.status.value}{by} now",
            f"Look at it with `plan`, number {number}",
        ) from error


TOOLS = (
    reading(plans, "Plans"),
    reading(plan, "A plan"),
    deciding(approve_plan, "Approve a plan", is_destructive=True),
    deciding(edit_plan, "Leave contacts out of a plan", is_destructive=True),
    deciding(reject_plan, "Reject a plan", is_destructive=False),
)
