"""Taking back and correcting: what would happen is shown first, and asked for with a second page; then what became of it.

A page before an undo, a redo or a reinstatement shows what our rows say would be changed, and asks for exactly that: where it
is another thing by then, nothing is asked for and the page shows it anew. Does not belong here: what a correction does
(``operations.plans``); a run carries it out, as for whoever asks over HTTP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import LockHeldError, RefusedError
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.plan import ItemAction, Sweep
from list_pipeline.core.run_requests import CORRECTIONS, RequestKind
from list_pipeline.operations.plans.previews import Preview, preview_redo, preview_reinstatement, preview_undo
from list_pipeline.operations.run_requests.corrections import (
    request_redo,
    request_reinstatement,
    request_release,
    request_suppression,
    request_undo,
)
from list_pipeline.operations.run_requests.shown import request_shown, requests_page
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import existing_plan
from list_pipeline.pages.common import ENTRIES, After, ContactId, Form, Key, Number, Visiting, decider, is_late
from list_pipeline.pages.rendering import BASE, Visitor, page


class OfCampaign(StrEnum):
    """What is asked for about a campaign."""

    UNDO = RequestKind.UNDO.value
    REDO = RequestKind.REDO.value


class OfContact(StrEnum):
    """What is asked for about a contact."""

    REINSTATE = RequestKind.REINSTATE.value
    RELEASE = RequestKind.RELEASE.value
    SUPPRESS = RequestKind.SUPPRESS.value


@dataclass(frozen=True, slots=True)
class Wanted:
    """A correction that somebody thinks of: of one look at a campaign, or of one contact."""

    kind: RequestKind
    key: str = ""
    sweep: Sweep = Sweep.H24
    contact_id: int = 0

    @property
    def tried(self) -> str:
        """In words, as errors begin."""
        return _TRIED[self.kind].format(key=self.key, contact=self.contact_id)

    @property
    def path(self) -> str:
        """Its page."""
        about = f"campaigns/{self.key}" if self.key else f"contacts/{self.contact_id}"
        return f"{BASE}/{about}/{self.kind.value}"


_TRIED: Mapping[RequestKind, str] = {
    RequestKind.UNDO: "Undoing the maintenance of {key}",
    RequestKind.REDO: "Taking back the undo of {key}",
    RequestKind.REINSTATE: "Reinstating contact {contact}",
    RequestKind.RELEASE: "Ending the quarantine of contact {contact}",
    RequestKind.SUPPRESS: "Suppressing contact {contact}",
}
_TAKEN_BACK: Mapping[ItemAction, str] = {
    ItemAction.SUPPRESS: "suppressed: back onto the lists that they were on, and mailed again",
    ItemAction.MOVE: "moved: back to the list that they were on",
    ItemAction.ENROL: "added to a list: off it again",
    ItemAction.QUARANTINE: "kept from mail for a while: mailed again",
    ItemAction.REMOVE: "taken off one list: back onto it",
}
_DONE_AGAIN: Mapping[ItemAction, str] = {
    ItemAction.SUPPRESS: "suppressed again: off the lists, and not mailed",
    ItemAction.MOVE: "moved again",
    ItemAction.ENROL: "added to a list again",
    ItemAction.QUARANTINE: "kept from mail again",
    ItemAction.REMOVE: "taken off one list again",
}


@dataclass(frozen=True, slots=True)
class WhatHappens:
    """One sentence with the number of contacts that it is about."""

    contacts: int
    words: str


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/campaigns/{key}/{kind}")
    def before_campaign(request: Request, key: Key, kind: OfCampaign, sweep: Sweep = Sweep.H24) -> Response:
        return _page(request, services, Wanted(RequestKind(kind.value), key, sweep))

    @routes.post("/campaigns/{key}/{kind}")
    def of_campaign(
        request: Request, key: Key, kind: OfCampaign, sent: Form, visitor: Visiting, sweep: Sweep = Sweep.H24
    ) -> Response:
        return _asked(request, services, Wanted(RequestKind(kind.value), key, sweep), sent, visitor)

    @routes.get("/contacts/{contact_id}/{kind}")
    def before_contact(request: Request, contact_id: ContactId, kind: OfContact) -> Response:
        return _page(request, services, Wanted(RequestKind(kind.value), contact_id=contact_id))

    @routes.post("/contacts/{contact_id}/{kind}")
    def of_contact(request: Request, contact_id: ContactId, kind: OfContact, sent: Form, visitor: Visiting) -> Response:
        return _asked(request, services, Wanted(RequestKind(kind.value), contact_id=contact_id), sent, visitor)

    @routes.get("/requests")
    def requests(request: Request, after: After = 0) -> Response:
        return page(request, "requests.html", found=requests_page(services, after=after, limit=ENTRIES))

    @routes.get("/requests/{number}")
    def one(request: Request, number: Number) -> Response:
        asked = request_shown(services, number)
        return page(
            request,
            "request.html",
            asked=asked,
            is_correction=asked.kind in CORRECTIONS,
            plans=[existing_plan(services, plan_id) for plan_id in asked.plans],
        )

    return routes


def _preview(services: Services, wanted: Wanted) -> Preview | None:
    """What our rows say that it would do; None: it is one step for one contact."""
    if wanted.kind is RequestKind.UNDO:
        return preview_undo(services, wanted.key, sweep=wanted.sweep, looks_first=False)
    if wanted.kind is RequestKind.REDO:
        return preview_redo(services, wanted.key, sweep=wanted.sweep, looks_first=False)
    if wanted.kind is RequestKind.REINSTATE:
        return preview_reinstatement(services, wanted.contact_id, looks_first=False)
    return None


def _asked(request: Request, services: Services, wanted: Wanted, sent: dict[str, str], visitor: Visitor) -> Response:
    note = sent.get("note", "")
    try:
        decider(visitor, wanted.tried)
        found = _preview(services, wanted)
        if found is not None and sent.get("shown", "") != found.content_hash:
            raise RefusedError(
                wanted.tried, "it would do something else by now than the page showed", "Look again; nothing was done"
            )
        number = _request(services, wanted, visitor, note, despite_complaint=sent.get("despite_complaint") == "on")
    except (RefusedError, LockHeldError) as error:
        status = 409 if is_late(error) else 403
        return _page(request, services, wanted, problem=str(error), status=status, note=note)
    return RedirectResponse(f"{BASE}/requests/{number}", 303)


def _request(services: Services, wanted: Wanted, visitor: Visitor, note: str, *, despite_complaint: bool) -> int:
    who = visitor.principal
    if wanted.kind is RequestKind.UNDO:
        return request_undo(
            services, wanted.key, who, note=note, sweep=wanted.sweep, despite_complaint=despite_complaint
        )
    if wanted.kind is RequestKind.REDO:
        return request_redo(services, wanted.key, who, note=note, sweep=wanted.sweep)
    if wanted.kind is RequestKind.REINSTATE:
        return request_reinstatement(services, wanted.contact_id, who, note=note, despite_complaint=despite_complaint)
    if wanted.kind is RequestKind.RELEASE:
        return request_release(services, wanted.contact_id, who, note=note)
    return request_suppression(services, [wanted.contact_id], who, reason=note)


def _page(
    request: Request, services: Services, wanted: Wanted, *, problem: str = "", status: int = 200, note: str = ""
) -> Response:
    found = _preview(services, wanted)
    refused = found.refused if found is not None else {}
    return page(
        request,
        "correction.html",
        status=status,
        wanted=wanted,
        kind=wanted.kind.value,
        happens=_in_words(wanted.kind, found) if found is not None else (),
        left=[WhatHappens(len(ids), reason.words) for reason, ids in refused.items()],
        withdrawn=found.withdrawn if found is not None else 0,
        shown=found.content_hash if found is not None else "",
        has_complaints=Refusal.COMPLAINT in refused and wanted.kind is not RequestKind.REDO,
        is_nothing=found is not None and not found.changes and not found.withdrawn,
        blocked_because=change_block_reason(services),
        problem=problem,
        note=note,
    )


def _in_words(kind: RequestKind, found: Preview) -> list[WhatHappens]:
    said = _DONE_AGAIN if kind is RequestKind.REDO else _TAKEN_BACK
    many = Counter(one.kind for one in found.changes)
    return [WhatHappens(count, said.get(action, action.value)) for action, count in sorted(many.items())]
