"""Validations of lists before their campaigns: ``/api/validations``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from list_pipeline.api.common import After, KeyFilter, Limit, Model, Number, Reader, shown_as
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.pages import ValidationShown, validation_shown, validations_page
from list_pipeline.storage.views import ValidationRow

_EXAMPLE: dict[str, Any] = {
    "number": 3,
    "campaign": "2026-11-21-r2-9",
    "list": "campaign_2",
    "scheduledAt": "2026-11-21T21:19:00Z",
    "validatedAt": "2026-11-21T06:00:00Z",
    "verdict": "critical",
    "isBlocking": True,
    "finishedAt": "2026-11-21T06:00:04Z",
}


class Validations(Model):
    """Validations, the latest first."""

    model_config = shown_as(validations=[_EXAMPLE], nextAfter=None)

    validations: tuple[ValidationRow, ...]
    next_after: int | None


class Validation(Model):
    """A validation with what each rule found."""

    model_config = shown_as(
        found={
            "validation": _EXAMPLE,
            "leftBecause": None,
            "rules": [
                {
                    "rule": "list_size",
                    "severity": "passed",
                    "words": "1,164 contacts would be mailed.",
                    "action": "",
                    "details": {},
                }
            ],
        }
    )

    found: ValidationShown


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/validations", tags=["validations"])

    @routes.get("")
    def validations(
        _: Reader,
        after: After = 0,
        limit: Limit = 50,
        campaign: KeyFilter = None,
        verdict: Severity | None = None,
    ) -> Validations:
        found = validations_page(services, after=after, limit=limit, campaign=campaign, verdict=verdict)
        return Validations(validations=found.entries, next_after=found.next_after)

    @routes.get("/{number}")
    def validation(number: Number, _: Reader) -> Validation:
        return Validation(found=validation_shown(services, number))

    return routes
