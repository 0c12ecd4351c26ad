"""Launch changes: what would be done is shown first, asked for with a second page, and decided by a reviewer.

What a page showed is what is asked for, and what is decided: where it is another thing by then, nothing is written and the page
shows it anew. A run carries out what was approved. Does not belong here: the rules, and carrying out (``operations.launches``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import RefusedError, TransientError
from list_pipeline.core.launches.changes import WITH_INSTANT, LaunchAction
from list_pipeline.core.launches.rules import OFF, instant_of
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.tokens import Role
from list_pipeline.operations.launches import asking, deciding
from list_pipeline.operations.launches.looking import Wanted, look
from list_pipeline.operations.launches.shown import LookShown, launch_shown, launches_page, look_shown, open_launches
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.pages.common import ENTRIES, After, Form, Number, Told, Visiting, decider, is_late
from list_pipeline.pages.rendering import BASE, Visitor, page

Target = Annotated[str, Query(max_length=100, pattern=r"^[\w.:-]*$")]
At = Annotated[str, Query(max_length=40)]


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/launches")
    def launches(request: Request, visitor: Visiting, after: After = 0) -> Response:
        return page(
            request,
            "launches.html",
            waiting=open_launches(services) if not after else (),
            found=launches_page(services, after=after, limit=ENTRIES),
            off_because="" if services.settings.launches_from_here else f"{OFF[0]}. {OFF[1]}.",
            may_ask=visitor.principal.role.may(Role.OPERATOR),
            actions=tuple(LaunchAction),
        )

    @routes.get("/launches/new")
    def before(request: Request, visitor: Visiting, action: LaunchAction, target: Target = "", at: At = "") -> Response:
        return _look_page(request, services, visitor, action, target, at)

    @routes.post("/launches/new")
    def ask(request: Request, sent: Form, visitor: Visiting) -> Response:
        action, target, at = sent.get("action", ""), sent.get("target", ""), sent.get("at", "")
        note = sent.get("note", "")
        if action not in tuple(LaunchAction):
            raise RefusedError("Asking for a launch change", "the form names no action", "Use the form of the page")
        wanted = LaunchAction(action)
        try:
            _require_operator(visitor, f"{wanted.gerund} {target}")
            made = asking.ask_for_launch(
                services,
                _wanted(wanted, target, at),
                by=visitor.principal.name,
                note=note,
                content_hash=sent.get("content_hash", ""),
                may_decide=visitor.may_decide,
                way=Way.PAGE,
                at_once=True,
            )
        except RefusedError as error:
            status = 409 if is_late(error) else 403
            return _look_page(
                request, services, visitor, wanted, target, at, problem=str(error), status=status, note=note
            )
        return RedirectResponse(f"{BASE}/launches/{made.launch_id}?told=ask", 303)

    @routes.get("/launches/{number}")
    def one(request: Request, number: Number, told: Told = "") -> Response:
        return _page(request, services, number, told=told)

    @routes.post("/launches/{number}")
    def decide(request: Request, number: Number, sent: Form, visitor: Visiting) -> Response:
        decision, note = sent.get("decision", ""), sent.get("note", "")
        shown = sent.get("content_hash", "")
        try:
            by = decider(visitor, "Deciding")
            if decision == "approve":
                deciding.approve_launch(services, number, by=by, content_hash=shown, note=note, way=Way.PAGE)
            elif decision == "reject":
                deciding.reject_launch(services, number, by=by, content_hash=shown, note=note, way=Way.PAGE)
            else:
                raise RefusedError("Deciding", "the form names no decision", "Use one of its buttons")
        except RefusedError as error:
            status = 409 if is_late(error) else 403
            return _page(request, services, number, problem=str(error), status=status, note=note)
        return RedirectResponse(f"{BASE}/launches/{number}?told={decision}", 303)

    return routes


def _require_operator(visitor: Visitor, tried: str) -> None:
    if not visitor.principal.role.may(Role.OPERATOR):
        raise NotAReviewerError(
            tried,
            f"{visitor.principal.name} has the role {visitor.principal.role.value}",
            f"A token with the role {Role.OPERATOR.value} may ask",
        )


def _wanted(action: LaunchAction, target: str, at: str) -> Wanted:
    needs = action in WITH_INSTANT and at.strip()
    return Wanted(action, target.strip(), instant_of(at, f"{action.gerund} {target}") if needs else None)


def _look_page(
    request: Request,
    services: Services,
    visitor: Visitor,
    action: LaunchAction,
    target: str,
    at: str,
    *,
    problem: str = "",
    status: int = 200,
    note: str = "",
) -> Response:
    found: LookShown | None = None
    is_asked = bool(target.strip()) and (bool(at.strip()) or action not in WITH_INSTANT)
    may_ask = visitor.principal.role.may(Role.OPERATOR)
    if is_asked and may_ask:
        try:
            found = look_shown(look(services, _wanted(action, target, at), at_once=True))
        except (RefusedError, TransientError) as error:
            problem = problem or str(error)
            status = status if status != 200 else 409 if isinstance(error, RefusedError) else 503
    return page(
        request,
        "launch_look.html",
        status=status,
        action=action,
        actions=tuple(LaunchAction),
        needs_instant=action in WITH_INSTANT,
        target=target,
        at=at,
        look=found,
        may_ask=may_ask,
        is_own=action is LaunchAction.CANCEL and visitor.may_decide,
        problem=problem,
        note=note,
    )


def _page(
    request: Request,
    services: Services,
    number: int,
    *,
    told: str = "",
    problem: str = "",
    status: int = 200,
    note: str = "",
) -> Response:
    return page(
        request,
        "launch.html",
        status=status,
        launch=launch_shown(services, number),
        no_change_because=change_block_reason(services),
        told=told,
        problem=problem,
        note=note,
    )
