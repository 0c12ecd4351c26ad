"""Who did what, the latest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from list_pipeline.operations.services import Services
from list_pipeline.operations.views.audit import audit_page
from list_pipeline.pages.common import ENTRIES, KeyFilter
from list_pipeline.pages.rendering import page


def router(services: Services) -> APIRouter:
    """The route, on the services of the process."""
    routes = APIRouter()

    @routes.get("/audit")
    def audit(
        request: Request,
        cursor: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        by: Annotated[str, Query(max_length=100)] = "",
        campaign: KeyFilter = None,
    ) -> Response:
        found = audit_page(services, limit=ENTRIES, cursor=cursor, by=by.strip() or None, campaign=campaign or None)
        return page(request, "audit.html", found=found, by=by.strip(), campaign=campaign or "")

    return routes
