"""Signing in with a token, once a day, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import RefusedError
from list_pipeline.operations.page_sessions import begin_session, end_session
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import principal_of, wait_before_next
from list_pipeline.pages.common import Form
from list_pipeline.pages.guard import SIGN_IN, Cookies, inner_path
from list_pipeline.pages.rendering import page

_LONGEST_TOKEN = 200


def router(services: Services, cookies: Cookies) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/sign-in")
    def form(request: Request, to: Annotated[str, Query(max_length=1_000)] = "") -> Response:
        if request.state.visitor is not None:
            return RedirectResponse(inner_path(to), 303)
        return page(request, "sign_in.html", to=inner_path(to), problem="")

    @routes.post("/sign-in")
    def sign_in(request: Request, sent: Form) -> Response:
        to, token = inner_path(sent.get("to", "")), sent.get("token", "").strip()
        principal = principal_of(services, token) if len(token) <= _LONGEST_TOKEN else None
        wait = wait_before_next(services, principal)
        if wait is not None:
            return _again(request, to, f"Too many attempts. Try it again in {wait} s.", 429)
        if principal is None:
            return _again(
                request, to, "This token is not known, or it is over. Ask whoever made it for another one.", 403
            )
        try:
            secret = begin_session(services, principal)
        except RefusedError as error:
            return _again(request, to, str(error), 403)
        if request.state.visitor is not None:
            end_session(services, request.cookies.get(cookies.session, ""))
        answer = RedirectResponse(to, 303)
        answer.headers.append("set-cookie", cookies.set(cookies.session, secret))
        return answer

    @routes.post("/sign-out")
    def sign_out(request: Request) -> Response:
        end_session(services, request.cookies.get(cookies.session, ""))
        answer = RedirectResponse(SIGN_IN, 303)
        answer.headers.append("set-cookie", cookies.set(cookies.session, ""))
        return answer

    return routes


def _again(request: Request, to: str, problem: str, status: int) -> Response:
    return page(request, "sign_in.html", status=status, to=to, problem=problem)
