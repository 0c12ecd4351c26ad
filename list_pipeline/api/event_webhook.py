"""``POST /webhooks/mailjet``: Mailjet's Event API, both versions.

Mailjet knows no signature: name and password of HTTP Basic, which stand in the URL that is registered there, are all that tells
its events from anybody's. So they are asked for before a byte of the body is read, and compared in the same time whatever is
sent. 200 means that everything is committed. Mailjet sends anything else again for a day, and may give the URL up; therefore
what will never be readable is counted and answered with 200 too.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from list_pipeline.integrations.mailjet.events import EventProblemError, elements_of
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.told_events.receive import receive
from list_pipeline.settings import Settings

log = structlog.get_logger(__name__)

PATH = "/webhooks/mailjet"
LONGEST_BODY = 4 * 1024 * 1024
"""Bytes. Mailjet puts the events of one second into one request; an event has some 500 bytes."""
MOST_EVENTS = 5_000
"""Events of one request, which are one transaction."""
_LONGEST_CREDENTIALS = 1_000
_REALM = {"WWW-Authenticate": 'Basic realm="events", charset="UTF-8"'}


def router(services: Deciding) -> APIRouter:
    """The one route, on the services of the process."""
    routes = APIRouter()

    @routes.post(PATH)
    async def take(request: Request) -> dict[str, int]:
        if services.settings.event_webhook_password is None:
            # Mailjet sends them again for a day, so that nothing is lost while somebody sets it.
            raise HTTPException(503, "No events are received: EVENT_WEBHOOK_PASSWORD is not set")
        if not is_known(request.headers.get("authorization", ""), services.settings):
            log.warning("told events refused: wrong name or password")
            raise HTTPException(401, "Who are you?", _REALM)
        body = await read_bounded(request)
        if _holds_too_many(body):
            log.warning("told events refused: too many at once", bytes=len(body))
            raise HTTPException(413, f"At most {MOST_EVENTS} events at once")
        received = await run_in_threadpool(receive, services, body)
        return {"received": received.outcomes.total(), "refused": received.problems.total()}

    return routes


def is_known(header: str, settings: Settings) -> bool:
    """Whether an ``Authorization`` header holds the name and password that are set."""
    scheme, _, encoded = header.partition(" ")
    given = b""
    if scheme.lower() == "basic" and len(encoded) <= _LONGEST_CREDENTIALS:
        try:
            given = b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
    wanted = f"{settings.event_webhook_user}:{settings.secret('event_webhook_password')}".encode()
    return secrets.compare_digest(given, wanted)


async def read_bounded(request: Request) -> bytes:
    """The body, as far as it is no longer than it may be; what is longer is not read to its end.

    Raises:
        HTTPException: 413.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > LONGEST_BODY:
        raise HTTPException(413, f"At most {LONGEST_BODY} bytes")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"At most {LONGEST_BODY} bytes")
    return bytes(body)


def _holds_too_many(body: bytes) -> bool:
    # No event is shorter than this: most bodies need not be parsed twice.
    if len(body) < 2 * MOST_EVENTS:
        return False
    try:
        return len(elements_of(body)) > MOST_EVENTS
    except EventProblemError:
        return False
