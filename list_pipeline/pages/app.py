"""The application of the pages, as a part of the HTTP service.

What is an error is said on a page in words; nothing of what is inside is on it.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from list_pipeline.core.errors import (
    ConfigurationError,
    ListPipelineError,
    LockHeldError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.services import Services
from list_pipeline.pages import (
    audience,
    audit,
    calendar,
    campaigns,
    contacts,
    corrections,
    dashboard,
    launches,
    losses,
    maintenance,
    mode,
    plans,
    questions,
    sign_in,
    waiting,
    weeks,
)
from list_pipeline.pages.guard import Cookies, Guard
from list_pipeline.pages.rendering import BASE, page

log = structlog.get_logger(__name__)

_STATIC = Path(__file__).parent / "static"
_NOUNS = (
    audience,
    audit,
    calendar,
    campaigns,
    contacts,
    corrections,
    dashboard,
    launches,
    losses,
    maintenance,
    mode,
    plans,
    questions,
    waiting,
    weeks,
)


def install(app: FastAPI, services: Services, *, behind_proxy: bool) -> None:
    """Add the pages to the service.

    Args:
        behind_proxy: a proxy that ends TLS stands in front; the header in which it names people is believed.
    """

    def home() -> Response:
        return RedirectResponse(f"{BASE}/waiting", 303)

    for path in ("/", BASE):
        app.add_api_route(path, home, include_in_schema=False)
    app.mount(BASE, pages_app(services, behind_proxy=behind_proxy))


def pages_app(services: Services, *, behind_proxy: bool) -> ASGIApp:
    """The pages, behind their guard."""
    is_encrypted = behind_proxy or (services.settings.app_url or "").startswith("https:")
    cookies = Cookies(is_encrypted=is_encrypted)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(sign_in.router(services, cookies))
    for noun in _NOUNS:
        app.include_router(noun.router(services))

    @app.get("/")
    def home() -> Response:
        return RedirectResponse(f"{BASE}/waiting", 303)

    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_exception_handler(ListPipelineError, _of_product)
    app.add_exception_handler(RequestValidationError, _no_such_page)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(Exception, _unforeseen)
    return Guard(app, services, cookies, trusts_proxy=behind_proxy)


def status_of(error: ListPipelineError) -> int:
    """The status of an error of ours."""
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, NotAReviewerError):
        return 403
    if isinstance(error, TransientError | ConfigurationError | LockHeldError):
        return 503
    return 409 if isinstance(error, RefusedError) else 500


async def _of_product(request: Request, error: Exception) -> Response:
    assert isinstance(error, ListPipelineError)
    status = status_of(error)
    if status == 500:
        log.error("a page failed", path=request.url.path, error=str(error))
        return _error(request, 500, "Something went wrong here. The log says what; nothing was changed by looking.")
    return _error(request, status, str(error))


async def _no_such_page(request: Request, _: Exception) -> Response:
    return _error(request, 404, "There is no such page. The link may be cut off.")


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "There is no such page." if error.status_code == 404 else "This page is not asked for in this way."
    return _error(request, error.status_code, words)


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("a page failed", path=request.url.path, error_type=type(error).__name__)
    return _error(request, 500, "Something went wrong here. The log says what.")


def _error(request: Request, status: int, words: str) -> Response:
    return page(request, "error.html", status=status, number=status, words=words)
