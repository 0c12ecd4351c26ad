"""How much the product does by itself: stop everything, or let it go on. What each choice does stands beside its button.

Whoever may start work may stop changes; any other mode is for administrators, and only from the mode that was shown.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Role
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews.operating_mode import choose_mode, mode_history, mode_meanwhile, role_for
from list_pipeline.operations.reviews.waiting import what_waits
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.pages.common import Form, Told, Visiting, is_late
from list_pipeline.pages.rendering import BASE, Visitor, page

_GRADUATED = "graduated"
_LATEST = 10


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/mode")
    def mode(request: Request, visitor: Visiting, told: Told = "") -> Response:
        return _page(request, services, visitor, told=told)

    @routes.post("/mode")
    def set_mode(request: Request, sent: Form, visitor: Visiting) -> Response:
        asked, note = sent.get("mode", ""), sent.get("note", "")
        try:
            _set(services, visitor, asked, sent.get("present", ""), note)
        except RefusedError as error:
            status = 409 if is_late(error) else 403
            return _page(request, services, visitor, problem=str(error), status=status, note=note)
        return RedirectResponse(f"{BASE}/mode?told={asked}", 303)

    return routes


def _set(services: Services, visitor: Visitor, asked: str, present: str, note: str) -> None:
    tried = f"Setting the mode to {asked}" if asked in (*Mode, _GRADUATED) else "Setting the mode"
    if asked not in (*Mode, _GRADUATED):
        raise RefusedError(tried, "the form names no mode", "Use one of its buttons")
    wanted = None if asked == _GRADUATED else Mode(asked)
    needed = role_for(wanted)
    if not visitor.principal.role.may(needed):
        raise NotAReviewerError(
            tried,
            f"{visitor.principal.name} has the role {visitor.principal.role.value}",
            f"A token with the role {needed.value} may",
        )
    if mode_meanwhile(services, wanted, present) is not None:
        raise RefusedError(tried, "the mode is another one by now than the page showed", "Look again; nothing was done")
    choose_mode(services, wanted, by=visitor.principal.name, note=note)


def _page(
    request: Request,
    services: Services,
    visitor: Visitor,
    *,
    told: str = "",
    problem: str = "",
    status: int = 200,
    note: str = "",
) -> Response:
    role = visitor.principal.role
    return page(
        request,
        "mode.html",
        status=status,
        mode=operating_mode(services).value,
        no_change_because=change_block_reason(services),
        waiting=len(what_waits(services).plans),
        history=mode_history(services, _LATEST),
        may_stop=role.may(Role.OPERATOR),
        may_set=role.may(Role.ADMINISTRATOR),
        told=told,
        problem=problem,
        note=note,
    )
