"""What takes something back or is asked for by a person: undo, redo, reinstate, release, suppress; and what became of it.

Each does what the command of the same name does, for the person of the token. It talks with Mailjet for longer than a caller
should wait: the answer is the number of a request, which a sensor starts; ``/api/requests`` says what became of it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from list_pipeline.api.common import (
    LARGEST_ID,
    After,
    ContactId,
    IdempotencyKey,
    Key,
    Limit,
    Model,
    Note,
    Number,
    Reader,
    Reason,
    Reviewer,
    shown_as,
)
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import MOST_CONTACTS, RequestKind
from list_pipeline.operations.run_requests.corrections import (
    request_redo,
    request_reinstatement,
    request_release,
    request_suppression,
    request_undo,
)
from list_pipeline.operations.run_requests.shown import RequestShown, request_shown, requests_page
from list_pipeline.operations.services import Services

_EXAMPLE: dict[str, Any] = {
    "number": 4,
    "kind": "undo",
    "campaign": "2026-11-20-r1-7",
    "week": None,
    "sweep": "24h",
    "contacts": [],
    "contactsInAll": 0,
    "note": "the wrong list",
    "despiteComplaint": False,
    "requestedAt": "2026-11-21T11:00:00Z",
    "requestedBy": "Ada",
    "startedAt": "2026-11-21T11:00:20Z",
    "endedAt": "2026-11-21T11:00:41Z",
    "outcome": "done",
    "words": "The maintenance is rolled back: 68 changes taken back, 0 left.",
    "plans": [15, 16],
    "maintenanceLogId": None,
    "healthCheckId": None,
}


class Undo(Model):
    """Which maintenance is taken back, and why."""

    model_config = shown_as(note="the wrong list")

    note: Note = ""
    sweep: Sweep = Sweep.H24
    despite_complaint: bool = Field(
        default=False, description="Also take back what a complaint led to. Be sure that these people want mail."
    )


class Redo(Model):
    """Which undo is taken back, and why."""

    model_config = shown_as(note="it was right after all")

    note: Note = ""
    sweep: Sweep = Sweep.H24


class Reinstatement(Model):
    """Why a suppression is taken back."""

    model_config = shown_as(note="wrote that they want mail")

    note: Note = ""
    despite_complaint: bool = Field(default=False, description="Also of somebody who complained; be sure.")


class Release(Model):
    """Why a quarantine ends."""

    model_config = shown_as(note="the operator is back")

    note: Note = ""


class Suppression(Model):
    """Who is suppressed, by id, and why. It becomes a plan with a gate: where that needs a person, the plan waits."""

    model_config = shown_as(contactIds=[254510270], reason="by phone")

    contact_ids: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] = Field(min_length=1, max_length=MOST_CONTACTS)
    reason: Reason


class Requested(Model):
    """The request that was written down; asked for again before it ended, the same number is answered."""

    model_config = shown_as(requestId=4)

    request_id: int


class Requests(Model):
    """Requests, the latest first."""

    model_config = shown_as(requests=[_EXAMPLE], nextAfter=None)

    requests: tuple[RequestShown, ...]
    next_after: int | None


class Request(Model):
    """A request, and what became of it."""

    model_config = shown_as(request=_EXAMPLE)

    request: RequestShown


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api", tags=["corrections"])

    @routes.post("/campaigns/{key}/undo", status_code=202)
    def undo(key: Key, asked: Undo, who: Reviewer, idempotency: IdempotencyKey = None) -> Requested:
        return Requested(
            request_id=request_undo(
                services,
                key,
                who,
                note=asked.note,
                sweep=asked.sweep,
                despite_complaint=asked.despite_complaint,
                idempotency_key=idempotency,
            )
        )

    @routes.post("/campaigns/{key}/redo", status_code=202)
    def redo(key: Key, asked: Redo, who: Reviewer, idempotency: IdempotencyKey = None) -> Requested:
        return Requested(
            request_id=request_redo(services, key, who, note=asked.note, sweep=asked.sweep, idempotency_key=idempotency)
        )

    @routes.post("/contacts/{contact_id}/reinstate", status_code=202)
    def reinstate(
        contact_id: ContactId, asked: Reinstatement, who: Reviewer, idempotency: IdempotencyKey = None
    ) -> Requested:
        return Requested(
            request_id=request_reinstatement(
                services,
                contact_id,
                who,
                note=asked.note,
                despite_complaint=asked.despite_complaint,
                idempotency_key=idempotency,
            )
        )

    @routes.post("/contacts/{contact_id}/release", status_code=202)
    def release(contact_id: ContactId, asked: Release, who: Reviewer, idempotency: IdempotencyKey = None) -> Requested:
        return Requested(
            request_id=request_release(services, contact_id, who, note=asked.note, idempotency_key=idempotency)
        )

    @routes.post("/suppressions", status_code=202)
    def suppress(asked: Suppression, who: Reviewer, idempotency: IdempotencyKey = None) -> Requested:
        return Requested(
            request_id=request_suppression(
                services, asked.contact_ids, who, reason=asked.reason, idempotency_key=idempotency
            )
        )

    @routes.get("/requests")
    def requests(_: Reader, after: After = 0, limit: Limit = 50, kind: RequestKind | None = None) -> Requests:
        found = requests_page(services, after=after, limit=limit, kind=kind)
        return Requests(requests=found.entries, next_after=found.next_after)

    @routes.get("/requests/{number}")
    def request(number: Number, _: Reader) -> Request:
        return Request(request=request_shown(services, number))

    return routes
