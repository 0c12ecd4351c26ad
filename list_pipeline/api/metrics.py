"""``GET /metrics``: the figures for a monitor, in Prometheus' text format, to whoever has a token that may read."""

from __future__ import annotations

from fastapi import APIRouter, Response

from list_pipeline.api.triggers import Reader
from list_pipeline.operations.monitoring.exported import CONTENT_TYPE, exported_text
from list_pipeline.operations.services import Services

PATH = "/metrics"


def router(services: Services) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter()

    @routes.get(PATH, response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics(_: Reader) -> Response:
        return Response(exported_text(services), headers={"content-type": CONTENT_TYPE})

    return routes
