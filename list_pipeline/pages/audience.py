"""The new audience: how many, who is not taken and why, how it would be divided, and asking for that.

What would be divided is shown first, and asked for with a second page: where it is another division by then, nothing is planned
and the page shows it anew. The plan itself has its own page, where somebody decides on it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.foreign_text import LARGEST_COUNT
from list_pipeline.operations.audience.shown import lines_of, lines_of_proposal, split_shown
from list_pipeline.operations.audience.splitting import Wanted, audience_now, propose, split, splits
from list_pipeline.operations.services import Services
from list_pipeline.pages.common import Form, Visiting, decider, is_late
from list_pipeline.pages.rendering import BASE, page

_TRIED = "Dividing a new audience"

Total = Annotated[str, Query(max_length=10, pattern=r"^\d*$")]
Start = Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")]


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/audience")
    def audience(request: Request, total: Total = "", start: Start = "", look: bool = False) -> Response:
        return _page(request, services, total, start, looks=look)

    @routes.post("/audience")
    def ask(request: Request, sent: Form, visitor: Visiting) -> Response:
        total, start, note = sent.get("total", ""), sent.get("start", ""), sent.get("note", "")
        try:
            by = decider(visitor, _TRIED)
            made = split(services, _wanted(total, start), by=by, note=note, shown=sent.get("shown", ""))
        except RefusedError as error:
            status = 409 if is_late(error) else 403
            return _page(request, services, total, start, looks=True, problem=str(error), status=status, note=note)
        return RedirectResponse(f"{BASE}/plans/{made.plan_id}", 303)

    return routes


def _wanted(total: str, start: str) -> Wanted:
    """What the form asks for.

    Raises:
        RefusedError: it is no number, or no day.
    """
    try:
        count = int(total) if total else None
        day = date.fromisoformat(start) if start else None
    except ValueError as error:
        raise RefusedError(_TRIED, "the form names no number or no day", "Use its fields") from error
    if count is not None and count > LARGEST_COUNT:
        raise RefusedError(_TRIED, "so many contacts there are not", "Give a smaller number")
    return Wanted(count, day)


def _page(
    request: Request,
    services: Services,
    total: str,
    start: str,
    *,
    looks: bool,
    problem: str = "",
    status: int = 200,
    note: str = "",
) -> Response:
    found, proposal = audience_now(services), None
    if looks:
        try:
            proposal = propose(services, _wanted(total, start))
        except RefusedError as error:
            problem, status = problem or str(error), status if problem else 409
    return page(
        request,
        "audience.html",
        status=status,
        lines=lines_of(found),
        found=found,
        plans=[split_shown(one) for one in splits(services)],
        proposal=proposal,
        told=lines_of_proposal(proposal) if proposal is not None else (),
        total=total,
        start=start,
        problem=problem,
        note=note,
    )
