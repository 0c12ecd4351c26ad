"""The application: its routers, and the services behind them, opened once for the process.

What it answers to whoever is not known says nothing about what is inside; there are no pages of documentation without a key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version as installed_version
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from list_pipeline.api import (
    audience,
    audit,
    calendar,
    campaigns,
    contacts,
    corrections,
    event_webhook,
    guard,
    health,
    launches,
    lists,
    metrics,
    mode,
    plans,
    problems,
    quarantine,
    replays,
    reviews,
    sender_faults,
    triggers,
    validations,
)
from list_pipeline.api.answers import Answer
from list_pipeline.api.common import Reader
from list_pipeline.api.description import describe
from list_pipeline.logs import configure_logging
from list_pipeline.mcp.http import PATH as MCP_PATH
from list_pipeline.mcp.http import Endpoint
from list_pipeline.operations.monitoring.latest_look import LatestLook
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import check_environment
from list_pipeline.pages import app as pages
from list_pipeline.settings import read_settings
from list_pipeline.storage.server_clock import ServerClock

_NOUNS = (
    audience,
    audit,
    calendar,
    campaigns,
    contacts,
    corrections,
    launches,
    lists,
    mode,
    plans,
    quarantine,
    replays,
    reviews,
    sender_faults,
    triggers,
    validations,
)
"""The modules below ``/api``, one a noun."""


def create_app_behind_proxy() -> FastAPI:
    """The application of the environment, of which every request comes through a proxy.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    return create_app(behind_proxy=True)


def create_app(services: Services | None = None, *, behind_proxy: bool = False) -> FastAPI:
    """The application.

    Args:
        services: closed by whoever made them; None: made of the environment, and closed with the application.
        behind_proxy: a proxy that ends TLS stands in front; where one signs people in, its word is believed.

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
    # The look at the services measures spans while the database is away, with a clock that may guess: it must not be the one by
    # which requests write.
    watching = Services(own.settings, None if isinstance(own.clock, ServerClock) else own.clock)

    look = LatestLook(watching)
    endpoint = Endpoint(own, look)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Made by one thread, before many ask for them at once.
        for name in ("database", "clock"):
            getattr(own, name)
        try:
            async with endpoint.running():
                yield
        finally:
            watching.close()
            if services is None:
                own.close()

    app = FastAPI(
        title="list_pipeline",
        version=installed_version("list_pipeline"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        default_response_class=Answer,
        redirect_slashes=False,
    )
    app.include_router(event_webhook.router(own), include_in_schema=False)
    app.include_router(health.router(look))
    app.include_router(metrics.router(own))
    for noun in _NOUNS:
        app.include_router(noun.router(own))

    app.router.routes.append(Route(MCP_PATH, endpoint, methods=["POST"], include_in_schema=False))

    @app.get("/api/openapi.json", include_in_schema=False)
    def description(_: Reader) -> dict[str, Any]:
        return describe(app)

    pages.install(app, own, behind_proxy=behind_proxy)
    problems.install(app)
    app.add_middleware(guard.Guard, services=own)
    return app


def check_settings(services: Services) -> None:
    """Whether everything is set that the service needs, asked before it opens a port.

    Raises:
        ConfigurationError: something is missing; the message names the variable.
    """
    services.settings.secret("database_url")
    check_environment(services.settings)
