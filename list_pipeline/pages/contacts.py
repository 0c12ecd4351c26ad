"""Why a contact is where it is: found by its number or its address.

An address is read from a form only, and stands in no path, no query, no log and no answer.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.foreign_text import LONGEST_ADDRESS, storable
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.evidence_card.document import document_of
from list_pipeline.operations.run_requests.offers import offers_about_contact
from list_pipeline.operations.services import Services
from list_pipeline.pages.common import ContactId, Form
from list_pipeline.pages.rendering import BASE, page


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter()

    @routes.get("/contacts")
    def form(request: Request) -> Response:
        return page(request, "contacts.html", problem="", card=None)

    @routes.post("/contacts")
    def search(request: Request, sent: Form) -> Response:
        wanted = storable(sent.get("contact", "").strip())
        if not wanted or len(wanted) > LONGEST_ADDRESS:
            problem = "Give the number of one contact, or its whole address."
            return page(request, "contacts.html", status=422, problem=problem, card=None)
        try:
            card = document_of(evidence_card(services, wanted))
        except NotFoundError:
            problem = "We have no such contact, and nobody like this was erased."
            return page(request, "contacts.html", status=404, problem=problem, card=None)
        except RefusedError as error:
            return page(request, "contacts.html", status=409, problem=str(error), card=None)
        if card.contact_id is not None:
            return RedirectResponse(f"{BASE}/contacts/{card.contact_id}", 303)
        return page(request, "contacts.html", problem="", card=card)

    @routes.get("/contacts/{contact_id}")
    def contact(request: Request, contact_id: ContactId, full: Annotated[bool, Query()] = False) -> Response:
        card = document_of(evidence_card(services, str(contact_id)), full=full)
        return page(request, "contact.html", card=card, full=full, offers=offers_about_contact(services, contact_id))

    return routes
