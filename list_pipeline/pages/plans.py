"""One plan in one look, and the decision on it; all plans page by page.

A decision is for exactly the plan that was on the page. After it the browser is sent on,
so that looking again decides nothing again.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.errors import LockHeldError, RefusedError
from list_pipeline.core.foreign_text import id_in
from list_pipeline.core.plans.edits import EDITABLE
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.operations.audience.shown import batches_shown
from list_pipeline.operations.audience.splitting import batches_of
from list_pipeline.operations.maintenance.edits import edit_plan
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approvals import approvals_of
from list_pipeline.operations.reviews.waiting import plan_look, why_it_waits
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.pages import plans_page
from list_pipeline.pages.common import ENTRIES, After, Form, KeyFilter, Number, Told, Visiting, decider, is_late
from list_pipeline.pages.rendering import BASE, page

_LET_THROUGH = (PlanStatus.APPROVED, PlanStatus.EXECUTED)
_LEFT_OUT = "without."
"""How the name of a field begins that says whom to leave out; the contact's number follows."""


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/plans")
    def plans(request: Request, after: After = 0, campaign: KeyFilter = None) -> Response:
        found = plans_page(services, after=after, limit=ENTRIES, campaign=campaign or None)
        return page(request, "plans.html", found=found, campaign=campaign)

    @routes.get("/plans/{number}")
    def plan(request: Request, number: Number, after: After = 0, told: Told = "") -> Response:
        return _page(request, services, number, after=after, told=told)

    @routes.post("/plans/{number}")
    def decide(request: Request, number: Number, sent: Form, visitor: Visiting) -> Response:
        decision, note = sent.get("decision", ""), sent.get("note", "")
        shown = sent.get("content_hash", "")
        try:
            by = decider(visitor, "Deciding")
            if decision == "approve":
                decisions.approve(services, number, by=by, content_hash=shown, note=note or None, way=Way.PAGE)
            elif decision == "reject":
                decisions.reject(services, number, by=by, content_hash=shown, note=note or None, way=Way.PAGE)
            elif decision == "expire":
                decisions.expire(services, number, by=by, content_hash=shown, note=note or None, way=Way.PAGE)
            elif decision == "edit":
                without = [id_in(name.removeprefix(_LEFT_OUT)) for name in sent if name.startswith(_LEFT_OUT)]
                made = edit_plan(
                    services,
                    number,
                    by=by,
                    note=note,
                    content_hash=shown,
                    without=[one for one in without if one is not None],
                    way=Way.PAGE,
                )
                return RedirectResponse(f"{BASE}/plans/{made.plan.plan_id}?told=edit", 303)
            else:
                raise RefusedError("Deciding", "the form names no decision", "Use one of its buttons")
        except (RefusedError, LockHeldError) as error:
            return _page(
                request,
                services,
                number,
                problem=str(error),
                status=409 if is_late(error) else 403,
                note=note,
                shown=shown,
            )
        return RedirectResponse(f"{BASE}/plans/{number}?told={decision}", 303)

    return routes


def _page(
    request: Request,
    services: Services,
    number: int,
    *,
    after: int = 0,
    told: str = "",
    problem: str = "",
    status: int = 200,
    note: str = "",
    shown: str = "",
) -> Response:
    look = plan_look(services, number, after=after, limit=ENTRIES)
    given = approvals_of(services, look.plan)
    return page(
        request,
        "plan.html",
        status=status,
        look=look,
        plan=look.plan,
        approvals=given.words,
        approved_by=[one.person for one in given.given] if look.plan.status in _LET_THROUGH else [],
        no_change_because=change_block_reason(services),
        why=why_it_waits(look.plan),
        after=after,
        next_after=look.page.next_after,
        told=told,
        problem=problem,
        has_changed=bool(shown) and shown != look.plan.content_hash,
        note=note,
        can_edit=look.plan.status is PlanStatus.PENDING_REVIEW and look.plan.kind in EDITABLE,
        changing=CHANGING_ACTIONS,
        batches=batches_shown(batches_of(services, look.plan)),
        remarks=look.plan.summary.remarks if isinstance(look.plan.summary, SplitSummary) else (),
    )
