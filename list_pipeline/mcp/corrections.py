"""Tools that correct, each as the person of the token: undo, redo, reinstate, release, suppress; and what became of it.

A correction talks with Mailjet for longer than a caller should wait: it is written down as a request, which a sensor starts.
Who asks for one names the content hash of a plan that it is about, as proof of having looked at that plan.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import RequestKind
from list_pipeline.mcp.arguments import (
    LARGEST_ID,
    Arguments,
    ContactId,
    ContentHash,
    Key,
    Number,
    Page,
    Reason,
    RepeatKey,
    WhichSweep,
)
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, deciding, reading
from list_pipeline.operations.plans.as_shown import refuse_another_campaign, refuse_another_contact
from list_pipeline.operations.run_requests.corrections import (
    request_redo,
    request_reinstatement,
    request_release,
    request_suppression,
    request_undo,
)
from list_pipeline.operations.run_requests.shown import RequestShown, request_shown, requests_page

MOST_CONTACTS = 200
"""Contacts that one call suppresses at the most; a longer list is a file's (``list-pipeline suppress --file``)."""

_DESPITE = "Also what a complaint led to. Only when the person is sure that these people want mail."


class Undo(Arguments):
    """Which maintenance is taken back, and why."""

    campaign: Key
    content_hash: ContentHash
    reason: Reason
    sweep: WhichSweep = Sweep.H24
    despite_complaint: Annotated[bool, Field(description=_DESPITE)] = False
    repeat_key: RepeatKey = None


class Redo(Arguments):
    """Which undo is taken back, and why."""

    campaign: Key
    content_hash: ContentHash
    reason: Reason
    sweep: WhichSweep = Sweep.H24
    repeat_key: RepeatKey = None


class Reinstatement(Arguments):
    """Whose suppression is taken back, and why."""

    contact_id: ContactId
    content_hash: ContentHash
    reason: Reason
    despite_complaint: Annotated[bool, Field(description=_DESPITE)] = False
    repeat_key: RepeatKey = None


class Release(Arguments):
    """Whose quarantine ends, and why."""

    contact_id: ContactId
    content_hash: ContentHash
    reason: Reason
    repeat_key: RepeatKey = None


class Suppression(Arguments):
    """Who is suppressed, and why."""

    contact_ids: Annotated[
        tuple[Annotated[int, Field(ge=1, le=LARGEST_ID)], ...],
        Field(min_length=1, max_length=MOST_CONTACTS, description="Mailjet's numbers of the contacts."),
    ]
    reason: Reason
    repeat_key: RepeatKey = None


class Requested(Result):
    """The number of the request that was written down; asked for again before it ended, it is the same."""

    request: int


class RequestsWanted(Page):
    """Which requests."""

    kind: RequestKind | None = None


class Requests(Result):
    """A page of requests."""

    requests: tuple[RequestShown, ...]
    next_after: int | None


class RequestWanted(Arguments):
    """Which request."""

    number: Number


class Request(Result):
    """A request, and what became of it."""

    request: RequestShown


def undo_maintenance(call: Call, asked: Undo) -> Requested:
    """Ask that what a campaign's maintenance changed at Mailjet is taken back, suppressions too. Only when the person whose
    token this is said so after seeing what was done. `contentHash` is that of a plan of this campaign. A run begins within half
    a minute; `request` says what became of it, and `redo_maintenance` takes it back."""
    tried = f"Undoing the maintenance of {asked.campaign}"
    refuse_another_campaign(call.services, tried, asked.content_hash, asked.campaign, asked.sweep)
    return Requested(
        request=request_undo(
            call.services,
            asked.campaign,
            call.who,
            note=asked.reason,
            sweep=asked.sweep,
            despite_complaint=asked.despite_complaint,
            idempotency_key=asked.repeat_key,
        )
    )


def redo_maintenance(call: Call, asked: Redo) -> Requested:
    """Ask that the undo of a campaign's maintenance is taken back: its contacts are suppressed, moved and enrolled again. Only
    when the person whose token this is said so. `contentHash` is that of a plan of this campaign."""
    tried = f"Taking back the undo of {asked.campaign}"
    refuse_another_campaign(call.services, tried, asked.content_hash, asked.campaign, asked.sweep)
    return Requested(
        request=request_redo(
            call.services,
            asked.campaign,
            call.who,
            note=asked.reason,
            sweep=asked.sweep,
            idempotency_key=asked.repeat_key,
        )
    )


def reinstate_contact(call: Call, asked: Reinstatement) -> Requested:
    """Ask that the suppression of one contact is taken back: it is mailed again, at its old place. Only when the person whose
    token this is said so after seeing why it was suppressed. `contentHash` is that of a plan about this contact, as `contact`
    shows it."""
    tried = f"Reinstating contact {asked.contact_id}"
    refuse_another_contact(call.services, tried, asked.content_hash, asked.contact_id)
    return Requested(
        request=request_reinstatement(
            call.services,
            asked.contact_id,
            call.who,
            note=asked.reason,
            despite_complaint=asked.despite_complaint,
            idempotency_key=asked.repeat_key,
        )
    )


def release_contact(call: Call, asked: Release) -> Requested:
    """Ask that the quarantine of one contact ends now: it is mailed again at once. Only when the person whose token this is
    said so. `contentHash` is that of a plan about this contact, as `contact` shows it."""
    tried = f"Ending the quarantine of contact {asked.contact_id}"
    refuse_another_contact(call.services, tried, asked.content_hash, asked.contact_id)
    return Requested(
        request=request_release(
            call.services, asked.contact_id, call.who, note=asked.reason, idempotency_key=asked.repeat_key
        )
    )


def suppress_contacts(call: Call, asked: Suppression) -> Requested:
    """Ask that contacts are suppressed: off the campaign lists, excluded, onto the suppression list. Only when the person whose
    token this is named exactly these contacts. It becomes a plan with a gate; where the gate objects, the plan waits for
    `approve_plan` with its own content hash. `request` says what became of it."""
    return Requested(
        request=request_suppression(
            call.services, asked.contact_ids, call.who, reason=asked.reason, idempotency_key=asked.repeat_key
        )
    )


def requests(call: Call, asked: RequestsWanted) -> Requests:
    """List what was asked for over HTTP and by tools, the latest first: who asked, whether a run has it, what became of it."""
    found = requests_page(call.services, after=asked.after, limit=asked.limit, kind=asked.kind)
    return Requests(requests=found.entries, next_after=found.next_after)


def request(call: Call, asked: RequestWanted) -> Request:
    """Show one request: whether a run has begun it, what became of it in words, and the plans that it made."""
    return Request(request=request_shown(call.services, asked.number))


TOOLS = (
    reading(requests, "What was asked for"),
    reading(request, "What became of a request"),
    deciding(undo_maintenance, "Undo a maintenance", is_destructive=True),
    deciding(redo_maintenance, "Take an undo back", is_destructive=True),
    deciding(reinstate_contact, "Reinstate a contact", is_destructive=True),
    deciding(release_contact, "Release a contact from quarantine", is_destructive=True),
    deciding(suppress_contacts, "Suppress contacts", is_destructive=True),
)
