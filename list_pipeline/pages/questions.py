"""One question about single contacts, or one piece of news, and the answer to it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.decidable import why_not_approvable
from list_pipeline.core.reviews.questions import FINDINGS, ReviewStatus, is_about_contacts
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.findings import close_finding
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import existing_plan
from list_pipeline.operations.views.pages import question_shown
from list_pipeline.pages.common import ENTRIES, ContactAfter, Form, Number, Told, Visiting, decider, is_late
from list_pipeline.pages.rendering import BASE, page


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/questions/{number}")
    def question(request: Request, number: Number, after: ContactAfter = 0, told: Told = "") -> Response:
        return _page(request, services, number, after=after, told=told)

    @routes.post("/questions/{number}")
    def decide(request: Request, number: Number, sent: Form, visitor: Visiting) -> Response:
        decision, note, shown = sent.get("decision", ""), sent.get("note", ""), sent.get("content_hash", "")
        try:
            by = decider(visitor, "Deciding")
            if decision == "approve":
                decisions.approve_item(services, number, by=by, content_hash=shown, note=note or None, way=Way.PAGE)
            elif decision == "reject":
                decisions.reject_item(services, number, by=by, content_hash=shown, note=note or None, way=Way.PAGE)
            elif decision == "close":
                close_finding(services, number, by=by, note=note)
            else:
                raise RefusedError("Deciding", "the form names no decision", "Use one of its buttons")
        except RefusedError as error:
            status = 409 if is_late(error) else 403
            return _page(request, services, number, problem=str(error), status=status, note=note)
        return RedirectResponse(f"{BASE}/questions/{number}?told={decision}", 303)

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
) -> Response:
    shown = question_shown(services, number, after=after, limit=ENTRIES)
    asked = shown.question
    is_open = asked.status is ReviewStatus.OPEN
    about_contacts = is_about_contacts(asked.kind, bool(asked.contact_ids))
    not_yet = ""
    if is_open and about_contacts and asked.plan is not None:
        plan = existing_plan(services, asked.plan)
        found = why_not_approvable(plan.kind, plan.status, plan.plan_id, was_rolled_back=False)
        not_yet = f"It cannot be approved now: {found[0]}. {found[1]}." if found is not None else ""
    return page(
        request,
        "question.html",
        status=status,
        asked=asked,
        contacts=shown.contacts,
        next_after=shown.next_after,
        can_decide=is_open and about_contacts,
        can_close=is_open and asked.kind in FINDINGS,
        not_yet=not_yet,
        plan_waits=asked.plan_status is PlanStatus.PENDING_REVIEW,
        told=told,
        problem=problem,
        note=note,
    )
