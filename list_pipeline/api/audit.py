"""Who did what: ``/api/audit``, everything that people decided or asked for, the latest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from list_pipeline.api.common import KeyFilter, Limit, Model, Reader, shown_as
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.audit import audit_page
from list_pipeline.storage.audit import AuditRow


class Audit(Model):
    """What people did. ``next_cursor``: ``cursor`` of the next page; None: this is the last."""

    model_config = shown_as(
        entries=[
            {
                "at": "2026-11-21T11:00:00Z",
                "by": "Ada",
                "what": "plan_approved",
                "about": "plan 12 (suppression)",
                "campaign": "2026-11-20-r1-7",
                "note": "looked at all of them",
                "source": "plan_decision",
                "number": 12,
            }
        ],
        nextCursor=None,
    )

    entries: tuple[AuditRow, ...]
    next_cursor: str | None


def router(services: Services) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter(prefix="/api/audit", tags=["audit"])

    @routes.get("")
    def audit(
        _: Reader,
        cursor: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        limit: Limit = 50,
        by: Annotated[str | None, Query(min_length=1, max_length=100, description="Only of this person.")] = None,
        campaign: KeyFilter = None,
        since: Annotated[AwareDatetime | None, Query(description="An instant with its offset from UTC.")] = None,
    ) -> Audit:
        at: datetime | None = since
        found = audit_page(services, limit=limit, cursor=cursor, by=by, campaign=campaign, since=at)
        return Audit(entries=found.entries, next_cursor=found.next_cursor)

    return routes
