"""``GET /health``: whether the product could work now, for monitors. Anybody may ask, so it says nothing but that.

Each answer is kept for half a minute: a look costs a request to Mailjet, and nobody who asks often makes it cost more.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from list_pipeline.operations.monitoring.dependencies import Health, SystemHealth, check_all
from list_pipeline.operations.services import Services
from list_pipeline.storage.server_clock import ServerClock

PATH = "/health"
KEPT = timedelta(seconds=30)
TIMEOUT_S = 5.0
"""Seconds that each service gets."""
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


def router(services: Services) -> APIRouter:
    """The one route. The services are its own: their clock guesses from the first look on."""
    routes, looks = APIRouter(), _Looks(services)

    @routes.get(PATH, response_model=SystemLook, responses={503: {"model": SystemLook}})
    def health() -> JSONResponse:
        found = looks.latest()
        return JSONResponse(_shown(found), 200 if found.status is Health.HEALTHY else 503)

    return routes


class _Looks:
    def __init__(self, services: Services) -> None:
        self._services, self._lock = services, threading.Lock()
        if isinstance(services.clock, ServerClock):
            # Whether the database answers is what is asked; without its time the machine's is good enough to keep an answer.
            services.clock.may_guess = True
        self._last: tuple[datetime, SystemHealth] | None = None

    def latest(self) -> SystemHealth:
        with self._lock:
            now = self._services.clock.now()
            if self._last is None or not timedelta(0) <= now - self._last[0] < KEPT:
                self._last = now, check_all(self._services, timeout_s=TIMEOUT_S)
            return self._last[1]


def _shown(found: SystemHealth) -> Mapping[str, Any]:
    checks = {
        name: {"status": found.checks[name].status.value, "latencyMs": found.checks[name].latency_ms} for name in SHOWN
    }
    if found.checks["schema"].status is Health.UNHEALTHY:
        checks["database"]["status"] = Health.UNHEALTHY.value
    return {"status": found.status.value, "timestamp": found.timestamp.isoformat(), "checks": checks}
