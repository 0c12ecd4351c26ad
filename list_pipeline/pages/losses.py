"""What a month cost at each mail operator, and what there is to repair on our side."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from list_pipeline.core.errors import NotFoundError
from list_pipeline.operations.sender_faults.listing import FaultList, faults_listed
from list_pipeline.operations.sender_faults.losses import losses_in
from list_pipeline.operations.services import Services
from list_pipeline.pages.rendering import page

Month = Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


def router(services: Services) -> APIRouter:
    """The route, on the services of the process."""
    routes = APIRouter()

    @routes.get("/losses")
    def losses(request: Request, month: Month = None) -> Response:
        found = losses_in(services, date.fromisoformat(f"{month}-01") if month else None)
        return page(request, "losses.html", found=found, faults=latest_faults(services))

    return routes


def latest_faults(services: Services) -> FaultList | None:
    """What there is to repair after the last campaign; None: none was read yet."""
    try:
        return faults_listed(services, None)
    except NotFoundError:
        return None
