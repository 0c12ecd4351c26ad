"""Contacts: ``/api/contacts``. Why one is where it is, by its id or its address; an address is read from a body only.

A path stands in logs and histories of whatever is in front of this service: so no path and no query takes an address. Does not
belong here: changing what becomes of a contact (``corrections``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from list_pipeline.api.common import ContactId, Model, Reader, shown_as
from list_pipeline.core.foreign_text import LONGEST_ADDRESS
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.evidence_card.document import CardDocument, document_of
from list_pipeline.operations.services import Services

_CARD = {
    "contactId": 254510270,
    "headline": "Contact 254510270 (b***@s***.example)",
    "answer": ["It is on List 1 and was never suppressed.", "It gets mail."],
    "sections": [{"title": "Deliveries", "lines": ["Last reached on 2026-11-20."]}],
    "erased": None,
    "stored": None,
}

Full = Annotated[bool, Query(description="Sections have everything that is stored, not the latest of each kind.")]


class Wanted(Model):
    """Who is looked for."""

    model_config = shown_as(contact="254510270")

    contact: str = Field(
        min_length=1,
        max_length=LONGEST_ADDRESS,
        description="Mailjet's number of the contact, or its address. It stands in no log and in no answer.",
    )
    full: bool = False


class Card(Model):
    """The evidence card: why a contact is where it is, what would have changed it, and who decided what."""

    model_config = shown_as(card=_CARD)

    card: CardDocument


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/contacts", tags=["contacts"])

    @routes.post("/search")
    def search(wanted: Wanted, _: Reader) -> Card:
        return Card(card=document_of(evidence_card(services, wanted.contact), full=wanted.full))

    @routes.get("/{contact_id}")
    def contact(contact_id: ContactId, _: Reader, full: Full = False) -> Card:
        return Card(card=document_of(evidence_card(services, str(contact_id)), full=full))

    return routes
