"""The application: its routers, and the services behind them, opened once for the process.

What it answers to whoever is not known says nothing about what is inside; there are no pages of documentation without a key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from list_pipeline.api import event_webhook
from list_pipeline.core.errors import ConfigurationError, ListPipelineError, TransientError
from list_pipeline.logs import configure_logging
from list_pipeline.operations.services import Services
from list_pipeline.settings import read_settings

log = structlog.get_logger(__name__)


def create_app(services: Services | None = None) -> FastAPI:
    """The application.

    Args:
        services: closed by whoever made them; None: made of the environment, and closed with the application.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    if services is None:
        settings = read_settings()
        configure_logging(settings)
        own = Services(settings)
    else:
        own = services
    check_settings(own)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Made by one thread, before many ask for them at once.
        for name in ("database", "clock"):
            getattr(own, name)
        try:
            yield
        finally:
            if services is None:
                own.close()

    app = FastAPI(title="list_pipeline", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(event_webhook.router(own))
    app.add_exception_handler(ListPipelineError, _answer_error)
    return app


def check_settings(services: Services) -> None:
    """Whether everything is set that the service needs, asked before it opens a port.

    Raises:
        ConfigurationError: something is missing; the message names the variable.
    """
    services.settings.secret("event_webhook_password")
    services.settings.secret("database_url")


async def _answer_error(_: Request, error: Exception) -> JSONResponse:
    """An error of ours in words for machines: try again, or not."""
    is_passing = isinstance(error, (TransientError, ConfigurationError))
    log.error("a request failed", error=str(error))
    words = "Not available now; send it again" if is_passing else "It failed; the log says why"
    return JSONResponse({"title": words}, status_code=503 if is_passing else 500)
