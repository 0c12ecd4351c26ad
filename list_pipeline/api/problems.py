"""Errors as RFC 9457 problems: what was tried, what happened and what to do next; nothing of what is inside.

https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from list_pipeline.api.answers import Answer
from list_pipeline.core.errors import (
    ConfigurationError,
    ListPipelineError,
    LockHeldError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.run_requests.asking import KeyReusedError, SwitchedOffError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """An answer that is no success. ``detail`` is for people; ``more`` are further members of the problem."""

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers, more


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> JSONResponse:
    """A problem as an answer; its title is that of its status. What it repeats of a request, such as the name of a field, is as
    clean as any other answer."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Answer({**body, **(more or {})}, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of an application as a problem."""
    app.add_exception_handler(ProblemError, _ours)
    app.add_exception_handler(ListPipelineError, _of_product)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(Exception, _unforeseen)


def status_of(error: ListPipelineError) -> int:
    """The status of an error of ours."""
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, NotAReviewerError):
        return 403
    if isinstance(error, KeyReusedError):
        return 422
    if isinstance(error, SwitchedOffError | TransientError | ConfigurationError | LockHeldError):
        return 503
    return 409 if isinstance(error, RefusedError) else 500


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return problem(error.status, error.detail, error.headers, error.more)


async def _of_product(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ListPipelineError)
    status = status_of(error)
    if isinstance(error, NotFoundError | RefusedError):
        return problem(status, str(error))
    log.error("a request failed", error=str(error))
    return problem(status, "Not available now; send it again" if status == 503 else "It failed; the log says why")


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # What was sent is not sent back.
    wrong = [
        {"where": ".".join(map(str, one["loc"]))[:200], "what": str(one["msg"])[:200]} for one in error.errors()[:20]
    ]
    return problem(422, "The request is not as it should be", more={"errors": wrong})


async def _of_framework(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        # What the framework says of a body that it cannot parse: no UTF-8, no JSON, nested without end.
        return problem(422, "The request is not as it should be: its body cannot be read")
    return problem(error.status_code, str(error.detail), error.headers)


async def _unforeseen(_: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", kind=type(error).__name__)
    return problem(500, "It failed; the log says why")
