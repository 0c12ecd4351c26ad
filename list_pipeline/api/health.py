"""``GET /health``: whether the product could work now, for monitors. Anybody may ask, so it says nothing but that.

Each answer is kept for half a minute: a look costs a request to Mailjet, and nobody who asks often makes it cost more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from list_pipeline.operations.monitoring.dependencies import Health, SystemHealth
from list_pipeline.operations.monitoring.latest_look import LatestLook

PATH = "/health"
SHOWN = ("database", "redis", "mailjet", "slack", "gemini")


class Check(BaseModel):
    """How one service is. ``latencyMs``: milliseconds until it answered; None: it was not asked, or gave none."""

    status: Health
    latencyMs: int | None  # noqa: N815  # as monitors read it


class SystemLook(BaseModel):
    """Whether the product could work now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "healthy",
                    "timestamp": "2026-11-21T10:00:00+00:00",
                    "checks": {"database": {"status": "healthy", "latencyMs": 3}},
                }
            ]
        }
    )

    status: Health
    timestamp: datetime
    checks: dict[str, Check]


def router(look: LatestLook) -> APIRouter:
    """The one route, on looks at what the services of the process depend on."""
    routes = APIRouter()

    @routes.get(PATH, response_model=SystemLook, responses={503: {"model": SystemLook}})
    def health() -> JSONResponse:
        found = look.latest()
        return JSONResponse(_shown(found), 200 if found.status is Health.HEALTHY else 503)

    return routes


def _shown(found: SystemHealth) -> Mapping[str, Any]:
    checks = {
        name: {"status": found.checks[name].status.value, "latencyMs": found.checks[name].latency_ms} for name in SHOWN
    }
    if found.checks["schema"].status is Health.UNHEALTHY:
        checks["database"]["status"] = Health.UNHEALTHY.value
    return {"status": found.status.value, "timestamp": found.timestamp.isoformat(), "checks": checks}
