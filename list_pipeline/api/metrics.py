"""Figures: ``GET /metrics`` for a monitor, in Prometheus' text format, and ``GET /api/metrics`` as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from list_pipeline.api.common import Model, Reader, shown_as
from list_pipeline.operations.monitoring.document import MetricsDocument, metrics_shown
from list_pipeline.operations.monitoring.exported import CONTENT_TYPE, exported_text
from list_pipeline.operations.services import Services

PATH = "/metrics"
MOST_DAYS = 366


class Metrics(Model):
    """How long the workflows took, what they asked of Mailjet, the advisors, messages and failed runs."""

    model_config = shown_as(
        metrics={
            "start": "2026-11-14T10:00:00Z",
            "end": "2026-11-21T10:00:00Z",
            "workflows": [],
            "advisors": [],
            "messages": {"messages": 4, "delivered": 1.0, "p95S": 1.2, "late": 0},
            "jobs": {"weekly_health_check": {"runs": 1, "failed": 0}},
            "requests": "300 a minute",
            "connections": {"used": 9, "allowed": 100},
            "rollbackTriggers": [{"trigger": "latency", "isHit": False, "words": "The P95 is 76 s."}],
        }
    )

    metrics: MetricsDocument


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get(PATH, response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics(_: Reader) -> Response:
        return Response(exported_text(services), headers={"content-type": CONTENT_TYPE})

    @routes.get("/api/metrics", tags=["metrics"])
    def as_json(_: Reader, days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 7) -> Metrics:
        return Metrics(metrics=metrics_shown(services, days))

    return routes
